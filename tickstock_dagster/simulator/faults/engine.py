"""The faults that are active now, for which calls, and for how many more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from threading import RLock
from typing import Any

from tickstock_dagster.simulator.faults import catalogue as faults
from tickstock_dagster.simulator.faults.catalogue import Fault
from tickstock_dagster.simulator.faults.damage import spoil

REFUSING = (
    faults.RateLimitStorm,
    faults.ServerError,
    faults.ConnectionDrop,
    faults.NotEntitled,
    faults.OutOfHistory,
    faults.BeforeEndOfDay,
)
"""Faults that replace the answer."""

ROW_WISE = (
    faults.OtherTicker,
    faults.DuplicateRows,
    faults.ContradictingRows,
    faults.SaturdayBar,
    faults.ReplacedDay,
    faults.MissingSymbols,
    faults.HalfAppliedSplit,
)
"""Faults that can strike one ticker's row of a whole-market answer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call is about: its path and, where the path names them, ticker and days (inclusive)."""

    path: str
    ticker: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(slots=True)
class _Installed:
    fault: Fault
    left: int | None
    hits: int = 0

    def use(self) -> None:
        self.hits += 1
        if self.left is not None:
            self.left -= 1


class FaultEngine:
    """The installed faults, oldest first. Safe to change from another thread."""

    def __init__(self) -> None:
        self._installed: list[_Installed] = []
        self._lock = RLock()

    def install(self, fault: Fault) -> None:
        """Activate `fault`."""
        with self._lock:
            self._installed.append(_Installed(fault, fault.times))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._installed.clear()

    def described(self) -> list[dict[str, Any]]:
        """Each fault with its parameters, how often it struck (`hits`) and for how many calls it is `left`."""
        with self._lock:
            return [
                {**entry.fault.model_dump(mode="json", exclude={"times"}), "hits": entry.hits, "left": entry.left}
                for entry in self._installed
            ]

    def refusal(self, subject: Subject) -> Fault | None:
        """The fault that replaces the answer, if one does; counts it."""
        return self._take(subject, REFUSING)

    def delay(self, subject: Subject) -> float:
        """Seconds by which the answer is late; counts the fault."""
        fault = self._take(subject, (faults.Timeout,))
        return fault.seconds if isinstance(fault, faults.Timeout) else 0.0

    def cut(self, subject: Subject) -> faults.CutBody | None:
        """The fault that cuts the encoded body, if one does; counts it."""
        fault = self._take(subject, (faults.CutBody,))
        return fault if isinstance(fault, faults.CutBody) else None

    def spoiled(self, subject: Subject, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload after every fault that applies to it."""
        with self._lock:
            for entry in self._matching(subject):
                changed = spoil(entry.fault, payload, subject.ticker, subject.first if _one_day(subject) else None)
                if changed is None:
                    continue
                # callers see a correction from the second read on
                if not isinstance(entry.fault, faults.ReplacedDay) or entry.hits > 0:
                    payload = changed
                entry.use()
        return payload

    def lateness(self, day: date) -> timedelta | None:
        """How much later than usual the bars of `day` are published; None: not before the fault is cleared."""
        late: timedelta | None = timedelta()
        with self._lock:
            for entry in self._installed:
                if isinstance(entry.fault, faults.LateDay) and entry.fault.day == day:
                    if entry.fault.minutes is None:
                        return None
                    late = timedelta(minutes=entry.fault.minutes)
        return late

    def late_days(self) -> set[date]:
        """Days whose bars are late."""
        with self._lock:
            return {entry.fault.day for entry in self._installed if isinstance(entry.fault, faults.LateDay)}

    def _take(self, subject: Subject, kinds: tuple[type[Fault], ...]) -> Fault | None:
        with self._lock:
            for entry in self._matching(subject):
                if isinstance(entry.fault, kinds):
                    entry.use()
                    return entry.fault
        return None

    def _matching(self, subject: Subject) -> Iterable[_Installed]:
        return [entry for entry in self._installed if entry.left != 0 and _concerns(entry.fault, subject)]


def _one_day(subject: Subject) -> bool:
    return subject.first is not None and subject.first == subject.last


def _concerns(fault: Fault, subject: Subject) -> bool:
    if not fnmatchcase(subject.path, fault.path):
        return False
    if fault.ticker and subject.ticker and fault.ticker != subject.ticker:
        return False
    if fault.ticker and subject.ticker is None and not isinstance(fault, ROW_WISE):
        return False
    if fault.day is None:
        return True
    return subject.first is not None and subject.last is not None and subject.first <= fault.day <= subject.last
