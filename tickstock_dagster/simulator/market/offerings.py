"""Initial public offerings: those of the market's listings, and invented ones that are withdrawn or postponed.

An offering is announced, trades for the first time or is given up; some are rumoured before. What an answer says of it
on a day belongs in `simulator.endpoints.ipos`, its prospectuses in `simulator.endpoints.filings`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.securities import Security, stable_hash

FIRST_MONTH = date(2008, 1, 1)
"""The vendor's coverage is said to start here."""

OFFERED_TYPES = ("CS", "ADRC", "UNIT")
"""Types of securities that come with an offering; funds are just listed."""

_GIVEN_UP_A_MONTH = 2
_DIRECT_LISTINGS = 20
"""One in so many listings sells no new shares."""

_NOUNS = ("Robotics", "Therapeutics", "Energy", "Software", "Logistics", "Foods", "Semiconductor", "Mining")


@dataclass(frozen=True, slots=True)
class Offering:
    """One offering.

    Attributes:
        key: identity; seeds what is invented about it.
        listing: first trading day, or the expected one of an offering that was given up.
        rumoured: since when it is talked about; None: not before it was announced.
        given_up: when it was withdrawn or postponed; None: it lists.
        security: None where there never is one.
    """

    key: str
    ticker: str
    issuer: str
    kind: str
    exchange: str | None
    cik: str
    announced: date
    listing: date
    rumoured: date | None = None
    given_up: date | None = None
    postponed: bool = False
    direct: bool = False
    security: Security | None = None


def offerings(data: MarketData, seed: int, until: date) -> Iterator[Offering]:
    """Every offering that is rumoured or announced by a day.

    Args:
        data: the market.
        seed: of what is invented.
        until: the day.
    """
    found = [_of_listing(security) for security in data.listed if _is_offered(security)]
    found += _given_up(data, seed, until)
    yield from (one for one in found if (one.rumoured or one.announced) <= until)


def _is_offered(security: Security) -> bool:
    return bool(security.list_date and security.list_date >= FIRST_MONTH and security.equity_type in OFFERED_TYPES)


def _of_listing(security: Security) -> Offering:
    assert security.list_date is not None  # noqa: S101  # only listings with a first day are offered
    chance = stable_hash(f"offering:{security.key}")
    announced = weekday(security.list_date - timedelta(days=20 + chance % 40))
    return Offering(
        key=security.key,
        ticker=security.spans[0].ticker,
        issuer=security.name,
        kind=security.equity_type or "CS",
        exchange=security.exchange,
        cik=security.cik or _cik(security.key),
        announced=announced,
        listing=security.list_date,
        rumoured=announced - timedelta(days=10 + chance % 30) if chance % 3 == 0 else None,
        direct=chance % _DIRECT_LISTINGS == 0,
        security=security,
    )


def _given_up(data: MarketData, seed: int, until: date) -> Iterator[Offering]:
    for month in range((until.year - FIRST_MONTH.year) * 12 + until.month + 1):
        start = date(FIRST_MONTH.year + month // 12, month % 12 + 1, 1)
        for number in range(_GIVEN_UP_A_MONTH):
            key = f"given up:{seed}:{start}:{number}"
            chance = stable_hash(key)
            ticker = _free_ticker(data, chance)
            announced = weekday(start + timedelta(days=chance % 28))
            listing = weekday(announced + timedelta(days=21 + chance % 30))
            yield Offering(
                key=key,
                ticker=ticker,
                issuer=f"{ticker.title()} {_NOUNS[chance % len(_NOUNS)]} Inc.",
                kind="CS",
                exchange="XNAS" if chance % 3 else "XNYS",
                cik=_cik(key),
                announced=announced,
                listing=listing,
                rumoured=announced - timedelta(days=10 + chance % 20) if chance % 2 else None,
                given_up=weekday(listing - timedelta(days=1 + chance % 10)),
                postponed=chance % 5 < 2,
            )


def _free_ticker(data: MarketData, chance: int) -> str:
    while True:
        ticker = "Q" + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(chance >> (5 * place)) % 26] for place in range(3))
        if not data.holders(ticker) and not data.listed_holders(ticker):
            return ticker
        chance += 1


def _cik(key: str) -> str:
    return f"{1_900_000 + stable_hash(f'cik:{key}') % 90_000:010d}"


def weekday(day: date) -> date:
    """The day, or the Monday after a weekend."""
    return day + timedelta(days=max(7 - day.weekday(), 0)) if day.weekday() > 4 else day
