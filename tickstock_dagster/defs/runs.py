"""What runs of all assets share: store, source, the sessions that may be loaded, and errors for people.

What only one kind of asset needs belongs beside that asset.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self, TypeVar

import dagster as dg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import DispatchReport
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.sources.protocol import MarketSource, Source
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import TickstockError, machine_words
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource

AnySource = TypeVar("AnySource", bound=Source)


@contextmanager
def failures(*, retried: type[TickstockError] | tuple[type[TickstockError], ...] = ()) -> Iterator[None]:
    """Turn errors that are written for people into a `Failure` that Dagster does not retry.

    Args:
        retried: errors to pass on as they are, so that the asset's retry policy repeats the step.

    Raises:
        Failure: bad input, no rights, no store, a full disk, an unusable answer; with the error's own message.
    """
    try:
        yield
    except TickstockError as error:
        if isinstance(error, retried):
            raise
        raise dg.Failure(str(error), allow_retries=False) from None
    except OSError as error:
        if (words := machine_words(error)) is None:
            raise
        raise dg.Failure(words, allow_retries=False) from None


@dataclass(frozen=True, slots=True)
class StoreRun:
    """What one run works with: store, calendar in force, and the time at which it began (aware)."""

    engine: sa.Engine
    calendar: SessionCalendar
    run_id: str
    clock: Clock
    started_at: datetime

    @classmethod
    def open(cls, context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock) -> Self:
        """Open the store.

        Raises:
            Failure: the store or its schema cannot be used; not retried.
        """
        with failures():
            return cls(warehouse.engine(), warehouse.calendar(MARKET), context.run.run_id, clock, clock.now())

    @property
    def market(self) -> str:
        """MIC of the market whose sessions these are."""
        return self.calendar.key

    def context_with(self, source: AnySource) -> LoadContext[AnySource]:
        """The context of a load from `source` in this run."""
        return LoadContext(source, self.engine, self.market, self.run_id, self.clock.now)

    def traded_sessions(self, keys: Sequence[str]) -> tuple[date, ...]:
        """The sessions of the keys, ascending, without those that an override cancelled.

        Raises:
            Failure: there is no key (the range is inverted), or a session has not closed yet.
        """
        traded = tuple(day for day in session_days(keys) if self.calendar.is_session(day))
        latest = self.calendar.latest_closed_session(self.clock.now())
        if traded and traded[-1] > latest:
            raise dg.Failure(
                f"session {traded[-1]} has not closed yet: the latest closed one is {latest}", allow_retries=False
            )
        return traded

    def is_cancelled(self, day: date) -> bool:
        """Whether an override cancelled the session of a day that has a partition."""
        return not self.calendar.is_session(day)


@dataclass(frozen=True, slots=True)
class SourceRun(StoreRun):
    """A run with a source."""

    source: MarketSource

    @classmethod
    def open_source(
        cls, context: dg.AssetExecutionContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
    ) -> Self:
        """Open store and source.

        Args:
            context: of the run.
            warehouse: the store.
            vendor: the source.
            clock: gives the time at which the run began, and later ones.

        Raises:
            Failure: the store, its schema or the source cannot be used; not retried.
        """
        with failures():
            engine, calendar = warehouse.engine(), warehouse.calendar(MARKET)
            return cls(engine, calendar, context.run.run_id, clock, clock.now(), vendor.open())

    @property
    def load_context(self) -> LoadContext[MarketSource]:
        """The context of a load in this run; a new one each time, which counts its calls from 0."""
        return self.context_with(self.source)

    def closed_sessions(self, keys: Sequence[str], added: Sequence[str] = ()) -> tuple[date, ...]:
        """The closed sessions of the keys and of `added`, the sessions that an override added; ascending.

        Raises:
            Failure: there is none: the range is empty (inverted), or nothing in it has closed yet; or no override added
                a session of `added`.
        """
        days = session_days(keys, added)
        if unknown := [day for day in added if not self.calendar.is_session(date.fromisoformat(day))]:
            raise dg.Failure(
                f"added_sessions {', '.join(unknown)}: no override added such a session", allow_retries=False
            )
        latest = self.calendar.latest_closed_session(self.clock.now())
        closed = tuple(day for day in days if day <= latest and self.calendar.is_session(day))
        if not closed and not any(self.is_cancelled(day) for day in days):
            closes = self.calendar.closes_at(days[0]).astimezone(self.calendar.timezone)
            raise dg.Failure(
                f"session {days[0]} closes at {closes:%Y-%m-%d %H:%M %Z}: the latest closed one is {latest}",
                allow_retries=False,
            )
        return closed


def session_days(keys: Sequence[str], added: Sequence[str] = ()) -> list[date]:
    """The days of partition keys and of added sessions, ascending.

    Raises:
        Failure: no key: the range is inverted.
    """
    if not keys:
        raise dg.Failure("no partition is selected: is the range inverted?", allow_retries=False)
    return sorted({date.fromisoformat(key) for key in (*keys, *added)})


def dispatch(context: dg.AssetExecutionContext, notifications: RedisNotifications) -> DispatchReport:
    """Send what waits in the outbox. While Redis is away the run goes on; `outbox_sensor` sends the events later."""
    with failures():
        report = notifications.dispatch()
    if report.error:
        context.log.warning("%s notifications wait: %s", report.left, report.error)
    return report


def send(context: dg.AssetExecutionContext, notifications: RedisNotifications) -> dict[str, int]:
    """`dispatch`, and its counts as run metadata."""
    report = dispatch(context, notifications)
    return {"events_sent": report.sent, "events_waiting": report.left}
