"""One run of a bar asset: opening store and source, guarding its partitions, and loading.

What the run did is told to Dagster in `bar_reports`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

import dagster as dg
import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.bars.loader import BarLoader, LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.store import NOTHING_STORED
from tickstock_dagster.adapters.loading.coverage import completeness
from tickstock_dagster.adapters.loading.expectation import Expectation, universe_tickers_between
from tickstock_dagster.adapters.sources.protocol import BarSource
from tickstock_dagster.adapters.universes.store import universe_named
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, Completeness
from tickstock_dagster.core.loading.planning import LoadPlan
from tickstock_dagster.defs.partitions import MARKET
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource


@dataclass(frozen=True, slots=True)
class BarRun:
    """What one run works with: store, source, calendar in force, and the moment it began (aware)."""

    engine: sa.Engine
    source: BarSource
    calendar: SessionCalendar
    run_id: str
    clock: Clock
    started_at: datetime

    @classmethod
    def open(
        cls,
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        vendor: VendorResource,
        clock: Clock,
    ) -> Self:
        """Open store and source.

        Raises:
            Failure: the store, its schema or the source cannot be used; not retried.
        """
        try:
            engine = warehouse.engine()
            calendar = warehouse.calendar(MARKET)
            return cls(engine, vendor.open(), calendar, context.run.run_id, clock, clock.now())
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None

    def closed_sessions(self, keys: Sequence[str], added: Sequence[str] = ()) -> tuple[date, ...]:
        """The sessions of the keys, and those that an override added, that have closed, ascending.

        Raises:
            Failure: there is none: the range is empty (inverted), or nothing in it has closed yet; or no override
                added a session that is said to be an added one.
        """
        if not keys:
            raise dg.Failure("no partition is selected: is the range inverted?", allow_retries=False)
        days = sorted({date.fromisoformat(key) for key in (*keys, *added)})
        if unknown := [day for day in added if not self.calendar.is_session(date.fromisoformat(day))]:
            raise dg.Failure(f"no override added the session {', '.join(unknown)}", allow_retries=False)
        latest = self.calendar.latest_closed_session(self.clock.now())
        closed = tuple(day for day in days if day <= latest and self.calendar.is_session(day))
        if not closed and not any(self.is_cancelled(day) for day in days):
            closes = self.calendar.closes_at(days[0]).astimezone(self.calendar.timezone)
            raise dg.Failure(
                f"session {days[0]} closes at {closes:%Y-%m-%d %H:%M %Z}: the latest closed one is {latest}",
                allow_retries=False,
            )
        return closed

    def is_cancelled(self, day: date) -> bool:
        """Whether the day has a partition and an override took the session away."""
        return not self.calendar.is_session(day)

    def expected(self, tickers: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
        """The cells (`CELL_SCHEMA`) at which bars of some tickers are expected."""
        return Expectation.of_tickers(self.engine, tickers).cells(sorted(days))

    def tracked(self, days: Sequence[date]) -> Expectation:
        """What is tracked on some sessions."""
        return Expectation.of_universes(self.engine, None, min(days), max(days))

    def states(self, expectation: Expectation, days: Sequence[date]) -> dict[date, Completeness]:
        """Each session's completeness; none for a session on which nothing was expected."""
        return {state.session: state for state in completeness(self.engine, expectation.cells(sorted(days)))}

    def request(
        self, days: Sequence[date], tickers: Sequence[str], universe: str, *, ask_again: bool = False
    ) -> LoadRequest:
        """What to load on closed sessions: chosen tickers, one universe's members, or else everything tracked.

        Raises:
            Failure: both are chosen, or there is no such universe.
        """
        if tickers and universe:
            raise dg.Failure("tickers and universe are both given: one of them is accepted", allow_retries=False)
        if tickers:
            return LoadRequest(tuple(tickers), tuple(days), ask_again=ask_again, strict=True)
        try:
            names = (universe_named(self.engine, universe),) if universe else None
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        # Without a session (all are cancelled) nothing is asked, and any day tells whether something is tracked.
        first, last = (days[0], days[-1]) if days else (date.min, date.max)
        meant = universe_tickers_between(self.engine, names, first, last)
        if universe and not meant:
            words = f"universe {universe} has no member on {first} to {last}: materialise universes/membership for them"
            raise dg.Failure(words, allow_retries=False)
        return LoadRequest(meant, tuple(days), universes=names or (), ask_again=ask_again)

    def load(self, request: LoadRequest, progress: Callable[[int, int], None] | None = None) -> LoadReport:
        """Load, with errors meant for people as a `Failure`. Without a session (all are cancelled) nothing is asked.

        `progress` is told of the units done, and of how many, after each batch.

        Raises:
            Failure: bad input, no rights, or no store. Not retried: the loader has retried what may go away.
        """
        if not request.tickers:
            raise dg.Failure(
                "nothing is tracked: track a universe or a profile first (`tickstock load --profile dev`)",
                allow_retries=False,
            )
        if not request.sessions:
            nothing = LoadPlan((), 0, pl.DataFrame(schema=CELL_SCHEMA), 0, 0.0, None)
            return LoadReport(request.tickers, nothing, NOTHING_STORED, (), {}, (), (), (), 0, 0.0)
        loader = BarLoader(
            self.source, self.engine, self.calendar, MARKET, self.run_id, self.clock.now, progress=progress
        )
        try:
            return loader.load(request)
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
