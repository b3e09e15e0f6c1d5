"""What commands share: services, environment, schema, clock, and dates from the command line.

Not a command. Imported by the command modules only, never by the lazy main group.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import click
import sqlalchemy as sa
from rich.console import Console

from tickstock_dagster.adapters.calendars.store import calendar_in_force, copied_from, copied_until, copy_calendars
from tickstock_dagster.adapters.ledger.context import ListingForecast, LoadContext
from tickstock_dagster.adapters.postgres.database import name_sessions, open_engine
from tickstock_dagster.adapters.postgres.migrations import MigrationReport, migrate
from tickstock_dagster.adapters.postgres.rehearsal import rehearsal
from tickstock_dagster.adapters.services.local import ServiceAddresses, process_environment, resolve_addresses
from tickstock_dagster.adapters.sources.factory import open_source
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.adapters.universes.store import lacks_shipped_universes
from tickstock_dagster.clock import Clock, clock_of
from tickstock_dagster.core.calendars.library import FIRST_DAY, first_day
from tickstock_dagster.core.calendars.markets import CALENDARS, MARKET
from tickstock_dagster.core.calendars.session_calendar import LAST_DAY, SessionCalendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START
from tickstock_dagster.settings import Settings, load_settings

console = Console(stderr=True)
"""Progress and notes go to stderr, so that what a script reads on stdout stays clean."""

LONG_WAIT = 2.0
"""Seconds from which a wait for the vendor's rate limit is reported."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The services of this checkout, ready to use."""

    settings: Settings
    addresses: ServiceAddresses
    rehearsed: sa.Engine | None = None
    forecast: ListingForecast | None = None

    @property
    def engine(self) -> sa.Engine:
        """The store, as tickstock_writer; inside of `reading`, one that keeps no change."""
        return self.rehearsed or open_engine(self.addresses.database_url)

    @contextmanager
    def reading(self, forecast: ListingForecast | None = None) -> Iterator["Workspace"]:
        """The workspace of a command that only reads.

        It may use what the store lacks, such as a ticker list or the seeds of a theme, and leaves nothing behind
        but the record of its calls: no later answer depends on it. With a forecast, questions about what changed
        between two lists are counted there, not asked.
        """
        with rehearsal(self.engine) as engine:
            yield replace(self, rehearsed=engine, forecast=forecast)

    @property
    def calendar(self) -> SessionCalendar:
        """The exchange's calendar, overrides applied."""
        return calendar_in_force(self.engine, MARKET)

    @property
    def clock(self) -> Clock:
        """The one clock of a command, for functions that read it more than once."""
        return clock_of(self.settings)

    def now(self) -> datetime:
        """The current time, aware. A command reads it once and passes it on."""
        return self.clock()

    def source(self, chosen: str | None = None) -> MarketSource:
        """Where bars come from."""
        return open_source(
            self.settings,
            source=chosen,
            simulator_url=self.addresses.simulator_url,
            database_url=self.addresses.database_url,
            sleep=sleep_aloud,
        )

    def load_context(
        self, clock: Callable[[], datetime], source: str | None = None, run_id: str = "cli"
    ) -> LoadContext[MarketSource]:
        """The context of a load outside of Dagster.

        Args:
            clock: gives aware times.
            source: instead of the configured one.
            run_id: marks its rows in the ledger.
        """
        return LoadContext(self.source(source), self.engine, MARKET, run_id, clock, self.forecast)


def open_workspace(*, migrated: bool = True) -> Workspace:
    """Start or find the services, bring the schema up to date, and put the addresses into this process's environment.

    Dagster runs that this process starts find them there.
    """
    settings = load_settings()
    name_sessions(command_path())
    if settings.now and console.is_terminal:
        console.print(f"TICKSTOCK_NOW is set: commands and their runs take {settings.now:%Y-%m-%d %H:%M} UTC for now.")
    with status("Starting services"):
        addresses = resolve_addresses(settings)
    os.environ.update(process_environment(addresses, settings))
    load_settings.cache_clear()
    workspace = Workspace(load_settings(), addresses)
    if migrated:
        bring_up_to_date(workspace)
    return workspace


@dataclass(frozen=True, slots=True)
class Preparation:
    """What bringing a store up to date did: the schema's report, and the universes of the release that were made."""

    schema: MigrationReport
    universes: tuple[str, ...]


