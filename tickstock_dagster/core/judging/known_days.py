"""What is known of sessions beforehand: their minutes of trading, which are special, and of which much is expected.

Sources: the index providers' calendars (S&P DJI rebalances after the close of the third Friday of March, June,
September and December; FTSE Russell reconstitutes after the close of the last Friday of June; MSCI's reviews take
effect after the close of the last session of February, May, August and November), and the options exchanges', on whose
third Friday of the same months as S&P's futures and options on indices and shares expire together. Where that Friday is
a holiday, the session before counts. The day after Thanksgiving closes early, so that its volume is compared by the
minute of trading; it is named, since what trades then trades less.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

_QUARTER_ENDS = (3, 6, 9, 12)
_MSCI = (2, 5, 8, 11)
_FRIDAY, _THURSDAY, _SATURDAY = 4, 3, 5


def known_days(sessions: Sequence[date]) -> dict[date, str]:
    """What is known of some sessions beforehand, in words, by session; ordinary ones are left out.

    Args:
        sessions: of the US calendar, ascending, without holes. The last of them ends no month.
    """
    held = set(sessions)
    found: dict[date, str] = {}
    for year, month in sorted({(day.year, day.month) for day in sessions}):
        if month in _QUARTER_ENDS:
            _add(found, held, _nth(year, month, _FRIDAY, 3), "quarterly expiry and index rebalance")
        if month == 6:
            _add(found, held, _last(year, month, _FRIDAY), "Russell reconstitution")
        if month == 11:
            _add(found, held, _nth(year, month, _THURSDAY, 4) + timedelta(days=1), "the day after Thanksgiving")
    for day, following in pairwise(sessions):
        if day.month in _MSCI and following.month != day.month:
            found.setdefault(day, "MSCI index review")
    return found


def _add(found: dict[date, str], held: set[date], day: date, words: str) -> None:
    """Note the words of a day, or of the session before where it is none."""
    for session in (day, day - timedelta(days=1)):
        if session in held:
            found[session] = words
            return


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _last(year: int, month: int, weekday: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=(following.weekday() - weekday - 1) % 7 + 1)


def special_session(calendar: SessionCalendar, session: date) -> str:
    """Why a session is not an ordinary one, in words: an early close, or a holiday just before it; else empty."""
    if calendar.is_early_close(session):
        return f"closes early, at {calendar.closes_at(session).astimezone(calendar.timezone):%H:%M %Z}"
    before = calendar.previous_session(session)
    between = [before + timedelta(days=n) for n in range(1, (session - before).days)]
    holidays = [day for day in between if day.weekday() < _SATURDAY]
    return f"follows {holidays[-1]}, on which nothing traded" if holidays else ""


def session_minutes(calendar: SessionCalendar, days: Sequence[date]) -> dict[date, float]:
    """Minutes of trading, without the break, of every session from the first to the last of `days` (ascending)."""
    minutes = {}
    for day in calendar.session_hours(days[0], days[-1]):
        traded = day.closes_at - day.opens_at
        if day.break_start and day.break_end:
            traded -= day.break_end - day.break_start
        minutes[day.session] = traded.total_seconds() / 60
    return minutes
