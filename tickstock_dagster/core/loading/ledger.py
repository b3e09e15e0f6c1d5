"""The life of a work unit: its states, what an error means for it, when it is tried again, and which is leased first.

    pending ──► leased ──► done
       ▲          ├──────► retrying ──► leased (from `not_before` on)
       │          └──────► dead
       └── its lease ended or was given back

Planning opens a unit again whatever its state: what is owed decides, a receipt never does. Only a lease stands in the
way, since somebody is asking at this moment. Pure: times and chance are arguments. Leasing belongs in
`adapters.ledger`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Dataset(StrEnum):
    """What a unit is about: one for each kind of truth in the store. The values stand in `work_units.dataset`."""

    OHLCV_DAILY = "ohlcv_daily"
    OHLCV_1MIN = "ohlcv_1min"
    LISTINGS = "listings"
    SYMBOL_DETAILS = "symbol_details"
    ETF_PROFILES = "etf_profiles"
    CORPORATE_ACTIONS = "corporate_actions"
    FAIR_VALUES = "fair_values"
    MEMBERSHIPS = "memberships"
    CORRELATIONS = "correlations"
    QUALITY_REPORTS = "quality_reports"


class UnitStatus(StrEnum):
    """Where a unit is. The values stand in `work_units.status`."""

    PENDING = "pending"
    """Planned, and waiting for a run to lease it."""
    LEASED = "leased"
    """A run is asking, and no other run may until its lease ends."""
    DONE = "done"
    """Answered; its rows were stored in the same transaction."""
    RETRYING = "retrying"
    """Failed, and may be leased again from a moment on."""
    DEAD = "dead"
    """Failed for good: nothing tries it again by itself, until it is planned again."""
    CANCELLED = "cancelled"
    """Its answer is no longer wanted."""


class ErrorClass(StrEnum):
    """What kind of error ended a unit. The values stand in `work_units.error_class`."""

    TRANSIENT = "transient"
    """May go away by itself: a timeout, an answer of 5xx or 429, bars that are not out yet."""
    PERMANENT = "permanent"
    """The same question gets the same answer: no such ticker, a malformed answer for one ticker."""
    REFUSED = "refused"
    """The vendor does not permit or accept the question: 401, 403, 400. A person has to change something."""


TRANSITIONS: dict[UnitStatus, frozenset[UnitStatus]] = {
    UnitStatus.PENDING: frozenset({UnitStatus.LEASED, UnitStatus.CANCELLED}),
    UnitStatus.LEASED: frozenset(
        {UnitStatus.PENDING, UnitStatus.DONE, UnitStatus.RETRYING, UnitStatus.DEAD, UnitStatus.CANCELLED}
    ),
    UnitStatus.RETRYING: frozenset({UnitStatus.LEASED, UnitStatus.PENDING, UnitStatus.CANCELLED}),
    UnitStatus.DONE: frozenset({UnitStatus.PENDING}),
    UnitStatus.DEAD: frozenset({UnitStatus.PENDING, UnitStatus.CANCELLED}),
    UnitStatus.CANCELLED: frozenset({UnitStatus.PENDING}),
}
"""From each state, those that may follow it. To pending from an ended state means: planned again."""

OPEN = frozenset({UnitStatus.PENDING, UnitStatus.LEASED, UnitStatus.RETRYING})
"""States in which a unit is still work to do."""

MOST_FAILURES = 5
"""So many bad ends in a row make a unit dead. The first good one ends the row; planning does not."""

FIRST_BACK_OFF = timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(hours=1)
JITTER = 0.25
"""Share of a back-off that is added by chance at most, so that units that failed together do not return together."""

AGEING = timedelta(minutes=15)
"""Waiting for this long is worth one point of priority."""


@dataclass(frozen=True, slots=True)
class RetryTerms:
    """How often a unit may fail, and how its waits grow. The default is the ledger's own; equity types have theirs.

    Attributes:
        most_failures: so many bad ends in a row make it dead: the first try and its repetitions.
        multiplier: each wait is so many times the one before; at least 1.
    """

    most_failures: int = MOST_FAILURES
    multiplier: float = 2.0


def may_follow(status: UnitStatus, follower: UnitStatus) -> bool:
    """Whether a unit may go from one state to another."""
    return follower in TRANSITIONS[status]


def back_off(failures: int, chance: float, multiplier: float = 2.0) -> timedelta:
    """How long a unit waits after its newest failure: 1, 2, 4, … minutes, an hour at most, and up to a quarter more.

    Args:
        failures: in a row, the newest included; at least 1.
        chance: 0 to 1.
        multiplier: of the wait before; at least 1.
    """
    grown = multiplier ** min(max(failures, 1) - 1, 16)
    longest = LONGEST_BACK_OFF / FIRST_BACK_OFF
    return FIRST_BACK_OFF * min(grown, longest) * (1 + JITTER * chance)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a unit that was asked for; `not_before` is aware, and only given where it is tried again."""

    status: UnitStatus
    not_before: datetime | None = None


_OWN_TERMS = RetryTerms()


def after_failure(
    error: ErrorClass, failures: int, now: datetime, chance: float, terms: RetryTerms = _OWN_TERMS
) -> Outcome:
    """What becomes of a unit that failed.

    Args:
        error: transient errors are tried again; all others are final.
        failures: in a row, this one included.
        now: aware.
        chance: 0 to 1, for the back-off.
        terms: of its type, where it has one.
    """
    if error is not ErrorClass.TRANSIENT or failures >= terms.most_failures:
        return Outcome(UnitStatus.DEAD)
    return Outcome(UnitStatus.RETRYING, now + back_off(failures, chance, terms.multiplier))


def urgency(priority: int, waited: timedelta) -> timedelta:
    """Which unit is leased first: the one with the greatest urgency.

    The time since it was planned plus one `AGEING` for each step of its priority (10 critical, 5 high, 2 normal, 1
    low): a time, because times add up without rounding and equally urgent units stay equal. The sum grows
    without a bound and equally fast for all, so that whatever waits comes first at last: low work is leased before
    critical work that is planned two and a quarter hours later. Two units never change places while they wait.

    Args:
        priority: as `work_units.priority`.
        waited: since it was planned, or planned again after an end.
    """
    return priority * AGEING + waited
