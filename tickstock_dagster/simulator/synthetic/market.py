"""The synthetic market as `MarketData`: who is in it, and each member's series, drawn when first asked for."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from threading import RLock

import numpy as np

from tickstock_dagster.simulator.securities import (
    DaySeries,
    DividendEvent,
    Security,
    SplitEvent,
    TickerSpan,
    stable_hash,
)
from tickstock_dagster.simulator.sessions import FIRST_DAY, Sessions, sessions
from tickstock_dagster.simulator.synthetic.catalogue import SECTORS, Traits, named_listings
from tickstock_dagster.simulator.synthetic.history import LISTED, RENAMES, SPLITS
from tickstock_dagster.simulator.synthetic.oddities import Member, odd_members
from tickstock_dagster.simulator.synthetic.prices import common_factors, dividends_of, draw_series, generator

_SIC = {"T": ("3570", "COMPUTER & OFFICE EQUIPMENT"), "F": ("6021", "NATIONAL COMMERCIAL BANKS"),
        "H": ("2834", "PHARMACEUTICAL PREPARATIONS"), "D": ("5940", "RETAIL-MISCELLANEOUS SHOPPING GOODS STORES"),
        "S": ("2080", "BEVERAGES"), "E": ("1311", "CRUDE PETROLEUM & NATURAL GAS"),
        "I": ("3560", "GENERAL INDUSTRIAL MACHINERY & EQUIPMENT"), "M": ("2800", "CHEMICALS & ALLIED PRODUCTS"),
        "U": ("4911", "ELECTRIC SERVICES"), "R": ("6798", "REAL ESTATE INVESTMENT TRUSTS"),
        "C": ("4841", "CABLE & OTHER PAY TELEVISION SERVICES")}  # fmt: skip

_PAYMENTS_A_YEAR = 4


def _cik(key: str) -> str:
    return f"{1_000_000 + stable_hash(f'cik:{key}') % 800_000:010d}"


def _named_members() -> list[Member]:
    members: list[Member] = []
    for listing in named_listings():
        listed = LISTED.get(listing.ticker)
        spans = RENAMES.get(listing.ticker) or (TickerSpan(listing.ticker, listed or FIRST_DAY),)
        stock = listing.equity_type == "CS"
        security = Security(
            key=listing.ticker,
            name=listing.name,
            equity_type=listing.equity_type,
            exchange=listing.exchange,
            cik=_cik(listing.ticker) if stock else None,
            spans=spans,
            list_date=listed,
            shares=int(listing.traits.daily_shares * 160),
            sic=_SIC[listing.traits.follows] if stock else None,
        )
        members.append((security, listing.traits, SPLITS.get(listing.ticker, ())))
    return members


def _invented_splits(seed: int, ticker: str, calendar: Sessions) -> tuple[SplitEvent, ...]:
    """For a third of the invented tickers, about one split in four years; one in four of them a reverse one."""
    random = generator(seed, f"splits:{ticker}")
    if random.random() > 1 / 3:
        return ()
    splits = []
    at = 0
    while (at := at + int(random.integers(500, 1_500))) < len(calendar.days):
        ratio = float(random.choice([2, 2, 3, 4, 5, 10]))
        old, new = (ratio, 1.0) if random.random() < 1 / 4 else (1.0, ratio)
        splits.append(SplitEvent(calendar.days[at], old, new))
    return tuple(splits)


def _invented_ticker(seed: int, number: int, taken: set[str]) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    attempt = 0
    while True:
        value = stable_hash(f"ticker:{seed}:{number}:{attempt}")
        ticker = "".join(letters[(value >> (5 * place)) % 26] for place in range(4))
        if ticker not in taken:
            return ticker
        attempt += 1


def _invented_member(seed: int, number: int, ticker: str, calendar: Sessions) -> Member:
    random = generator(seed, f"member:{number}")
    fund = random.random() < 0.25
    sector = str(random.choice(list(SECTORS)))
    traits = Traits(
        price=round(float(np.exp(random.normal(3.6, 0.8))), 2),
        daily_shares=round(float(np.exp(random.normal(13.2, 1.3)))),
        dividend_yield=0.02 if random.random() < 0.4 else 0.0,
        follows=sector,
        beta=round(float(random.uniform(0.6, 1.5)), 2),
        own_volatility=0.002 if fund else round(float(random.uniform(0.012, 0.028)), 4),
    )
    listed = calendar.days[int(random.integers(0, 5_500))] if random.random() < 0.5 else None
    stem = f"{ticker.title()} {SECTORS[sector].title()}"
    security = Security(
        key=ticker,
        name=f"{stem} ETF" if fund else f"{stem} Inc.",
        equity_type="ETF" if fund else "CS",
        exchange="ARCX" if fund else str(random.choice(["XNYS", "XNAS", "XASE"], p=[0.4, 0.5, 0.1])),
        cik=None if fund else _cik(ticker),
        spans=(TickerSpan(ticker, listed or FIRST_DAY),),
        list_date=listed,
        shares=int(traits.daily_shares * 150),
        sic=None if fund else _SIC[sector],
    )
    splits = () if fund else _invented_splits(seed, ticker, calendar)
    return security, traits, tuple(split for split in splits if listed is None or split.ex_date > listed)


class SyntheticMarket:
    """`symbols` securities at least (all named and odd ones are always in), the same for the same `seed`."""

    def __init__(self, seed: int, symbols: int) -> None:
        self._seed = seed
        self._calendar = sessions()
        members = _named_members() + odd_members()
        taken = {span.ticker for security, _, _ in members for span in security.spans}
        for number in range(max(symbols - len(members), 0)):
            ticker = _invented_ticker(seed, number, taken)
            taken.add(ticker)
            members.append(_invented_member(seed, number, ticker, self._calendar))
        self._traits = {security.key: traits for security, traits, _ in members}
        self._splits = {security.key: splits for security, _, splits in members}
        self.securities: Sequence[Security] = [security for security, _, _ in members]
        self._holders: dict[str, list[Security]] = {}
        for security in self.securities:
            for span in security.spans:
                self._holders.setdefault(span.ticker, []).append(security)
        for holders in self._holders.values():
            holders.sort(key=lambda security: security.spans[0].first)
        self._factors = common_factors(seed, self._calendar)
        self._series: dict[str, DaySeries] = {}
        self._dividends: dict[str, tuple[DividendEvent, ...]] = {}
        self._lock = RLock()

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed `ticker` at some time, oldest first."""
        return self._holders.get(ticker, ())

    def series(self, security: Security) -> DaySeries:
        """Its raw bars between its first and its last listed day."""
        with self._lock:
            if security.key not in self._series:
                self._draw(security)
            return self._series[security.key]

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits, oldest first."""
        return self._splits[security.key]

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends, oldest first."""
        if not self._traits[security.key].dividend_yield:
            return ()
        self.series(security)
        return self._dividends[security.key]

    def warm(self) -> None:
        """Draw every series."""
        for security in self.securities:
            self.series(security)

    def _payouts(self, security: Security) -> tuple[tuple[date, float], ...]:
        """Quarterly (ex-date, fraction of the price); the month and day are the security's own."""
        traits = self._traits[security.key]
        if not traits.dividend_yield:
            return ()
        offset = stable_hash(f"dividends:{security.key}") % 60
        days = self._calendar.days[offset :: 252 // _PAYMENTS_A_YEAR]
        return tuple((day, traits.dividend_yield / _PAYMENTS_A_YEAR) for day in days)

    def _draw(self, security: Security) -> None:
        payouts = self._payouts(security)
        whole = draw_series(
            self._seed,
            security.key,
            self._traits[security.key],
            self._calendar,
            self._factors,
            self._splits[security.key],
            payouts,
        )
        listed = np.zeros(len(whole.ordinals), dtype=bool)
        for span in security.spans:
            last = span.last or date.max
            listed |= (whole.ordinals >= span.first.toordinal()) & (whole.ordinals <= last.toordinal())
        series = DaySeries(
            whole.ordinals[listed],
            whole.open[listed],
            whole.high[listed],
            whole.low[listed],
            whole.close[listed],
            whole.volume[listed],
            with_trades=True,
        )
        self._series[security.key] = series
        self._dividends[security.key] = dividends_of(payouts, series, self._calendar, _PAYMENTS_A_YEAR)


@lru_cache(maxsize=4)
def synthetic_market(seed: int, symbols: int) -> SyntheticMarket:
    """The market of `seed`; several simulators of one process share it, since it never changes."""
    return SyntheticMarket(seed, symbols)
