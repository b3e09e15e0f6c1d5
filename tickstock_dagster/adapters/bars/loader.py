"""Loading bars: from "these tickers on these sessions" to stored or explained cells.

Look in the store first, plan the fewest calls, fetch them side by side, and store finished units in batches, each in
one transaction. Stopped at any point and started again, a load repeats no finished unit. Both doors (`us/session_bars`
and `us/ohlcv_daily`) and the CLI come through here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from tickstock_dagster.adapters.bars.answer_validation import AnswerValidator, same_reason
from tickstock_dagster.adapters.bars.post_load import late_starts, revised_gaps
from tickstock_dagster.adapters.bars.store import NOTHING_STORED, ListingStart, StoreBatch, StoreResult, store_batch
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import record_plan
from tickstock_dagster.adapters.loading.coverage import PLAN_HISTORY, completeness, gaps_by_reason, settled_cells
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.phase_timer import PhaseTimer
from tickstock_dagster.adapters.loading.processing import read_priorities
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.fetcher import GIVE_UP_AFTER, fetch_bars
from tickstock_dagster.adapters.sources.protocol import MarketSource, NotEntitledError, UpstreamError, VendorError
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.events.envelope import Event, JobProgress
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, GAP_SCHEMA, Completeness, GapReason
from tickstock_dagster.core.loading.planning import LoadPlan, SourceLimits, UnitKind, WorkUnit, plan_load
from tickstock_dagster.core.loading.processing import in_order
from tickstock_dagster.core.securities.equity_types import Priority

LoadProgress = Callable[[int, int, Expectation], None]
"""Hears how many units are done, of how many, and what the load expects."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load: `tickers` as printed today on `sessions` (ascending, closed ones only).

    With `universes` (canonical names; empty: all that are tracked) the bars of their members are meant, as they stood
    on each session, and `tickers` are those of everybody who was one. `ask_again` also asks for open gaps that are not
    due yet, `refresh` also for bars that are provisional and cells that were taken for untraded. `strict` refuses
    unknown tickers instead of naming them in the report.
    """

    tickers: tuple[str, ...]
    sessions: tuple[date, ...]
    universes: tuple[str, ...] | None = None
    ask_again: bool = False
    refresh: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        tickers: as requested.
        expectation: the securities that the request meant, and their days; listings as they are stored at the end.
        plan: what it set out to do.
        stored: rows new, changed, unchanged, quarantined, explained.
        states: each session's completeness over the requested tickers, ascending.
        gaps: explained gaps of the request by reason.
        unknown: requested tickers that no list of the vendor has.
        unresolved: tickers in answers that no security held on that session.
        failures: what failed, in words, one line a unit.
        calls: vendor calls made, those for ticker lists included.
        phases: seconds by phase: listing (ticker lists), plan, fetch (waiting for answers), store, settle (judging once
            more, and counting).
    """

    tickers: tuple[str, ...]
    expectation: Expectation
    plan: LoadPlan
    stored: StoreResult
    states: tuple[Completeness, ...]
    gaps: dict[str, int]
    unknown: tuple[str, ...]
    unresolved: tuple[str, ...]
    failures: tuple[str, ...]
    calls: int
    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request resolved against the store: what is expected and what is to be asked for."""

    expectation: Expectation
    expected: pl.DataFrame
    plan: LoadPlan
    asked: pl.DataFrame
    priorities: Mapping[str, Priority]
    unknown: tuple[str, ...]


@dataclass(slots=True)
class BarLoader:
    """Loads bars of one market from one source into one store.

    Attributes:
        context: source, store, market, run and clock.
        calendar: the market's, in force.
        workers: calls side by side.
        progress: called after each batch that is stored: how many units are done, of how many, and what is expected.
    """

    context: LoadContext[MarketSource]
    calendar: SessionCalendar
    workers: int = 8
    progress: LoadProgress | None = None
    _timer: PhaseTimer = field(default_factory=PhaseTimer, init=False)

    def plan(self, request: LoadRequest) -> LoadPlan:
        """What `load` would ask for now, without asking for a bar (ticker lists are fetched where needed).

        Raises:
            BadInputError: as `load`.
        """
        return self._prepare(request).plan

    def load(self, request: LoadRequest) -> LoadReport:
        """Bring every requested cell to "stored" or "explained", as far as the source lets us.

        Failures of single units are in the report; what was stored before them stays.

        Raises:
            BadInputError: a ticker is unknown and the request is strict, or the request is empty.
            AuthFailedError, NotEntitledError: asking on is pointless; what was answered before is stored.
            ServiceUnavailableError: the database cannot be reached.
        """
        begun, calls_before = self.context.now(), self.context.calls
        self._timer = PhaseTimer()
        try:
            prepared = self._prepare(request)
            stored, unresolved, failures = self._fill(prepared)
            with self._timer.phase("settle"):
                self._settle(prepared, request.sessions)
        finally:
            self.context.record_calls()
        with self._timer.phase("settle"):
            expectation = prepared.expectation.with_listings_as_stored(self.context.engine)
            expected = expectation.cells(request.sessions)
            states = tuple(completeness(self.context.engine, expected))
            security_ids = expected["security_id"].unique().to_list()
            gaps = gaps_by_reason(self.context.engine, security_ids, request.sessions[0], request.sessions[-1])
        return LoadReport(
            tickers=request.tickers,
            expectation=expectation,
            plan=prepared.plan,
            stored=stored,
            states=states,
            gaps=gaps,
            unknown=prepared.unknown,
            unresolved=unresolved,
            failures=failures,
            calls=self.context.calls - calls_before,
            seconds=(self.context.now() - begun).total_seconds(),
            phases=dict(self._timer.seconds),
        )

    def _fill(self, prepared: _Prepared) -> tuple[StoreResult, tuple[str, ...], tuple[str, ...]]:
        """Ask for every unit and store what comes: rows, tickers of nobody, and what failed in words."""
        units = prepared.plan.units
        record_plan(
            self.context.engine,
            units,
            run_id=self.context.run_id,
            priorities=prepared.priorities,
            now=self.context.now(),
        )
        stored, unresolved, failures = NOTHING_STORED, set[str](), list[str]()
        if prepared.plan.out_of_history.height:
            stored += self._store_out_of_history(prepared.plan.out_of_history)
        validator = AnswerValidator(
            self.context,
            self.calendar,
            prepared.expectation.intervals,
            prepared.asked,
            prepared.expected.group_by("session").agg(pl.len().alias("expected")),
        )
        left = dict.fromkeys(units)
        last_error: VendorError | None = None
        try:
            batches = fetch_bars(self.context.source, units, self.context.clock, self._parallel_calls(len(units)))
            for answers in self._timer.waiting("fetch", batches):
                for answer in answers:
                    del left[answer.question]
                    last_error = answer.error
                done = len(units) - len(left)
                with self._timer.phase("store"):
                    batch, lost = validator.validate(answers, self.context.now())
                    batch.calls, batch.events = self.context.drain(), [self._progress(done, len(units), batch.now)]
                    stored += store_batch(self.context.engine, batch)
                if self.progress:
                    self.progress(done, len(units), prepared.expectation)
                unresolved.update(lost)
                failures += [f"{end.unit.describe()}: {end.error}" for end in batch.units if end.error]
        except NotEntitledError as error:
            self._store_unasked(validator, tuple(left), error)
            raise
        if left:
            why = f"{GIVE_UP_AFTER} questions failed one after another, the last: {last_error}"
            stored += self._store_unasked(validator, tuple(left), UpstreamError(f"not asked for: {why}"))
            failures.append(f"{len(left)} further units were not asked for, since {why}")
        return stored, tuple(sorted(unresolved)), tuple(failures)

    def _store_unasked(self, validator: AnswerValidator, units: Sequence[WorkUnit], error: VendorError) -> StoreResult:
        """Explain the cells of units that were never asked for; the units stay pending."""
        now = self.context.now()
        return store_batch(self.context.engine, self._batch_of(gaps=validator.failed_gaps(units, error, now), now=now))

    def _prepare(self, request: LoadRequest) -> _Prepared:
        if not request.tickers or not request.sessions:
            raise BadInputError("request", f"{request.tickers[:3]} × {request.sessions[:3]}", "tickers and sessions")
        first, last, now = request.sessions[0], request.sessions[-1], self.context.now()
        if self.context.source.capabilities.listings:
            with self._timer.phase("listing"):
                ListingSync(self.context).ensure(request.tickers, first, last, self.calendar.latest_closed_session(now))
        with self._timer.phase("plan"):
            return self._planned(request, now)

    def _planned(self, request: LoadRequest, now: datetime) -> _Prepared:
        first, last = request.sessions[0], request.sessions[-1]
        expectation = self._expectation(request)
        unknown = tuple(sorted(set(request.tickers) - set(expectation.intervals["ticker"])))
        if unknown and (request.strict or len(unknown) == len(set(request.tickers))):
            held = read_intervals(self.context.engine)["ticker"].to_list()
            raise BadInputError("symbol", ", ".join(unknown), choices(unknown[0], held))
        expected = expectation.cells(request.sessions)
        settled = settled_cells(
            self.context.engine,
            first,
            last,
            now,
            history=self._history(),
            ask_again=request.ask_again,
            refresh=request.refresh,
        )
        missing = expected.join(settled, on=["security_id", "session"], how="anti")
        source = self.context.source
        offers = source.capabilities
        limits = SourceLimits(source.name, offers.range_bars, offers.grouped_bars, offers.max_range_rows, source.plan)
        plan = plan_load(missing, self.calendar.sessions(first, last), self.context.market, limits, now=now)
        asked = _assign(missing, plan.units)
        priorities = read_priorities(self.context.engine, asked)
        plan = replace(plan, units=in_order(plan.units, priorities))
        return _Prepared(expectation, expected, plan, asked, priorities, unknown)

    def _expectation(self, request: LoadRequest) -> Expectation:
        if request.universes is None:
            return Expectation.of_tickers(self.context.engine, request.tickers)
        first, last = request.sessions[0], request.sessions[-1]
        return Expectation.of_universes(self.context.engine, request.universes or None, first, last)

    def _parallel_calls(self, units: int) -> int:
        """Calls at once: no more than the plan allows in one window, or than there are units."""
        plan = self.context.source.plan
        allowed = plan.calls if plan else self.workers
        return max(1, min(self.workers, allowed, units))

    def _progress(self, done: int, total: int, now: datetime) -> Event:
        run_id = self.context.run_id
        data = JobProgress(job_id=run_id, run_id=run_id, done=done, total=total, unit="units", symbol=None)
        return Event.of(data, time=now, dedupe_key=f"{done}/{total}")

    def _history(self) -> str:
        """What the plan's history does not reach, in words."""
        plan = self.context.source.plan
        return f"{PLAN_HISTORY}{plan.name.value} reaches back {plan.history_years} years" if plan else ""

    def _store_out_of_history(self, cells: pl.DataFrame) -> StoreResult:
        now = self.context.now()
        gaps = same_reason(cells, GapReason.NOT_ENTITLED, self._history(), now + timedelta(days=30))
        return store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now))

    def _settle(self, prepared: _Prepared, sessions: Sequence[date]) -> None:
        """Judge once more what single batches could not know."""
        starts = late_starts(self.context, prepared.expectation.intervals, self.calendar, sessions[-1])
        if starts:
            store_batch(self.context.engine, self._batch_of(starts=starts, now=self.context.now()))
        now = self.context.now()
        gaps = revised_gaps(
            self.context,
            prepared.expected["security_id"].unique().to_list(),
            self.calendar,
            sessions[0],
            sessions[-1],
            now=now,
        )
        if gaps.height:
            store_batch(self.context.engine, self._batch_of(gaps=gaps, now=now))

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


def _assign(missing: pl.DataFrame, units: Sequence[WorkUnit]) -> pl.DataFrame:
    """Each missing cell with the unit that will fill it, as `CELL_SCHEMA` plus `unit_id` and `kind`."""
    table = pl.DataFrame(
        [(unit.unit_id, unit.kind.value, unit.subject, unit.first, unit.last) for unit in units],
        schema={"unit_id": pl.String, "kind": pl.String, "ticker": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    by_range = (
        missing.join(table.filter(pl.col("kind") == UnitKind.RANGE.value), on="ticker")
        .filter(pl.col("session").is_between("first", "last"))
        .drop("first", "last")
    )
    rest = missing.join(by_range.select("security_id", "session"), on=["security_id", "session"], how="anti")
    by_session = rest.join(
        table.filter(pl.col("kind") != UnitKind.RANGE.value).select("unit_id", "kind", session="first"), on="session"
    )
    columns = [*CELL_SCHEMA, "unit_id", "kind"]
    return pl.concat([by_range.select(columns), by_session.select(columns)])
