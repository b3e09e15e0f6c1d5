"""When a market trades: sessions, opens, closes, breaks, and the overrides an operator adds to them.

A session is a trading date in the market's own zone; opens and closes are instants in UTC. A calendar is built once and
answers from tables in about a microsecond. Where the sessions come from belongs in `core.calendars.library`, what
an override may say in `core.calendars.overrides`, market names in `core.calendars.markets`; what is expected of a
symbol on a session belongs in coverage. "Now" is always an argument.

Longer than 250 lines because one immutable value answers every question about sessions from tables that it builds once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from math import inf
from zoneinfo import ZoneInfo

from tickstock_dagster.core.calendars.library import (
    FIRST_DAY,
    LAST_DAY,
    SessionHours,
    first_day,
    library_rules,
    session_dates,
    session_hours,
)
from tickstock_dagster.core.calendars.markets import CALENDARS, MARKETS
from tickstock_dagster.core.calendars.overrides import CalendarOverride, overridden_hours, refuse
from tickstock_dagster.core.calendars.session_table import Rows, SessionTable
from tickstock_dagster.core.errors import BadInputError, choices

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "CalendarOverride",
    "SessionCalendar",
    "SessionHours",
    "library_calendar",
    "partition_exclusions",
]

_SATURDAY = 5
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86_400

_Span = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SessionCalendar:
    """Sessions of one market between two days. Immutable.

    Every `day` is a `date`, or a datetime with a time zone, which stands for its date in the market's zone. A
    datetime without a zone, or a day out of bounds, raises `BadInputError`.

    Attributes:
        key: MIC of the calendar.
        timezone: the zone in which sessions are dated.
        hours: every session, ascending and not overlapping.
        first: first day answered for.
        last: last day answered for, inclusive.
    """

    key: str
    timezone: ZoneInfo
    hours: Sequence[SessionHours]
    first: date = FIRST_DAY
    last: date = LAST_DAY
    _origin: int = field(init=False)
    _before: tuple[int, ...] = field(init=False)
    """For each day, and the day after the last one, how many sessions are dated before it."""
    _dates: tuple[date, ...] = field(init=False)
    _rows: Rows = field(init=False)
    _spans: list[_Span | None] = field(init=False)
    _bounds: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        table = self.hours if isinstance(self.hours, SessionTable) else SessionTable.of(self.hours)
        self._check(table)
        origin = self.first.toordinal()
        traded = bytearray(self.last.toordinal() - origin + 1)
        for day in table.dates:
            traded[day.toordinal() - origin] = 1
        derived = {
            "hours": table,
            "_origin": origin,
            "_before": tuple(accumulate(traded, initial=0)),
            "_dates": table.dates,
            "_rows": table.rows,
            "_spans": [None] * len(table),
            "_bounds": (
                self._midnight(self.first).timestamp(),
                self._midnight(self.last + timedelta(days=1)).timestamp(),
            ),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def _check(self, table: SessionTable) -> None:
        """That what somebody stated is possible; the library's own rows are proven by tests."""
        for place in table.given:
            hours = table[place]
            if not (self.first <= hours.session <= self.last and hours.opens_at < hours.closes_at):
                raise ValueError(f"{self.key}: {hours} is out of bounds or closes before it opens")
            for earlier, later in ((place - 1, place), (place, place + 1)):
                if earlier < 0 or later == len(table):
                    continue
                one, other = table[earlier], table[later]
                if one.session >= other.session or one.closes_at > other.opens_at:
                    raise ValueError(f"{self.key}: sessions {one.session} and {other.session} overlap or are unordered")

    def __repr__(self) -> str:
        return f"SessionCalendar({self.key}, {len(self.hours)} sessions in {self.first}..{self.last})"

    def is_session(self, day: date) -> bool:
        """Whether the market trades on the day."""
        offset = self._offset(day)
        return self._before[offset] != self._before[offset + 1]

    def next_session(self, day: date) -> date:
        """First session after the day (never the day itself)."""
        position = self._before[self._offset(day) + 1]
        if position == len(self._dates):
            raise self._outside(day)
        return self._dates[position]

    def previous_session(self, day: date) -> date:
        """Last session before the day (never the day itself)."""
        position = self._before[self._offset(day)]
        if position == 0:
            raise self._outside(day)
        return self._dates[position - 1]

    def sessions(self, start: date, end: date) -> list[date]:
        """Sessions from start to end, both inclusive, ascending; none is an empty list.

        Raises:
            BadInputError: start is after end, or either is out of bounds.
        """
        return list(self._dates[self._span(start, end)])

    def sessions_before(self, day: date, count: int) -> list[date]:
        """The last `count` sessions before the day (never the day itself), ascending; fewer at the calendar's start."""
        end = self._before[self._offset(day)]
        return list(self._dates[max(0, end - count) : end])

    def session_hours(self, start: date, end: date) -> list[SessionHours]:
        """The rows of `sessions` with their hours, for storing or showing."""
        return list(self.hours[self._span(start, end)])

    def session_count(self, start: date, end: date) -> int:
        """How many sessions there are from start to end, both inclusive."""
        span = self._span(start, end)
        return int(span.stop - span.start)

    def opens_at(self, day: date) -> datetime:
        """When the session opens, UTC. A day without a session is a `BadInputError` that names its neighbours."""
        return self.hours_of(day).opens_at

    def closes_at(self, day: date) -> datetime:
        """When the session closes, UTC. A day without a session is a `BadInputError` that names its neighbours."""
        return self.hours_of(day).closes_at

    def is_early_close(self, day: date) -> bool:
        """Whether the session closes before the usual close of its time. Error for a day without a session."""
        return self.hours_of(day).is_early_close

    def hours_of(self, day: date) -> SessionHours:
        """The session's row.

        Raises:
            BadInputError: the day has no session; names the sessions before and after.
        """
        offset = self._offset(day)
        position = self._before[offset]
        if position == self._before[offset + 1]:
            before = self._dates[position - 1] if position else "none"
            after = self._dates[position] if position < len(self._dates) else "none"
            raise BadInputError("session", day, f"{self.key} does not trade that day; before: {before}, after: {after}")
        return self._rows[position] or self.hours[position]

    def is_open(self, at: datetime) -> bool:
        """Whether the market trades at the instant: from the open up to, not including, the close, less the break."""
        seconds, spans = self._seconds(at), self._spans
        position = self._begun(seconds)
        while position:
            position -= 1
            span = spans[position] or self._trading(position)
            if span[0] <= seconds:
                return seconds < span[1] and not span[2] <= seconds < span[3]
        return False

    def latest_closed_session(self, now: datetime) -> date:
        """Last session whose close is at or before `now`.

        Raises:
            BadInputError: `now` has no time zone, is out of bounds, or comes before the first close.
        """
        position = self._begun(self._seconds(now))
        while position:
            position -= 1
            if (self._rows[position] or self.hours[position]).closes_at <= now:
                return self._dates[position]
        raise self._outside(now)

    def with_overrides(self, overrides: Iterable[CalendarOverride]) -> "SessionCalendar":
        """This calendar with sessions added, removed or closing at another time.

        Raises:
            BadInputError: an override is of another calendar, changes nothing, contradicts the calendar or another
                override of the same day, or has times that cannot be.
        """
        changed: dict[date, SessionHours | None] = {}
        for override in overrides:
            if override.session in changed:
                raise refuse(override, "one override for a day")
            changed[override.session] = overridden_hours(self, override)
        if not changed:
            return self
        table = self.hours if isinstance(self.hours, SessionTable) else SessionTable.of(self.hours)
        return SessionCalendar(self.key, self.timezone, table.replaced(changed), self.first, self.last)

    def already_says(self, override: CalendarOverride) -> bool:
        """Whether this calendar already holds what the override asks for, so that it can be retired.

        True for a stored override that a newer calendar library has caught up with; `with_overrides` would refuse it.
        """
        if override.calendar != self.key or not self.is_session(override.session):
            return override.calendar == self.key and override.action == "remove"
        hours = self.hours_of(override.session)
        return override.closes_at == hours.closes_at and override.opens_at in (None, hours.opens_at)

    def _trading(self, position: int) -> _Span:
        """A session's open, close and break as Unix seconds, kept: aware times compare five times as slowly."""
        hours = self.hours[position]
        pause = (inf, inf)
        if hours.break_start and hours.break_end:
            pause = (hours.break_start.timestamp(), hours.break_end.timestamp())
        span = self._spans[position] = (hours.opens_at.timestamp(), hours.closes_at.timestamp(), *pause)
        return span

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.timezone)

    def _offset(self, day: date) -> int:
        if type(day) is not date:
            day = self._date_of(day)
        offset = day.toordinal() - self._origin
        if offset < 0 or day > self.last:
            raise self._outside(day)
        return offset

    def _date_of(self, day: object) -> date:
        if isinstance(day, datetime) and day.tzinfo is not None:
            return day.astimezone(self.timezone).date()
        if isinstance(day, date) and not isinstance(day, datetime):
            return date(day.year, day.month, day.day)
        raise BadInputError("day", day, "a date, or a datetime with a time zone")

    def _seconds(self, at: datetime) -> float:
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise BadInputError("time", at, "a datetime with a time zone")
        seconds = at.timestamp()
        if not self._bounds[0] <= seconds < self._bounds[1]:
            raise self._outside(at)
        return seconds

    def _begun(self, seconds: float) -> int:
        """How many sessions may have begun by an instant, so that only the last few of them need a look.

        A session opens and closes within a day of its date, whatever the zone.
        """
        offset = int(seconds // _DAY) + _EPOCH - self._origin + 2
        return self._before[min(offset, len(self._before) - 1)] if offset > 0 else 0

    def _span(self, start: date, end: date) -> slice:
        first, last = self._offset(start), self._offset(end)
        if first > last:
            raise BadInputError("range", f"{start}..{end}", "start on or before end")
        return slice(self._before[first], self._before[last + 1])

    def _outside(self, value: date) -> BadInputError:
        return BadInputError("day", value, f"the {self.key} calendar answers within {self.first}..{self.last}")


@cache
def library_calendar(key: str) -> SessionCalendar:
    """The calendar as the pinned library has it, without overrides; built once per process.

    Args:
        key: XNYS (NASDAQ too), XTKS, XLON or XETR; see `Market.calendar` and `calendar_of_listing`.

    Raises:
        BadInputError: no such calendar.
    """
    if key not in CALENDARS:
        raise BadInputError("calendar", key, choices(key, CALENDARS))
    timezone = ZoneInfo(next(market.timezone for market in MARKETS if market.calendar == key))
    rules, first = library_rules(key), first_day(key)
    return SessionCalendar(
        key, timezone, SessionTable(session_dates(rules, first), session_hours(rules, timezone)), first
    )


def partition_exclusions(calendar: SessionCalendar, start: date, end: date) -> list[datetime]:
    """Midnights, in the market's zone, of the weekdays from start to end (inclusive) that are not sessions.

    For a daily partitions definition that also excludes Saturdays and Sundays by rule. So a session on a weekend
    (none is known for these markets; only an override can add one) never has a partition of its own.
    """
    days = (start + timedelta(days=n) for n in range((end - start).days + 1))
    closed = (day for day in days if day.weekday() < _SATURDAY and not calendar.is_session(day))
    return [datetime(day.year, day.month, day.day, tzinfo=calendar.timezone) for day in closed]
