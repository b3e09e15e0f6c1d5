"""The nightly quorum: asks every available witness about the calendars, and keeps disagreements as alerts.

`adapters.calendars.witnesses` asks them, `core.calendars.quorum` compares. Nothing here changes a calendar: that is a
person's decision (`adapters.calendars.edit`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_within, standing_overrides
from tickstock_dagster.adapters.calendars.witnesses import SECOND_LIBRARY, ask_second_library, ask_vendor
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import PublicationSource, VendorError
from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.quorum import (
    CLOSED,
    OFF_CALENDAR,
    Disagreement,
    WitnessAccount,
    closed_days_before,
    disagreements,
    session_words,
)
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.end_of_day import is_silent, latest_due_session

AHEAD = timedelta(days=400)
"""How far ahead the quorum compares the libraries: every holiday of a year comes up."""

BEHIND = timedelta(days=31)
"""How far back it compares them, for late corrections of a library."""

ALERTS_FOR = timedelta(days=7)
"""How long after its day a disagreement stays an alert; then it is history."""

TRADED_BARS = "traded volume"


@dataclass(frozen=True, slots=True)
class QuorumReport:
    """What one quorum found.

    Attributes:
        asked: witnesses that answered, each with its calendar.
        unheard: witnesses that did not, and why.
        noticed: new disagreements.
        resolved: disagreements that ended.
    """

    asked: tuple[str, ...]
    unheard: tuple[str, ...]
    noticed: int
    resolved: int


@dataclass(frozen=True, slots=True)
class _Heard:
    calendar: SessionCalendar
    overridden: frozenset[date]
    accounts: tuple[WitnessAccount, ...]
    unheard: tuple[str, ...]


def hold_quorum(context: LoadContext[PublicationSource]) -> QuorumReport:
    """Ask every witness about every calendar, and keep what differs. A second quorum on the same day finds nothing new.

    Args:
        context: its source is the vendor, which is asked about the context's market only.
    """
    engine, now = context.engine, context.now()
    asked: list[str] = []
    unheard: list[str] = []
    noticed = resolved = 0
    for key in CALENDARS:
        heard = _hear(engine, key, context.source if key == context.market else None, now)
        asked += [f"{key}: {account.witness}" for account in heard.accounts]
        unheard += heard.unheard
        with transaction(engine) as connection:
            for account in heard.accounts:
                # Traded volume is a fact, not an opinion: it can contradict an override as well.
                decided = frozenset[date]() if account.witness == TRADED_BARS else heard.overridden
                found = disagreements(heard.calendar, account, decided)
                resolved += _write(connection, "calendars/disagreements_resolve", key, account, found, now)
                noticed += _write(connection, "calendars/disagreements_note", key, account, found, now)
    context.record_calls()
    return QuorumReport(tuple(dict.fromkeys(asked)), tuple(unheard), noticed, resolved)


def standing_disagreements(engine: sa.Engine, now: datetime) -> list[Disagreement]:
    """Open disagreements about the last week and days to come; those without an override come first."""
    with transaction(engine) as connection:
        values = {"since": now.date() - ALERTS_FOR}
        return [Disagreement(*row) for row in connection.execute(statement("calendars/disagreements_open"), values)]


def _hear(engine: sa.Engine, key: str, source: PublicationSource | None, now: datetime) -> _Heard:
    with transaction(engine) as connection:
        calendar = calendar_within(connection, key)
        overridden = frozenset(override.session for override in standing_overrides(connection, key))
    today = now.astimezone(calendar.timezone).date()
    accounts: list[WitnessAccount] = []
    unheard = []
    first, last = max(today - BEHIND, calendar.first), min(today + AHEAD, calendar.last)
    second = ask_second_library(calendar, first, last)
    if second is None:
        unheard.append(f"{key}: {SECOND_LIBRARY} is not installed")
    else:
        accounts.append(second)
    if source is not None:
        try:
            accounts += ask_vendor(source, calendar, today + timedelta(days=1))
        except VendorError as error:
            unheard.append(f"{key}: special days: {error}")
        try:
            accounts += _ask_volume(engine, source, calendar, now)
        except VendorError as error:
            unheard.append(f"{key}: {TRADED_BARS}: {error}")
    return _Heard(calendar, overridden, tuple(accounts), tuple(unheard))


def _ask_volume(
    engine: sa.Engine, source: PublicationSource, calendar: SessionCalendar, now: datetime
) -> list[WitnessAccount]:
    """Whether the latest due session, and the closed days around it, saw trading; one account for each day."""
    session = latest_due_session(calendar, now)
    said = []
    state = tracked_state(engine, session)
    if state is not None and state.expected:
        words = session_words(calendar, calendar.hours_of(session))
        if is_silent(state) and not source.publication(session).published:
            words = f"{state.stored} of {state.expected} bars are stored, and {source.name} has none: nobody traded?"
        said.append(WitnessAccount(TRADED_BARS, session, session, {session: words}))
    today = now.astimezone(calendar.timezone).date()
    closed = closed_days_before(calendar, session)
    closed += [session + timedelta(days=n) for n in range(1, (today - session).days)]
    closed = [day for day in closed if not calendar.is_session(day)]
    with transaction(engine) as connection:
        values = {"days": closed, "reason": OFF_CALENDAR}
        strays = dict(connection.execute(statement("calendars/off_calendar_rows"), values).fetchall())
    for day in closed:
        published = source.publication(day).published
        rows = f"{strays[day]} rows of that day were quarantined" if day in strays else ""
        bar = f"{source.name} has bars of that day" if published else ""
        words = ", ".join(part for part in (bar, rows) if part)
        said.append(WitnessAccount(TRADED_BARS, day, day, {day: f"{words}: a session?" if words else CLOSED}))
    return said


def _write(
    connection: psycopg.Connection,
    name: str,
    key: str,
    account: WitnessAccount,
    found: Sequence[Disagreement],
    now: datetime,
) -> int:
    values = {
        "calendar": key,
        "witness": account.witness,
        "first": account.first,
        "last": account.last,
        "sessions": [one.session for one in found],
        "ours": [one.ours for one in found],
        "theirs": [one.theirs for one in found],
        "overridden": [one.overridden for one in found],
        "now": now,
    }
    return connection.execute(statement(name), values).rowcount
