"""ETFs of the shipped list in the synthetic market: what they follow, their volumes, the data provider's facts.

Names, venues, categories, sizes and costs are the list's; prices and volumes are invented. The series of a fund in
`catalogue` is drawn from its line there.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from math import exp

from tickstock_dagster.simulator.market.securities import FundFacts, Security, stable_hash
from tickstock_dagster.simulator.synthetic.catalogue import Listing, Traits

_LARGE, _LARGE_TRADES = 1e9, 25e6
"""A fund above this AUM trades at least this many dollars a day: far above the thresholds of universes."""
_TURNOVER = 0.006
_UNKNOWN_AUM = 5e8

# words of a category | what it follows | beta | own volatility | yield, % a year; the first match counts
_CHARACTERS = """
leveraged|market|2.0|0.004|0.4
inverse|market|-1.0|0.002|2.0
currency hedged|world|0.75|0.002|2.5
emerging-market bonds|bonds|0.15|0.002|5.0
high-yield bonds|bonds|0.25|0.0015|6.5
bank loans|short bonds|0.1|0.001|7.0
long|long bonds|-0.1|0.0008|4.2
treasury bills|short bonds|0|0.00005|4.5
ultra-short|short bonds|0|0.0001|4.8
floating|short bonds|0.01|0.0002|5.0
short|short bonds|0|0.0006|4.0
bonds|bonds|0.02|0.0006|3.8
preferred|bonds|0.25|0.002|6.0
currency|short bonds|-0.05|0.004|2.0
allocation|market|0.6|0.0015|2.3
gold mining|gold|0.4|0.011|1.2
silver mining|gold|0.5|0.012|1.0
copper mining|M|1.2|0.010|2.0
lithium|M|1.2|0.011|1.0
clean energy|E|1.2|0.010|1.2
solar|E|1.4|0.014|0.5
uranium|E|1.2|0.013|2.0
agribusiness|M|0.9|0.005|1.8
airline|I|1.3|0.008|0
gold|gold|0.05|0.0004|0
silver|gold|0.15|0.010|0
platinum|gold|0.2|0.010|0
palladium|gold|0.25|0.014|0
precious metals|gold|0.1|0.003|0
crude oil|commodities|0.35|0.012|0
natural gas|commodities|0.1|0.028|0
copper|commodities|0.4|0.008|0
industrial metals|commodities|0.35|0.006|0
corn|crops|0.05|0.009|0
agriculture|crops|0.1|0.002|3.5
commodit|commodities|0.25|0.001|3.0
semiconductor|T|1.3|0.007|0.6
technology|T|1.05|0.002|0.5
software|T|1.1|0.006|0.2
internet|C|1.1|0.006|0
nasdaq|T|1.05|0.001|0.6
financial|F|1.0|0.001|1.6
banks|F|1.1|0.006|2.5
biotech|H|1.0|0.009|0.2
medical|H|0.9|0.004|0.5
health|H|0.75|0.001|1.5
discretionary|D|1.1|0.001|0.8
retail|D|1.1|0.006|1.2
homebuilders|D|1.2|0.008|0.8
staples|S|0.55|0.001|2.6
oil|E|1.1|0.009|2.2
energy|E|0.9|0.001|3.2
metals and mining|M|1.2|0.009|1.0
materials|M|1.0|0.001|1.8
aerospace|I|1.0|0.004|0.8
transportation|I|1.1|0.005|1.1
industrials|I|1.0|0.001|1.3
utilities|U|0.5|0.001|2.9
real estate|R|0.85|0.001|3.6
communication|C|1.0|0.001|1.0
china|emerging|0.7|0.009|2.2
emerging|emerging|0.8|0.001|2.6
brazil|emerging|0.9|0.010|5.0
mexico|emerging|0.9|0.007|3.0
latin america|emerging|0.9|0.007|4.5
india|emerging|0.6|0.006|0.5
korea|emerging|0.9|0.007|1.5
taiwan|emerging|0.9|0.006|2.0
asia ex japan|emerging|0.8|0.003|2.0
hong kong|emerging|0.7|0.006|3.5
developed|world|0.75|0.001|2.7
world ex us|world|0.75|0.001|2.8
world|market|0.95|0.002|1.8
japan|world|0.65|0.005|2.0
europe|world|0.8|0.003|2.9
eurozone|world|0.85|0.004|2.6
germany|world|0.85|0.005|2.4
united kingdom|world|0.7|0.005|3.4
canada|world|0.75|0.004|2.1
australia|world|0.75|0.006|3.6
pacific|world|0.7|0.003|3.0
micro|small|1.1|0.004|1.2
small|small|1.05|0.001|1.3
mid|small|1.0|0.0005|1.3
growth|growth|1.08|0.001|0.5
low volatility|value|0.65|0.001|1.8
dividend|value|0.85|0.001|2.8
value|value|0.9|0.001|2.1
momentum|growth|1.0|0.003|0.7
covered call|market|0.65|0.002|7.5
"""
_USUAL = ("market", 1.0, 0.0006, 1.2)

_ASSET_CLASSES = {"bonds": "Fixed Income", "commodities": "Commodities", "currency": "Currency"}


@dataclass(frozen=True, slots=True)
class ShippedFund:
    """One line of the shipped list. `aum_usd` is in US dollars; None where unknown."""

    ticker: str
    name: str
    exchange: str
    aum_usd: float | None
    facts: FundFacts


@lru_cache(maxsize=1)
def shipped_funds() -> dict[str, ShippedFund]:
    """The ETFs that come with the package, by ticker; empty where the package has no list."""
    path = files("tickstock_dagster") / "reference_data" / "etfs.csv"
    if not path.is_file():
        return {}
    return {row["ticker"]: _fund(row) for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}


def _fund(row: dict[str, str]) -> ShippedFund:
    facts = FundFacts(
        issuer=row["issuer"],
        category=row["category"],
        asset_class=_ASSET_CLASSES.get(row["etf_type"], "Equity"),
        benchmark=row["underlying_index"] or None,
        expense_ratio=float(row["expense_ratio"]) if row["expense_ratio"] else None,
        inception_date=date.fromisoformat(row["inception_date"]) if row["inception_date"] else None,
        lags=_draw("lags", row["ticker"]) < 1 / 20,
    )
    aum = float(row["aum_usd"]) if row["aum_usd"] else None
    return ShippedFund(row["ticker"], row["name"], row["primary_exchange"], aum, facts)


def shipped_listings() -> list[tuple[Listing, date | None]]:
    """A listing to draw for every shipped fund, with its first day where that is known."""
    return [
        (
            Listing(fund.ticker, fund.name, "ETN" if " ETN" in fund.name else "ETF", fund.exchange, _traits(fund)),
            fund.facts.inception_date,
        )
        for fund in shipped_funds().values()
    ]


def shipped_shares(listing: Listing) -> int | None:
    """The number of shares that gives a listing its AUM of the shipped list; None where the list has none."""
    fund = shipped_funds().get(listing.ticker)
    return int(fund.aum_usd / listing.traits.price) if fund and fund.aum_usd else None


def fund_facts(security: Security) -> FundFacts:
    """The shipped facts of an ETF; invented facts for an invented fund."""
    fund = shipped_funds().get(security.key)
    if fund:
        return fund.facts
    costs = round(0.0005 + 0.009 * _draw("costs", security.key), 4)
    first = max(security.list_date or date(2003, 9, 10), security.spans[0].first)
    return FundFacts("Simulated Funds", "Simulated", "Equity", None, costs, first, _draw("lags", security.key) < 1 / 20)


def _traits(fund: ShippedFund) -> Traits:
    follows, beta, own_volatility, percent = _character(fund.facts.category)
    aum = fund.aum_usd or _UNKNOWN_AUM
    dollars = aum * _TURNOVER * (0.5 + _draw("turnover", fund.ticker))
    if aum > _LARGE:
        dollars = max(dollars, _LARGE_TRADES)
    price = round(exp(3.4 + 1.6 * _draw("price", fund.ticker)), 2)
    return Traits(price, round(dollars / price), percent / 100, follows, beta, own_volatility)


def _character(category: str) -> tuple[str, float, float, float]:
    words = category.lower()
    for line in _CHARACTERS.strip().splitlines():
        part, follows, beta, own_volatility, percent = line.split("|")
        if part in words:
            return follows, float(beta), float(own_volatility), float(percent)
    return _USUAL


def _draw(purpose: str, ticker: str) -> float:
    """A number in [0, 1), always the same for a purpose and a ticker."""
    return stable_hash(f"fund:{purpose}:{ticker}") / 2**64
