"""What another document of an equity type would have done on past sessions: verdicts, alerts, urgency and retries.

Compares what follows from the rules in force with what follows from the new ones; both were found by the functions that
the work itself uses. Reading what they need belongs in `adapters.quality.type_shadow`; nothing is written anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

import polars as pl

from tickstock_dagster.core.loading.coverage import FIRST_RETRY
from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.securities.equity_types import RetryConfig


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A symbol on which the new rules say something else.

    Attributes:
        ticker: as printed on the last of the sessions.
        before: verdict by the rules in force on the last session on which they differ.
        after: verdict by the new ones.
        reason: the new verdict's numbers.
        sessions: on how many sessions they differ.
        last: the last one.
    """

    ticker: str
    before: str
    after: str
    reason: str
    sessions: int
    last: date


@dataclass(frozen=True, slots=True)
class AlertChange:
    """The alerts of one rule on one session: how many there are and would be, which come and which go."""

    session: date
    rule: str
    before: int
    after: int
    more: tuple[str, ...]
    fewer: tuple[str, ...]

    @classmethod
    def of(cls, session: date, rule: str, before: set[str], after: set[str]) -> Self:
        """Compare the tickers with an alert."""
        return cls(session, rule, len(before), len(after), tuple(sorted(after - before)), tuple(sorted(before - after)))


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A unit of work that would have had another priority."""

    kind: str
    subject: str
    first: date
    last: date
    before: Priority
    after: Priority


@dataclass(frozen=True, slots=True)
class RetryChange:
    """An absent bar that would be requested again at another time.

    Attributes:
        ticker: as printed.
        session: the bar's.
        answers: good answers that lacked it so far.
        before: minutes to the next request by the terms in force; None: not before the vendor's corrections are in.
        after: the same by the new terms.
    """

    ticker: str
    session: date
    answers: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a new document would have done, for the sessions looked at."""

    equity_type: str
    sessions: tuple[date, ...]
    symbols: int
    verdicts: tuple[VerdictChange, ...]
    alerts: tuple[AlertChange, ...]
    units: tuple[UnitChange, ...]
    retries: tuple[RetryChange, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether all would have been the same."""
        same = all(one.before == one.after and not one.more for one in self.alerts)
        return same and not (self.verdicts or self.units or self.retries)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "changes_nothing": self.changes_nothing}


VERDICT_SCHEMA: dict[str, type[pl.DataType]] = {
    "session": pl.Date,
    "ticker": pl.String,
    "before": pl.String,
    "after": pl.String,
    "reason": pl.String,
    "security_id": pl.Int64,
}
"""The verdict on a symbol on a session by both rules, and the new one's reason."""


def verdict_changes(verdicts: pl.DataFrame) -> tuple[VerdictChange, ...]:
    """The symbols with another verdict, those that would newly fail first, each once.

    Args:
        verdicts: `VERDICT_SCHEMA`, of all sessions.
    """
    differ = verdicts.filter(pl.col("before") != pl.col("after")).sort("security_id", "session")
    last = differ.group_by("security_id", maintain_order=True).agg(
        pl.col("ticker", "before", "after", "reason").last(), pl.len().alias("sessions"), pl.col("session").last()
    )
    rows = last.sort(pl.col("after") != "fails", "ticker").select(
        "ticker", "before", "after", "reason", "sessions", "session"
    )
    return tuple(VerdictChange(*row) for row in rows.iter_rows())


def unit_changes(
    units: Mapping[str, tuple[str, str, date, date]], before: Mapping[str, Priority], after: Mapping[str, Priority]
) -> tuple[UnitChange, ...]:
    """The units with another priority, the newest and most urgent first.

    Args:
        units: kind, subject, first and last session by id.
        before: priorities by the rules in force, by id.
        after: priorities by the new ones.
    """
    found = [UnitChange(*units[one], before[one], after[one]) for one in before if before[one] is not after[one]]
    return tuple(sorted(found, key=lambda one: (-one.last.toordinal(), one.after.level, one.subject)))


def retry_changes(
    gaps: Sequence[tuple[str, date, int]], before: RetryConfig, after: RetryConfig
) -> tuple[RetryChange, ...]:
    """Absent bars whose next request would come at another time.

    Args:
        gaps: ticker, session, and how many good answers lacked the bar.
        before: the terms in force.
        after: the new ones.
    """
    rows = [
        RetryChange(ticker, session, answers, minutes_to_retry(before, answers), minutes_to_retry(after, answers))
        for ticker, session, answers in gaps
    ]
    return tuple(row for row in rows if row.before != row.after)


def minutes_to_retry(terms: RetryConfig, answers: int) -> float | None:
    """Minutes until a bar that so many answers lacked is requested again; None: when its session has settled."""
    if answers >= terms.max_retries:
        return None
    return FIRST_RETRY.total_seconds() / 60 * float(terms.backoff_multiplier**answers)
