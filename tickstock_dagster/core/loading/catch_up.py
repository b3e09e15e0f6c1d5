"""Catching up on what is owed: which sessions to load next, and when.

The newest closed session comes first and has runs of its own (`core.loading.end_of_day`); the other owed sessions
follow in few runs, the newest of them first, one run at a time. What follows from bars, fair values for one, is made up
for in the same way, the newest session included (`decide_recovery`). Pure: the moment, the calendar and what is owed
are arguments.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.owed import OwedSession

MOST_SESSIONS = 252
"""Sessions of one run: a year of history at a time, so that no run blocks the next evening for long."""

BRIDGED = 10
"""Complete sessions between two owed ones that one run spans: they cost no call, another run costs more."""

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(days=1)
"""Waits after a run that failed without explaining what it was to load; each failure doubles the wait."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Load the sessions from `first` to `last` now, or nothing (None); `reason` says why, either way."""

    first: date | None
    last: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class Setback:
    """Failed runs over some sessions: how many since the last success, and when the newest ended (aware)."""

    first: date
    last: date
    failures: int
    ended_at: datetime

    @property
    def over_at(self) -> datetime:
        """When these sessions may be tried again."""
        wait: timedelta = FIRST_WAIT * 2 ** min(self.failures - 1, 16)
        return self.ended_at + min(wait, LONGEST_WAIT)


def decide_catch_up(
    calendar: SessionCalendar,
    now: datetime,
    owed: Sequence[OwedSession],
    *,
    newest_waits: bool,
    busy: Collection[date],
    in_progress: bool,
    setbacks: Sequence[Setback] = (),
) -> CatchUp:
    """Which owed sessions to load now.

    Args:
        calendar: overrides applied.
        now: aware.
        owed: sessions up to the latest closed one that owe something, the newest first.
        newest_waits: the first attempt at the latest closed session is due and has not been made.
        busy: sessions that a queued or started run loads.
        in_progress: whether a catch-up is queued or started.
        setbacks: of former catch-ups that failed.
    """
    latest = calendar.latest_closed_session(now)
    earlier = [one for one in owed if one.session < latest]
    if not earlier:
        return CatchUp(None, None, f"nothing is owed before {latest}")
    words = _words(earlier)
    if in_progress:
        return CatchUp(None, None, f"{words}; a catch-up is queued or started")
    if newest_waits:
        return CatchUp(None, None, f"{words}; {latest} comes first")
    due = [one.session for one in earlier if one.due]
    if not due:
        return CatchUp(None, None, f"{words}; none of it may be asked for again yet")
    free = [session for session in due if session not in busy]
    if not free:
        return CatchUp(None, None, f"{words}; queued or started runs load it")
    ready, until = _past_setbacks(calendar, now, free, setbacks)
    if not ready:
        return CatchUp(None, None, f"{words}; after failed runs it waits until {until}")
    first, last = _stretch(calendar, ready, frozenset(busy))
    count = sum(first <= session <= last for session in ready)
    return CatchUp(first, last, f"{count} of {len(earlier)} owed sessions, {first} to {last}")


def decide_recovery(
    calendar: SessionCalendar,
    now: datetime,
    owed: Sequence[date],
    *,
    waits_for: str = "",
    setbacks: Sequence[Setback] = (),
) -> CatchUp:
    """Which sessions to compute again of a dataset that follows from bars.

    Args:
        calendar: overrides applied.
        now: aware.
        owed: sessions that the dataset owes, the newest first.
        waits_for: what has to end first, in words; empty: nothing.
        setbacks: former runs after which these sessions are owed all the same.
    """
    if not owed:
        return CatchUp(None, None, "nothing is owed")
    words = f"{len(owed)} owed sessions, {owed[-1]} to {owed[0]}" if len(owed) > 1 else f"{owed[0]} is owed"
    if waits_for:
        return CatchUp(None, None, f"{words}; {waits_for}")
    ready, until = _past_setbacks(calendar, now, owed, setbacks)
    if not ready:
        return CatchUp(None, None, f"{words} after former runs; they wait until {until}")
    first, last = _stretch(calendar, ready, ())
    return CatchUp(first, last, words)


def _past_setbacks(
    calendar: SessionCalendar, now: datetime, sessions: Sequence[date], setbacks: Sequence[Setback]
) -> tuple[list[date], str]:
    """The sessions that no setback holds back, and until when the first setback does, in the market's time."""
    waits = [one for one in setbacks if one.over_at > now]
    ready = [day for day in sessions if not any(one.first <= day <= one.last for one in waits)]
    over_at = min((one.over_at for one in waits), default=now).astimezone(calendar.timezone)
    return ready, f"{over_at:%Y-%m-%d %H:%M %Z}"


def _stretch(calendar: SessionCalendar, ready: Sequence[date], busy: Collection[date]) -> tuple[date, date]:
    """First and last session of the newest stretch that one run loads; `ready` is the newest first."""
    first = last = ready[0]
    for session in ready[1:]:
        between = calendar.session_count(session, first) - 2
        spanned = calendar.session_count(session, last)
        if between > BRIDGED or spanned > MOST_SESSIONS or any(session < day < first for day in busy):
            break
        first = session
    return first, last


def _words(owed: Sequence[OwedSession]) -> str:
    cells = sum(one.cells for one in owed)
    oldest, newest = owed[-1].session, owed[0].session
    span = f"on {newest}" if oldest == newest else f"on {len(owed)} sessions, {oldest} to {newest}"
    what = f"{cells:,} bars are owed" if cells else "corporate actions are owed"
    return f"{what} {span}"
