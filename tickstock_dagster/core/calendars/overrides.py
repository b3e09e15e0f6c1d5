"""What an operator may change about a calendar, and when such a change makes no sense in itself.

An override adds a session, removes one, or moves a close, without a release. Callers apply overrides through
`SessionCalendar.with_overrides`; where they are kept belongs in the warehouse.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from typing import Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from tickstock_dagster.core.calendars.library import SessionHours
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.printable import is_plain

OverrideAction = Literal["add", "remove", "close_at"]


class Overridable(Protocol):
    """What an override needs to know of the calendar that it changes. `SessionCalendar` is one."""

    @property
    def key(self) -> str:
        """MIC of the calendar."""

    @property
    def timezone(self) -> ZoneInfo:
        """The zone in which sessions are dated."""

    @property
    def hours(self) -> Sequence[SessionHours]:
        """Every session, ascending."""

    def is_session(self, day: date) -> bool:
        """Whether the market trades on the day."""

    def hours_of(self, day: date) -> SessionHours:
        """The session's row."""


@dataclass(frozen=True, slots=True)
class CalendarOverride:
    """One change to one day of one calendar.

    Attributes:
        calendar: MIC of the calendar, for example XNYS.
        session: the date, in the market's zone.
        action: `add` (needs both times), `remove` (takes none) or `close_at` (needs `closes_at` alone).
        opens_at: with a time zone.
        closes_at: with a time zone.
        reason: why, in words; never empty.

    Raises:
        BadInputError: the action is unknown, a time is missing, superfluous or without a zone, or there is no reason.
    """

    calendar: str
    session: date
    action: OverrideAction
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.action not in get_args(OverrideAction):
            raise refuse(self, "an action, " + choices(str(self.action), get_args(OverrideAction)))
        if type(self.session) is not date:
            raise refuse(self, "a date as session")
        given = [name for name in ("opens_at", "closes_at") if getattr(self, name) is not None]
        needed = {"add": ["opens_at", "closes_at"], "remove": [], "close_at": ["closes_at"]}[self.action]
        if given != needed:
            raise refuse(self, f"{' and '.join(needed) or 'no times'} for {self.action}")
        if any(at is not None and at.tzinfo is None for at in (self.opens_at, self.closes_at)):
            raise refuse(self, "times with a time zone")
        if not self.reason.strip() or not is_plain(self.reason):
            raise refuse(self, "a reason in words, of printable characters")

    def __str__(self) -> str:
        times = ", ".join(str(at) for at in (self.opens_at, self.closes_at) if at is not None)
        return f"{self.calendar} {self.session} {self.action}" + (f" {times}" if times else "")


def refuse(override: CalendarOverride, accepted: str) -> BadInputError:
    """The error for an override, naming it and what would have been right."""
    return BadInputError("calendar override", override, accepted)


_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def requested_override(
    calendar: Overridable,
    session: date,
    *,
    closed: bool = False,
    close_at: str | None = None,
    opened: str | None = None,
    reason: str = "",
) -> CalendarOverride:
    """An override as a person asks for it, in the exchange's local time.

    Args:
        calendar: whose day it is.
        session: the date, in the market's zone.
        closed: the day is no session after all.
        close_at: the session closes at another time, HH:MM.
        opened: the day is a session after all, HH:MM-HH:MM.
        reason: why.

    Raises:
        BadInputError: not exactly one of the three, a text that is no time, or no reason. Whether the change fits
            the calendar is checked by `SessionCalendar.with_overrides`.
    """
    asked = [closed, close_at is not None, opened is not None]
    if sum(asked) != 1:
        words = "several" if any(asked) else "nothing"
        raise BadInputError("override", words, "one of --closed, --close-at HH:MM and --open HH:MM-HH:MM")
    if not reason.strip():
        raise BadInputError("--reason", reason, "some words on why")
    zone, why = calendar.timezone, reason.strip()
    if closed:
        return CalendarOverride(calendar.key, session, "remove", reason=why)
    if close_at is not None:
        at = _local_time("--close-at", close_at, session, zone)
        return CalendarOverride(calendar.key, session, "close_at", closes_at=at, reason=why)
    opens, dash, closes = (opened or "").partition("-")
    if not dash:
        raise BadInputError("--open", opened, "opening and close in local time, HH:MM-HH:MM")
    opens_at, closes_at = (_local_time("--open", text, session, zone) for text in (opens, closes))
    return CalendarOverride(calendar.key, session, "add", opens_at, closes_at, why)


