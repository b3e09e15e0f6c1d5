"""Compares the calendar in force with witnesses: independent sources of a market's sessions and special days.

A disagreement is a finding for people; nothing here decides which side is right. Asking the witnesses belongs in
`adapters.calendars.witnesses`, storing the findings in `adapters.calendars.quorum`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, SessionHours

CLOSED = "closed"
ORDINARY = "an ordinary session"

OFF_CALENDAR = "the date is not a session"
"""Start of the reason for which `core.bars.ingest` quarantines a row of such a day."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One day on which a witness contradicts the calendar in force.

    Attributes:
        calendar: MIC.
        session: the day.
        witness: name of the witness.
        ours: the day according to the calendar in force, in local times.
        theirs: the day according to the witness.
        overridden: whether an override is in force that day, so that a person has already decided.
    """

    calendar: str
    session: date
    witness: str
    ours: str
    theirs: str
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class WitnessAccount:
    """A witness's account of every day from `first` to `last`, both included.

    Attributes:
        witness: name of the witness.
        first: first day of the account.
        last: last day of the account.
        days: the named days, each in the words of `session_words` or `special_words`.
        unnamed: the state of all other days: `CLOSED` for a list of sessions, `ORDINARY` for a list of special days.
    """

    witness: str
    first: date
    last: date
    days: Mapping[date, str] = field(default_factory=dict)
    unnamed: str = CLOSED


def session_words(calendar: SessionCalendar, hours: SessionHours | None) -> str:
    """A day's hours in words: 09:30–16:00 on the exchange's clocks, or closed."""
    if hours is None:
        return CLOSED
    opens, closes = (at.astimezone(calendar.timezone) for at in (hours.opens_at, hours.closes_at))
    return f"{opens:%H:%M}–{closes:%H:%M}"


def special_words(calendar: SessionCalendar, closes_at: datetime | None) -> str:
    """A special day in words: its early close on the exchange's clocks, or closed."""
    return CLOSED if closes_at is None else f"closes at {closes_at.astimezone(calendar.timezone):%H:%M}"


def disagreements(
    calendar: SessionCalendar, account: WitnessAccount, overridden: frozenset[date] = frozenset()
) -> list[Disagreement]:
    """The days on which a witness differs from the calendar in force, ascending.

    A list of special days is no statement about weekends.

    Args:
        calendar: in force, overrides applied.
        account: the account of one witness.
        overridden: days with an override in force.
    """
    found = []
    for day in _days(account):
        if account.unnamed == ORDINARY and day.weekday() >= _SATURDAY and day not in account.days:
            continue
        hours = calendar.hours_of(day) if calendar.is_session(day) else None
        if account.unnamed == CLOSED:
            ours = session_words(calendar, hours)
        elif hours is not None and not hours.is_early_close:
            ours = ORDINARY
        else:
            ours = special_words(calendar, hours.closes_at if hours else None)
        theirs = account.days.get(day, account.unnamed)
        if ours != theirs:
            found.append(Disagreement(calendar.key, day, account.witness, ours, theirs, day in overridden))
    return found


def closed_days_before(calendar: SessionCalendar, session: date) -> list[date]:
    """The closed days between a session and the one before it, ascending; no bar may carry their date."""
    before = calendar.previous_session(session)
    return [before + timedelta(days=n) for n in range(1, (session - before).days)]


def _days(account: WitnessAccount) -> Iterator[date]:
    return (account.first + timedelta(days=n) for n in range((account.last - account.first).days + 1))
