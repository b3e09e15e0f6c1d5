"""Loading bars: from "these tickers on these sessions" to stored or explained cells.

A load looks in the store first, plans the fewest calls, makes them side by side, and stores finished units in batches,
each in one transaction (`adapters.bars.filling`). Stopped at any point and started again, it repeats no finished unit.
Both assets (`us/session_bars` and `us/ohlcv_daily`) and the CLI load through this module.

Longer than 250 lines because the phases of a load are read one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from tickstock_dagster.adapters.bars.answer_validation import (
    same_reason,
    unproven_gaps,
)
from tickstock_dagster.adapters.bars.filling import Filled, Filler
from tickstock_dagster.adapters.bars.load_planning import PlannedLoad, history_words, plan_request
from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.post_load import late_starts, proven_gaps, revised_gaps
from tickstock_dagster.adapters.bars.store import ListingStart, StoreBatch, StoreResult, store_batch
from tickstock_dagster.adapters.ledger.context import ListingForecast, LoadContext
from tickstock_dagster.adapters.ledger.leases import Holder, holding
from tickstock_dagster.adapters.ledger.units import look
from tickstock_dagster.adapters.loading.coverage import span_states
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.phase_timer import PhaseTimer
from tickstock_dagster.adapters.postgres.rehearsal import rehearsal
from tickstock_dagster.adapters.securities.file_listings import store_file_listings
from tickstock_dagster.adapters.securities.identity_sync import UNPROVEN_SCHEMA, IdentitySync
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.coverage import GAP_SCHEMA, GapReason
from tickstock_dagster.core.loading.expectation import STRETCH_SCHEMA
from tickstock_dagster.core.loading.load_progress import job_name
from tickstock_dagster.core.loading.planning import LoadPlan, least_seconds

MOST_ROUNDS = 3
"""How often a load plans again what is owed of units that other loads asked for meanwhile."""

LoadProgress = Callable[[int, int, Expectation], None]
"""Called with how many units are done, how many there are, and what the load expects."""


@dataclass(slots=True)
class BarLoader:
    """Loads bars of one market from one source into one store.

    Attributes:
        context: source, store, market, run and clock.
        calendar: the market's, with its overrides applied.
        workers: calls side by side.
        progress: called after each stored batch.
    """

    context: LoadContext[MarketSource]
    calendar: SessionCalendar
    workers: int = 8
    progress: LoadProgress | None = None
    _timer: PhaseTimer = field(default_factory=PhaseTimer, init=False)

    def plan(self, request: LoadRequest) -> LoadPlan:
        """What `load` would ask for now, without asking for a bar, and without a trace but the record of calls.

        Ticker lists are fetched where they are needed, and not stored: a plan changes no later answer. What the load
        would ask about the changes between them, and to prove identities, is counted and not asked.

        Raises:
            BadInputError: as for `load`.
        """
        forecast = self.context.forecast or ListingForecast()
        with rehearsal(self.context.engine) as engine:
            context = replace(self.context, engine=engine, forecast=forecast)
            plan = replace(self, context=context)._prepare(request).plan
        return replace(plan, listing_calls=forecast.calls)

    def load(self, request: LoadRequest) -> LoadReport:
        """Bring every requested cell to "stored" or "explained", as far as the source allows.

        The report has the failures of single units; what was stored before them stays.

        Raises:
            BadInputError: a ticker is unknown and the request is strict, or the request is empty.
            AuthFailedError, NotEntitledError: further calls are pointless; earlier answers stay stored.
            ServiceUnavailableError: the database cannot be reached.
        """
        begun, calls_before = self.context.now(), self.context.calls
        self._timer = PhaseTimer()
        try:
            seen = look(self.context.engine)
            prepared = self._prepare(request)
            filled = self._fill(prepared, request, seen)
            with self._timer.phase("settle"):
                settled, expectation = self._settle(prepared, request.sessions)
        finally:
            self.context.record_calls()
        with self._timer.phase("settle"):
            states, gaps = span_states(self.context.engine, expectation, request.sessions)
        return LoadReport(
            tickers=request.tickers,
            expectation=expectation,
            plan=prepared.plan,
            stored=filled.stored,
            states=tuple(states),
            gaps=gaps,
            unknown=prepared.unknown,
            unresolved=tuple(sorted(filled.unresolved)),
            failures=tuple(filled.failures.values()),
            calls=self.context.calls - calls_before,
            seconds=(self.context.now() - begun).total_seconds(),
            phases=dict(self._timer.seconds),
            quarantined=tuple(filled.quarantined),
            retrying=filled.retrying,
            dead=tuple(filled.dead),
            besides=filled.besides,
            changed=filled.stored.changed | settled | _asked_elsewhere(prepared.plan, filled, request.sessions),
        )

    def _fill(self, prepared: PlannedLoad, request: LoadRequest, seen: str) -> Filled:
        """Ask for every unit and store the answers; then for what is still owed of units that others asked for.

        Another load may have asked for the same unit and not for the same cells: what it left is planned again.
        """
        filled, now = Filled(), self.context.now()
        if prepared.plan.out_of_history.height:
            filled.stored += self._store_out_of_history(prepared.plan.out_of_history)
        if prepared.doubtful.height:
            gaps = unproven_gaps(prepared.doubtful, now)
            filled.stored += store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now))
        if not prepared.plan.units:
            return filled
        named = (f"universe {name}" for name in request.universes or ("*",)) if request.universes is not None else None
        purpose = "again" if request.refresh or request.reread else ""
        job_id = job_name(
            self.context.market, self.context.source.name, named or request.tickers, request.sessions, purpose
        )
        with holding(self.context.engine, self.context.run_id) as holder:
            current = prepared
            for _ in range(MOST_ROUNDS):
                known = len(filled.elsewhere)
                self._filler(current, holder, filled, job_id).fill(seen)
                if len(filled.elsewhere) == known:
                    break
                current, seen = self._plan_rest(prepared, request, filled)
        return filled

    def _filler(self, prepared: PlannedLoad, holder: Holder, filled: Filled, job_id: str) -> Filler:
        def progress(done: int, total: int) -> None:
            if self.progress:
                self.progress(done, total, prepared.expectation)

        workers = self._parallel_calls(len(prepared.plan.units))
        return Filler(self.context, self.calendar, holder, prepared, workers, self._timer, progress, filled, job_id)

    def _plan_rest(self, prepared: PlannedLoad, request: LoadRequest, filled: Filled) -> tuple[PlannedLoad, str]:
        """A plan for what is still owed, without the units that this load asked for or others failed at."""
        with self._timer.phase("plan"):
            seen = look(self.context.engine)
            again = replace(request, ask_again=False, refresh=False, reread=False)
            rest = plan_request(self.context, self.calendar, again, prepared.unproven, self.context.now())
            given_up = filled.answered | filled.failures.keys()
            units = tuple(unit for unit in rest.plan.units if unit.unit_id not in given_up)
            return replace(rest, plan=replace(rest.plan, units=units)), seen

    def _prepare(self, request: LoadRequest) -> PlannedLoad:
        """Resolve a request; with a forecast, count the calls that would prove identities, and take them as proven."""
        if not request.tickers or not request.sessions:
            raise BadInputError("request", f"{request.tickers[:3]} × {request.sessions[:3]}", "tickers and sessions")
        first, last, now = request.sessions[0], request.sessions[-1], self.context.now()
        identity, unproven = IdentitySync(self.context), pl.DataFrame(schema=UNPROVEN_SCHEMA)
        identity_calls = 0
        source = self.context.source
        if isinstance(source, FileSource) and source.capabilities.own_rows:
            with self._timer.phase("listing"):
                store_file_listings(self.context.engine, source, request.tickers, now=now)
        elif source.capabilities.listings:
            with self._timer.phase("listing"):
                ListingSync(self.context).ensure(request.tickers, first, last, self.calendar.latest_closed_session(now))
                if self.context.forecast is None:
                    unproven = identity.prove(request.tickers, first, last)
                else:
                    identity_calls = identity.calls(request.tickers, first, last).calls
        with self._timer.phase("plan"):
            planned = plan_request(self.context, self.calendar, request, unproven, now)
            seconds = least_seconds(planned.plan.calls + identity_calls, self.context.source.plan)
            plan = replace(planned.plan, identity_calls=identity_calls, seconds=seconds)
            return replace(planned, plan=plan)

    def _parallel_calls(self, units: int) -> int:
        """Calls at once: at most as many as the plan allows in one window, and as there are units."""
        plan = self.context.source.plan
        allowed = plan.calls if plan else self.workers
        return max(1, min(self.workers, allowed, units))

    def _store_out_of_history(self, cells: pl.DataFrame) -> StoreResult:
        now = self.context.now()
        gaps = same_reason(cells, GapReason.NOT_ENTITLED, history_words(self.context.source), now + timedelta(days=30))
        return store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now))

    def _settle(self, prepared: PlannedLoad, sessions: Sequence[date]) -> tuple[frozenset[date], Expectation]:
        """Evaluate again what single batches could not know.

        Returns:
            The sessions of which that changed something, and what is expected with listings as they are then.
        """
        changed = frozenset[date]()
        starts = late_starts(self.context, prepared.expectation.intervals, self.calendar, sessions[-1])
        if starts:
            store_batch(self.context.engine, self._batch_of(starts=starts, now=self.context.now()))
        now = self.context.now()
        expectation = prepared.expectation.with_listings_as_stored(self.context.engine)
        if prepared.counts.height:
            newly = _newly_expected(prepared, expectation, sessions)
            gaps = proven_gaps(self.context, newly, self.calendar, now=now)
            if gaps.height:
                changed |= store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now)).changed
        gaps = revised_gaps(
            self.context,
            prepared.expectation.stretches["security_id"].unique().to_list(),
            self.calendar,
            sessions[0],
            sessions[-1],
            now=now,
        )
        if gaps.height:
            changed |= store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now)).changed
        return changed, expectation

    def _batch_of(
        self, *, now: datetime, gaps: pl.DataFrame | None = None, starts: Sequence[ListingStart] = ()
    ) -> StoreBatch:
        """A batch without rows."""
        return StoreBatch(
            source=self.context.source.name,
            run_id=self.context.run_id,
            now=now,
            bars=pl.DataFrame(),
            rejected=pl.DataFrame(),
            gaps=gaps if gaps is not None else pl.DataFrame(schema=GAP_SCHEMA),
            starts=starts,
        )


def _asked_elsewhere(plan: LoadPlan, filled: Filled, sessions: Sequence[date]) -> set[date]:
    """The sessions of units that other loads asked for meanwhile: what these stored of them is not known."""
    spans = {(unit.first, unit.last) for unit in plan.units if unit.unit_id in filled.elsewhere}
    return {day for day in sessions if any(first <= day <= last for first, last in spans)}


def _newly_expected(prepared: PlannedLoad, now: Expectation, sessions: Sequence[date]) -> pl.DataFrame:
    """The cells (`CELL_SCHEMA`) that are expected now and were not when the load was planned."""
    changed = now.stretches.join(prepared.expectation.stretches, on=list(STRETCH_SCHEMA), how="anti", nulls_equal=True)
    of_changed = pl.col("security_id").is_in(changed["security_id"].unique().to_list())
    before, after = (
        replace(one, intervals=one.intervals.filter(of_changed)).cells(sessions) for one in (prepared.expectation, now)
    )
    return after.join(before, on=["security_id", "session"], how="anti")
