"""Where sessions come from: pandas_market_calendars, and the snapshot of it that ships with this package.

The library (with pandas) takes about a second to import, which every command and the code location would pay. So
what it says is kept in `calendar_snapshot.json`, stamped with the versions that said it. The snapshot is used only
while those very versions are installed; with any others the library itself is asked. It is generated, never
edited (a test compares it with the library), and its diff shows what a new version of the library changes:

    python -m tickstock_dagster.core.calendars.library > tickstock_dagster/core/calendars/calendar_snapshot.json

Lookups belong in `core.calendars.session_calendar`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2050, 12, 31)
"""Days that every calendar has, inclusive. A lookup outside of a calendar is an error, never a guess.

The last day is as far as the library's rules are worth loading: its sessions are computed, and what an exchange has
published ends long before (`publication`). It is part of the identity of every partitions definition by session, whose
exclusions end here: move it seldom, and with no backfill under way.
"""

FIRST_DAYS = {"XNYS": date(1962, 1, 1)}
"""Calendars that begin before `FIRST_DAY`: files reach back further than any vendor. The public daily prices of US
stocks begin in 1962, and the second library agrees on every session since 1970 (it knows no holidays before)."""

SNAPSHOT_FILE = "calendar_snapshot.json"

LIBRARIES = ("pandas_market_calendars", "exchange_calendars")
"""What the sessions depend on: the first mirrors the second for XETR."""

LIBRARY_NAMES = {"XNYS": "NYSE", "XTKS": "JPX", "XLON": "LSE", "XETR": "XETR"}
"""The library's names of our calendars. Its own classes where it has them: under most MICs it merely mirrors
exchange_calendars, and its 'XTSE' is Toronto."""

TIMES = ("market_open", "market_close")
LUNCH = ("break_start", "break_end")
_SATURDAY = 5


class SessionHours(NamedTuple):
    """One session: its date, its hours in UTC, its lunch break if it has one (Tokyo)."""

    session: date
    opens_at: datetime
    closes_at: datetime
    is_early_close: bool = False
    break_start: datetime | None = None
    break_end: datetime | None = None


class RegularHours(NamedTuple):
    """Usual wall-clock times from a day on, until the next entry; `lunch` is (start, end), or empty."""

    since: date
    opens: time
    closes: time
    lunch: tuple[time, ...]


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """All sessions from a calendar's first day to `LAST_DAY`, in the market's wall-clock times.

    Attributes:
        regular: usual hours, ascending by day.
        closed: weekdays without a session.
        weekend_sessions: Saturdays and Sundays with one.
        special: open and close of the sessions that differ from the regular ones.
    """

    regular: tuple[RegularHours, ...]
    closed: frozenset[date]
    weekend_sessions: frozenset[date]
    special: dict[date, tuple[time, time]]


def library_hours(key: str, timezone: ZoneInfo) -> Iterator[SessionHours]:
    """Every session of a calendar from its first day to `LAST_DAY`, ascending, hours in UTC.

    Args:
        key: one of `LIBRARY_NAMES`.
        timezone: the market's.
    """
    return _expand(_rules(key), first_day(key), timezone)


def closed_weekdays(key: str) -> frozenset[date]:
    """The weekdays without a session from a calendar's first day to `LAST_DAY`, without making a session of the others.

    Args:
        key: one of `LIBRARY_NAMES`.
    """
    return _rules(key).closed


def _rules(key: str) -> CalendarRules:
    snapshot: dict[str, Any] = json.loads(files(__package__).joinpath(SNAPSHOT_FILE).read_text())
    return _decode(snapshot["calendars"][key]) if snapshot["made_from"] == _installed() else rules_from_library(key)


def first_day(key: str) -> date:
    """The first day for which a calendar answers."""
    return FIRST_DAYS.get(key, FIRST_DAY)


def rules_from_library(key: str) -> CalendarRules:
    """Ask the installed library. Takes about a second in a process that has not imported pandas."""
    import pandas_market_calendars as library

    calendar, first = library.get_calendar(LIBRARY_NAMES[key]), first_day(key)
    schedule = calendar.schedule(first, LAST_DAY, tz=calendar.tz)
    phases = {name: calendar.get_time(name, all_times=True) for name in (*TIMES, *LUNCH)}
    lunch = [phases[name] for name in LUNCH if phases[name]]
    starts = {date.fromisoformat(start) for times in phases.values() for start, *_ in times or () if start}
    regular = [
        RegularHours(
            day,
            _in_force(phases["market_open"], day),
            _in_force(phases["market_close"], day),
            tuple(_in_force(times, day) for times in lunch),
        )
        for day in sorted({first, *starts})
        if day >= first
    ]
    opens, closes = ([at.time() for at in schedule[name]] for name in TIMES)
    traded = {day.date(): hours for day, *hours in zip(schedule.index, opens, closes, strict=True)}
    usual = {day: next(hours for hours in reversed(regular) if hours.since <= day) for day in traded}
    weekdays = {day for day in _days(first) if day.weekday() < _SATURDAY}
    return CalendarRules(
        regular=tuple(regular),
        closed=frozenset(weekdays - traded.keys()),
        weekend_sessions=frozenset(traded.keys() - weekdays),
        special={day: (at, to) for day, (at, to) in traded.items() if (at, to) != usual[day][1:3]},
    )


def snapshot_text() -> str:
    """The snapshot of the installed library, as the file should read."""
    calendars = {key: _encode(rules_from_library(key)) for key in LIBRARY_NAMES}
    return json.dumps({"made_from": _installed(), "calendars": calendars}, indent=1) + "\n"


def _installed() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def _in_force(times: Any, day: date) -> Any:
    return [at for start, at, *_ in times if start is None or date.fromisoformat(start) <= day][-1]


def _days(first: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((LAST_DAY - first).days + 1))


def _expand(rules: CalendarRules, first: date, timezone: ZoneInfo) -> Iterator[SessionHours]:
    month, steady = (0, 0), None
    upcoming = list(rules.regular)
    usual = upcoming.pop(0)
    for day in _days(first):
        if upcoming and upcoming[0].since <= day:
            usual = upcoming.pop(0)
        if day in rules.closed or (day.weekday() >= _SATURDAY and day not in rules.weekend_sessions):
            continue
        opens, closes = rules.special.get(day, (usual.opens, usual.closes))
        times = (opens, closes, *(usual.lunch if closes > max(usual.lunch, default=closes) else ()))
        if (day.year, day.month) != month:
            month = (day.year, day.month)
            steady = _steady_offset(day, timezone)
        # Clocks change at night: the zone is asked once for all hours of a day.
        offset = steady if steady is not None else _offset(datetime.combine(day, opens, timezone))
        opens_at, closes_at, *lunch = (datetime.combine(day, at, UTC) - offset for at in times)
        yield SessionHours(day, opens_at, closes_at, closes < usual.closes, *lunch)


def _steady_offset(day: date, timezone: ZoneInfo) -> timedelta | None:
    """The zone's offset throughout the month of a day; None where clocks change in it.

    Ten months of the year have one, which saves asking the zone for each of their days.
    """
    begins = datetime(day.year, day.month, 1, tzinfo=timezone)
    ends = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=timezone)
    offset = _offset(begins)
    return offset if offset == _offset(ends) else None


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta()


def _encode(rules: CalendarRules) -> dict[str, Any]:
    by_year: dict[str, list[str]] = {}
    for day in sorted(rules.closed):
        by_year.setdefault(f"{day:%Y}", []).append(f"{day:%m-%d}")
    return {
        "regular": [
            " ".join([str(hours.since), *(f"{at:%H:%M}" for at in (hours.opens, hours.closes, *hours.lunch))])
            for hours in rules.regular
        ],
        "closed": {year: " ".join(days) for year, days in by_year.items()},
        "weekend_sessions": [str(day) for day in sorted(rules.weekend_sessions)],
        "special": {str(day): f"{at:%H:%M} {to:%H:%M}" for day, (at, to) in sorted(rules.special.items())},
    }


def _decode(stored: dict[str, Any]) -> CalendarRules:
    regular = []
    for since, *times in map(str.split, stored["regular"]):
        opens, closes, *lunch = map(time.fromisoformat, times)
        regular.append(RegularHours(date.fromisoformat(since), opens, closes, tuple(lunch)))
    special = {
        date.fromisoformat(day): tuple(map(time.fromisoformat, hours.split()))
        for day, hours in stored["special"].items()
    }
    return CalendarRules(
        regular=tuple(regular),
        closed=frozenset(
            date.fromisoformat(f"{y}-{day}") for y, days in stored["closed"].items() for day in days.split()
        ),
        weekend_sessions=frozenset(map(date.fromisoformat, stored["weekend_sessions"])),
        special={day: (at, to) for day, (at, to) in special.items()},
    )


if __name__ == "__main__":
    print(snapshot_text(), end="")
