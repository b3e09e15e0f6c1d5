"""When an answer about corporate actions is still good, and what has to be asked again.

An answer speaks for the days that it was asked about, as the vendor knew them then. Splits are moved and withdrawn,
dividends come late, so an answer ages, the faster the newer its days are:

| ex-dates | good while it was asked |
|---|---|
| of the last `TRAILING` sessions, and everything announced ahead | at or after the latest session's close |
| of the last `LONG` | at or after the close of the week's first session |
| before | within `OLD_TERM` |

So each session's look asks for a trailing window and everything ahead, the week's first for a year and more; a second
look of the same evening asks for nothing. Days that were never requested are requested when they are needed.
Making the calls belongs in `adapters.actions`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tickstock_dagster.core.actions.spans import Span, session_span
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

TRAILING = 10
"""Sessions that every look asks for again, the latest included."""

LONG = timedelta(days=400)
"""How far back the week's first look reaches: over the dividends of a year."""

AHEAD = timedelta(days=366)
"""How far ahead a look reaches. Nothing is announced earlier; what would be comes with a later look."""

OLD_TERM = timedelta(days=90)
"""How long an answer is good for days before `LONG`."""

OWED_AFTER = timedelta(days=14)
"""Days of the last `LONG` are owed when not requested for so long: a look of a week has failed, and its repeats."""

BRIDGED = 31
"""Two stretches at most so many days apart are one question: a month of the whole market is about one page."""

NEVER_ASKED = "never_asked"
EVIDENCE_EXPIRED = "evidence_expired"

Times = NDArray[np.float64]
"""POSIX seconds, one for each day."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A question that was answered: its days, and when it was asked (aware)."""

    span: Span
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class FailedLook:
    """A question without an answer: its days, when it failed (aware), and why in words."""

    span: Span
    failed_at: datetime
    error: str


def spans_to_ask(
    receipts: Iterable[Receipt],
    calendar: SessionCalendar,
    first: date,
    last: date,
    *,
    now: datetime,
    reopened: Iterable[date] = (),
) -> list[Span]:
    """The days that a look at some sessions has to ask for, as few stretches, ascending; none where all is fresh.

    Args:
        receipts: of the source that is asked, each about splits and dividends.
        calendar: with its overrides applied.
        first: first session of the look, closed.
        last: last session of the look, closed. The latest closed one brings the trailing window, everything announced
            ahead, and the days of the last `LONG` that somebody asked for once.
        now: aware.
        reopened: days whose answers are not good any more, whatever their age.

    Raises:
        BadInputError: one of the two is no session.
    """
    wanted = session_span(calendar, first, last)
    latest = calendar.latest_closed_session(now)
    whole = wanted
    if last >= latest:
        trailing = session_span(calendar, _trailing(calendar, latest), latest)
        wanted = Span(min(wanted.first, trailing.first), latest + AHEAD)
        whole = Span(max(min(wanted.first, latest - LONG), calendar.first), wanted.last)
    days = _days(whole)
    asked = _asked(receipts, whole)
    needed = _needed(calendar, days, now, latest)
    stale = asked < needed
    for day in reopened:
        if whole.first <= day <= whole.last:
            stale[(day - whole.first).days] = True
    stale &= (days >= wanted.first.toordinal()) | (asked > -np.inf)
    return [Span(date.fromordinal(days[a]), date.fromordinal(days[b])) for a, b in _stretches(stale)]


def owed_sessions(
    receipts: Sequence[Receipt],
    failures: Iterable[FailedLook],
    calendar: SessionCalendar,
    sessions: Sequence[date],
    *,
    now: datetime,
    reopened: Iterable[date] = (),
) -> list[tuple[date, str]]:
    """Those of some closed sessions whose actions are owed, ascending, each with why.

    A session is owed where an answer about one of its days is missing, or older than the session's close
    (`never_asked`); or where it is too old or reopened (`evidence_expired`). Where a look since then failed, its error
    stands in place of both.

    Args:
        receipts: of any source, each about splits and dividends.
        failures: looks that failed.
        calendar: with its overrides applied.
        sessions: ascending; those that have not closed by `now` are not owed yet.
        now: aware.
        reopened: as for `spans_to_ask`.
    """
    latest = calendar.latest_closed_session(now)
    due = [session for session in sessions if session <= latest]
    if not due:
        return []
    whole = session_span(calendar, due[0], due[-1])
    asked = _asked(receipts, whole)
    days = _days(whole)
    opened = {day for day in reopened if whole.first <= day <= whole.last}
    since = now.timestamp() - OLD_TERM.total_seconds()
    terms = np.where(days >= (latest - LONG).toordinal(), now.timestamp() - OWED_AFTER.total_seconds(), since)
    # The newest first, so that the last error is the one that is said.
    errors = sorted(failures, key=lambda look: look.failed_at, reverse=True)
    found = []
    for session in due:
        span = session_span(calendar, session)
        part = slice((span.first - whole.first).days, (span.last - whole.first).days + 1)
        oldest = float(asked[part].min())
        if oldest < calendar.closes_at(session).timestamp():
            reason = NEVER_ASKED
        elif (asked[part] < terms[part]).any() or any(span.first <= day <= span.last for day in opened):
            reason = EVIDENCE_EXPIRED
        else:
            continue
        found.append((session, _error(errors, span, oldest) or reason))
    return found


def _trailing(calendar: SessionCalendar, latest: date) -> date:
    """The first session of the trailing window."""
    return [*calendar.sessions_before(latest, TRAILING - 1), latest][0]


def _needed(calendar: SessionCalendar, days: NDArray[np.int64], now: datetime, latest: date) -> Times:
    """For each day, the earliest moment of asking whose answer is fresh."""
    monday = max(latest - timedelta(days=latest.weekday()), calendar.first)
    week = calendar.closes_at(calendar.sessions(monday, latest)[0]).timestamp()
    trailing = session_span(calendar, _trailing(calendar, latest), latest).first
    return np.select(
        [days >= trailing.toordinal(), days >= (latest - LONG).toordinal()],
        [calendar.closes_at(latest).timestamp(), week],
        (now - OLD_TERM).timestamp(),
    )


def _days(span: Span) -> NDArray[np.int64]:
    return np.arange(span.first.toordinal(), span.last.toordinal() + 1)


def _asked(receipts: Iterable[Receipt], whole: Span) -> Times:
    """For each day, when it was asked about last; -inf where it never was."""
    asked = np.full((whole.last - whole.first).days + 1, -np.inf)
    for receipt in receipts:
        start = max((receipt.span.first - whole.first).days, 0)
        end = (receipt.span.last - whole.first).days + 1
        if end > start:
            np.maximum(asked[start:end], receipt.asked_at.timestamp(), out=asked[start:end])
    return asked


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last place of each stretch of set flags; stretches at most `BRIDGED` places apart are one."""
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(flags).tolist():
        if found and place - found[-1][1] <= BRIDGED:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def _error(errors: Sequence[FailedLook], span: Span, after: float) -> str | None:
    """The newest failure about the span since its last answer."""
    return next(
        (
            look.error
            for look in errors
            if look.failed_at.timestamp() > after and look.span.first <= span.last and span.first <= look.span.last
        ),
        None,
    )
