"""Partitions by session whose windows come from the days themselves, not from cron strings merged with exclusions.

Dagster 1.13 takes 0.1 ms for each window at a weekend or holiday, and writes all 455 exclusions down each time that it
hashes the definition, 0.3 ms; a run over five years does both thousands of times. It also writes every key from its
window whenever it looks at the partitions that a check's asset has, 60 ms for twenty years. Keys, windows and identity
are those of the same `DailyPartitionsDefinition`, which is what Dagster stores and what its other processes read.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster import TimeWindow
from dagster._core.definitions.timestamp import TimestampWithTimezone

from tickstock_dagster.core.calendars.library import library_rules
from tickstock_dagster.core.calendars.markets import MARKETS

WEEKENDS = ("0 0 * * 6", "0 0 * * 0")
"""The cron strings among the exclusions."""

_DAY = timedelta(days=1)
_SATURDAY = 5


class SessionPartitions(dg.DailyPartitionsDefinition):
    """Daily partitions from midnight to midnight, without `WEEKENDS` and without the days of other exclusions."""

    def __repr__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _text(self) -> str:
        return str(super().__repr__())  # type: ignore[no-untyped-call]

    @cached_property
    def _hash(self) -> int:
        return int(super().__hash__())  # type: ignore[no-untyped-call]

    @cached_property
    def _keys_until(self) -> dict[date, list[str]]:
        """The keys up to the session that was asked for last: a run asks for them again and again."""
        return {}

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def _closed(self) -> frozenset[date]:
        """The weekdays that are excluded."""
        if self.cron_schedule != "0 0 * * *" or not set(WEEKENDS) <= set(self.exclusions or ()):
            raise ValueError(f"{self.cron_schedule} without {self.exclusions}: sessions are days without weekends")
        closed = [at for at in self.exclusions or () if isinstance(at, TimestampWithTimezone)]
        days = frozenset(datetime.fromtimestamp(at.timestamp, self._zone).date() for at in closed)
        if len(closed) + len(WEEKENDS) != len(self.exclusions or ()):
            raise ValueError(f"{self.exclusions}: sessions are excluded by {WEEKENDS} and by their midnights")
        return days

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self._zone)

    def _is_session(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self._closed

    def _iterate_time_windows(self, start_timestamp: float, ignore_exclusions: bool = False) -> Iterator[TimeWindow]:
        """All windows that start at or after a moment, without end: Dagster's own, which every question rests on."""
        at = datetime.fromtimestamp(start_timestamp, self._zone)
        day = at.date() if at == self._midnight(at.date()) else at.date() + _DAY
        begins = self._midnight(day)
        while True:
            ends = self._midnight(day + _DAY)
            if ignore_exclusions or self._is_session(day):
                yield TimeWindow(begins, ends)
            day, begins = day + _DAY, ends

    def _reverse_iterate_time_windows(
        self, end_timestamp: float, ignore_exclusions: bool = False
    ) -> Iterator[TimeWindow]:
        """All windows that end at or before a moment, the last first."""
        day = datetime.fromtimestamp(end_timestamp, self._zone).date()
        ends = self._midnight(day)
        while True:
            day -= _DAY
            begins = self._midnight(day)
            if ignore_exclusions or self._is_session(day):
                yield TimeWindow(begins, ends)
            ends = begins

    def get_partition_keys(
        self, current_time: datetime | None = None, dynamic_partitions_store: Any = None
    ) -> Sequence[str]:
        """The keys of all partitions up to a moment, the loading context's unless given."""
        with dg.partition_loading_context(current_time, dynamic_partitions_store):
            last = self._get_last_partition_window(self._get_current_timestamp())
        if last is None:
            return []
        until = last.start.date()
        known = self._keys_until.get(until)
        if known is None:
            first = datetime.fromtimestamp(self.start_timestamp, self._zone).date()
            days = (first + timedelta(days=number) for number in range((until - first).days + 1))
            known = [day.strftime(self.fmt) for day in days if self._is_session(day)]
            self._keys_until.clear()
            self._keys_until[until] = known
        return list(known)

    def is_window_start_excluded(self, window_start: datetime) -> bool:
        """Whether a midnight begins no session."""
        return not self._is_session(window_start.date())


def session_partitions(market: str, start: date) -> SessionPartitions:
    """One partition per session of a market from a day on; keys are ISO dates in the market's own zone.

    Args:
        market: MIC of its calendar.
        start: the first key is the first session on or after it.
    """
    timezone = ZoneInfo(next(one.timezone for one in MARKETS if one.calendar == market))
    closed = sorted(day for day in library_rules(market).closed if day >= start)
    return SessionPartitions(
        start_date=datetime.combine(start, datetime.min.time()),
        timezone=str(timezone),
        end_offset=1,
        exclusions=[*WEEKENDS, *(datetime.combine(day, datetime.min.time(), timezone) for day in closed)],
    )