def adjustment_of(
    before: SessionHours | None, after: SessionHours | None
) -> Literal["early_close", "unexpected_holiday", "added_session", "changed_hours"]:
    """The kind of change that consumers read, from `before` to `after`; None is a day without a session."""
    if after is None:
        return "unexpected_holiday"
    if before is None:
        return "added_session"
    return "early_close" if after.closes_at < before.closes_at else "changed_hours"


def _local_time(field: str, text: str, day: date, zone: ZoneInfo) -> datetime:
    """A wall-clock time of the day, UTC."""
    match = _CLOCK_TIME.fullmatch(text.strip())
    if match is None:
        raise BadInputError(field, text, "a time on the exchange's clocks as HH:MM, from 00:00 to 23:59")
    local = datetime(day.year, day.month, day.day, int(match[1]), int(match[2]), tzinfo=zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise BadInputError(field, text, f"a time that there is on {day} in {zone.key}: the clocks go forward")
    return at


def overridden_hours(calendar: Overridable, override: CalendarOverride) -> SessionHours | None:
    """The row that the override puts in place of the calendar's, or None where it removes one.

    Raises:
        BadInputError: it is of another calendar, changes nothing, contradicts the calendar, or its times cannot be.
    """
    day = override.session
    if override.calendar != calendar.key:
        raise refuse(override, f"an override of {calendar.key}")
    if override.action == "add":
        if calendar.is_session(day):
            raise refuse(override, "a day that is not a session yet")
        return _with_times(calendar, override, override.opens_at, override.closes_at)
    if not calendar.is_session(day):
        raise refuse(override, "a day that is a session")
    if override.action == "remove":
        return None
    hours = calendar.hours_of(day)
    if override.closes_at == hours.closes_at:
        raise refuse(override, f"another close than the present one, {hours.closes_at}")
    return _with_times(calendar, override, hours.opens_at, override.closes_at)


def _with_times(
    calendar: Overridable, override: CalendarOverride, opens_at: datetime | None, closes_at: datetime | None
) -> SessionHours:
    day = override.session
    if opens_at is None or closes_at is None or closes_at <= opens_at:
        raise refuse(override, f"a close after the open, {opens_at}")
    if any(at.astimezone(calendar.timezone).date() != day for at in (opens_at, closes_at)):
        raise refuse(override, f"times on that date in {calendar.timezone.key}")
    opens, closes = opens_at.astimezone(UTC), closes_at.astimezone(UTC)
    usual = _usual_hours(calendar, day)
    if usual is None:
        return SessionHours(day, opens, closes)
    early = closes < _same_time(usual.closes_at, day, calendar.timezone)
    lunch = [_same_time(at, day, calendar.timezone) for at in (usual.break_start, usual.break_end) if at]
    if not lunch or closes <= lunch[0] or opens >= lunch[1]:
        return SessionHours(day, opens, closes, early)
    if closes <= lunch[1] or opens >= lunch[0]:
        raise refuse(override, f"times outside of the break, {lunch[0]} to {lunch[1]}")
    return SessionHours(day, opens, closes, early, *lunch)


def _usual_hours(calendar: Overridable, day: date) -> SessionHours | None:
    """The nearest session with usual hours: on the day, else before it, else after it."""
    position = bisect_right(calendar.hours, day, key=lambda hours: hours.session)
    places = chain(reversed(range(position)), range(position, len(calendar.hours)))
    candidates = (calendar.hours[place] for place in places)
    return next((hours for hours in candidates if not hours.is_early_close), None)


def _same_time(at: datetime, day: date, timezone: ZoneInfo) -> datetime:
    return datetime.combine(day, at.astimezone(timezone).time(), timezone).astimezone(UTC)
