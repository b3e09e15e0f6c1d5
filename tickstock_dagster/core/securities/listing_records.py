"""Records of listings: rows of a dated list, intervals under a ticker, securities, questions to the vendor.

Values only. Taking in a list belongs in `core.securities.ticker_histories`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.intervals import covers

EARLIEST = date(1900, 1, 1)
"""Stands for an unknown start."""

WITHOUT_FIGI = "ticker:"
"""Prefix of the identity of a security that is known by its ticker alone."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a dated list. Text fields are as the vendor gives them, None where they are missing."""

    ticker: str
    composite_figi: str | None = None
    name: str | None = None
    equity_type: str | None = None
    primary_exchange: str | None = None
    cik: str | None = None
    share_class_figi: str | None = None

    @property
    def identity(self) -> str:
        """The key that identifies the security in other lists."""
        return self.composite_figi or f"{WITHOUT_FIGI}{self.ticker}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Days under one ticker: [valid_from, valid_to), sighted on lists from `seen_from` to `seen_to` inclusive.

    `start_known` says how well `valid_from` is known: unknown (`EARLIEST`; the start may be later), absent_before (the
    earliest possible start: an earlier list lacks the security, or it was delisted before), first_bar (the vendor's
    history begins there), vendor (the vendor states the change).
    """

    ticker: str
    valid_from: date
    valid_to: date | None
    start_known: str
    seen_from: date
    seen_to: date

    def covers(self, day: date) -> bool:
        """Whether the interval includes `day`."""
        return covers(self.valid_from, self.valid_to, day)

    def spans(self, day: date) -> bool:
        """Whether `day` is a sighting, or lies between two."""
        return self.seen_from <= day <= self.seen_to


@dataclass(frozen=True, slots=True)
class Security:
    """A security and its intervals, by date, at least one. `security_id` is None until the security is stored.

    `on_lists` is False while only files of bars have shown it: no list is expected to contain it.
    """

    identity: str
    intervals: tuple[Interval, ...]
    security_id: int | None = None
    delisted_on: date | None = None
    facts: Listed | None = None
    on_lists: bool = True


@dataclass(frozen=True, slots=True)
class Boundary:
    """A question: on which day in (after, until] did `identity` begin to hold `ticker`, or stop holding it?"""

    ticker: str
    identity: str
    begins: bool
    after: date
    until: date


Resolver = Callable[[Boundary], date]
"""Answers a `Boundary`; a day in (after, until]."""
