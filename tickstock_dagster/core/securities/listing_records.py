"""Records of listings: rows of a dated list, intervals under a ticker, securities, questions to the vendor.

Values only. Taking in a list belongs in `core.securities.ticker_histories`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from tickstock_dagster.core.intervals import covers

EARLIEST = date(1900, 1, 1)
"""Stands for an unknown start."""

WITHOUT_FIGI = "ticker:"
"""Prefix of the identity of a security that is known by its ticker alone."""


_FACTS = ("name", "equity_type", "primary_exchange", "cik", "share_class_figi")


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

    def completed(self, former: "Listed | None") -> "Listed":
        """The row with what a former list said where this one says nothing: that removes no fact."""
        if former is None:
            return self
        lacking = {name: getattr(former, name) for name in _FACTS if getattr(self, name) is None}
        return replace(self, **lacking) if lacking else self

    @property
    def identity(self) -> str:
        """The key that identifies the security in other lists."""
        return self.composite_figi or f"{WITHOUT_FIGI}{self.ticker}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Days under one ticker: [valid_from, valid_to), sighted on lists from `seen_from` to `seen_to` inclusive.

    `start_known` says how well `valid_from` is known: unknown (`EARLIEST`; the start may be later), absent_before (the
    earliest possible start: an earlier list lacks the security, or it was delisted before), first_bar (the vendor's
    history begins there), vendor (the vendor states the change). An interval that is unknown and begins with its first
    sighting follows a change whose day could not be asked for (`is_unresolved`).

    `gone_on` is the first later list that lacks the security and proves that its listing may have ended; None where no
    list does, and where the end is stated. Then the last day lies between `seen_to` and `gone_on`.
    [`stated_from`, `stated_to`) are the days for which the source states all tickers of the security together.
    """

    ticker: str
    valid_from: date
    valid_to: date | None
    start_known: str
    seen_from: date
    seen_to: date
    gone_on: date | None = None
    stated_from: date | None = None
    stated_to: date | None = None

    @property
    def expected_from(self) -> date:
        """First day of the listing as the lists prove it. In the store a bar may show an earlier one."""
        return self.seen_from if self.start_known == "absent_before" else self.valid_from

    @property
    def expected_to(self) -> date | None:
        """The day after the last one of the listing as the lists prove it. In the store a bar may show a later one."""
        return self.valid_to if self.gone_on is None else self.seen_to + timedelta(days=1)

    @property
    def is_unresolved(self) -> bool:
        """Whether the day on which it began could not be asked for; it is asked again with the next list."""
        return self.start_known == "unknown" and self.valid_from == self.seen_from > EARLIEST

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


Resolver = Callable[[Boundary], date | None]
"""Answers a `Boundary`: a day in (after, until], or None where the source could not be asked."""