def bring_up_to_date(workspace: Workspace) -> Preparation:
    """Apply the migrations that the database lacks, and fill in what a release brings along.

    That is the calendars, where they do not reach far enough, and the universes of the release, where they are missing:
    an edited one stays as it is.

    Raises:
        SchemaError: the database is of a newer release, or an applied migration was edited.
        ServiceUnavailableError: the database cannot be reached.
    """
    report = migrate(workspace.addresses.database_url)
    now, until = workspace.now(), copied_until(workspace.engine)  # the calendar's last year has no next one
    since = copied_from(workspace.engine)  # a former release began later
    begun = all(since.get(key, LAST_DAY).year <= first_day(key).year for key in CALENDARS)
    if until is None or not begun or until.year <= min(now.year, LAST_DAY.year - 1):
        copy_calendars(workspace.engine, min(map(first_day, CALENDARS)), min(date(now.year + 2, 12, 31), LAST_DAY))
    if not lacks_shipped_universes(workspace.engine):
        return Preparation(report, ())
    from tickstock_dagster.adapters.universes.seeding import seed_missing  # with every event and all that is shipped

    return Preparation(report, seed_missing(workspace.engine, run_id="cli", now=now))


def command_path() -> str:
    """The command as it was typed, without its arguments: what a database shows as the program of its sessions."""
    context = click.get_current_context(silent=True)
    return " ".join(["tickstock", *(context.command_path.split()[1:] if context else ())])


def sleep_aloud(seconds: float) -> None:
    """Wait for the vendor's rate limit, and say so where a person would wonder."""
    if seconds >= LONG_WAIT:
        console.print(f"Waiting {seconds:.0f} s for the vendor's rate limit", highlight=False)
    time.sleep(seconds)


@contextmanager
def status(words: str) -> Iterator[None]:
    """A spinner on stderr during a short step; nothing if stderr is not a terminal."""
    if console.is_terminal:
        with console.status(f"{words} …"):
            yield
    else:
        yield


def print_json(value: Any) -> None:
    """Write a document for scripts to stdout; dates in ISO form."""
    click.echo(json.dumps(value, indent=2, default=str))


def parse_session(field: str, text: str, calendar: SessionCalendar, now: datetime) -> date:
    """A closed session from the command line.

    Args:
        field: the option or argument, for the error.
        text: what was given.
        calendar: in force.
        now: aware.

    Raises:
        BadInputError: not a date, not a session (the error names the nearest ones), before the vendor's history, or not
            closed yet.
    """
    day = written_date(field, text)
    latest = calendar.latest_closed_session(now)
    if not HISTORY_START <= day <= calendar.last:
        raise BadInputError(field, text, f"a session of {calendar.key} from {HISTORY_START} to {latest}")
    if not calendar.is_session(day):
        nearest = f"{calendar.previous_session(day)} and {calendar.next_session(day)}"
        raise BadInputError(field, text, f"a session of {calendar.key}; the nearest are {nearest}")
    if day > latest:
        raise BadInputError(field, text, f"a session that has closed; the latest is {latest}")
    return day


def parse_date(field: str, text: str) -> date:
    """An ISO date from the command line, of which some calendar knows.

    Raises:
        BadInputError: it is not a date, or one that no calendar has.
    """
    day, first = written_date(field, text), min(map(first_day, CALENDARS))
    if not first <= day <= LAST_DAY:
        raise BadInputError(field, text, f"a day from {first} to {LAST_DAY}, which the calendars have")
    return day


def written_date(field: str, text: str) -> date:
    """An ISO date from the command line, whichever it is: for callers with bounds of their own.

    Raises:
        BadInputError: it is not a date.
    """
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        day = None
    if day is None:
        raise BadInputError(field, text, "a date as YYYY-MM-DD")
    return day


def parse_moment(field: str, text: str) -> datetime:
    """A moment from the command line, with its offset.

    Raises:
        BadInputError: it is none, or has no offset.
    """
    try:
        moment = datetime.fromisoformat(text)
        outside = moment.tzinfo is None or not FIRST_DAY <= moment.astimezone(UTC).date() <= LAST_DAY
    except (ValueError, OverflowError):
        outside = True
    if outside:
        accepted = f"a moment with its offset, as 2026-11-20T22:00:00+00:00, between {FIRST_DAY} and {LAST_DAY}"
        raise BadInputError(field, text, accepted)
    return moment
