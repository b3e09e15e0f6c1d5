"""Loading bars: from "these tickers on these sessions" to stored or explained cells.

Look in the store first, plan the fewest calls, fetch them side by side, and store finished units in batches, each in
one transaction. Stopped at any point and started again, a load repeats no finished unit. Both doors (`us/session_bars`
and `us/ohlcv_daily`) and the CLI come through here.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.bar_store import (
    NOTHING_STORED,
    FinishedUnit,
    ListingStart,
    StoreBatch,
    StoreResult,
    rows_as_json,
    store_batch,
)
from tickstock_dagster.adapters.coverage_store import completeness, gaps_by_reason, settled_cells, typical_volumes
from tickstock_dagster.adapters.database import transaction
from tickstock_dagster.adapters.ledger import record_calls, record_plan
from tickstock_dagster.adapters.listing_store import read_intervals
from tickstock_dagster.adapters.listing_sync import ListingSync
from tickstock_dagster.adapters.sql_files import statement
from tickstock_dagster.adapters.vendor.source import (
    AuthFailedError,
    BarSource,
    MalformedAnswerError,
    NotEntitledError,
    NotPublishedYetError,
    OutOfHistoryError,
    TransientVendorError,
    VendorCall,
    VendorError,
)
from tickstock_dagster.core.bars import BAR_SCHEMA
from tickstock_dagster.core.calendars import SessionCalendar
from tickstock_dagster.core.coverage import (
    CELL_SCHEMA,
    GAP_SCHEMA,
    SETTLES_AFTER,
    Completeness,
    GapReason,
    expected_cells,
    explain_absences,
)
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.events import Event, JobProgress
from tickstock_dagster.core.ingest import SESSION_TABLE, absent_cells, first_bars, judge_answers
from tickstock_dagster.core.planning import LoadPlan, SourceLimits, WorkUnit, plan_load

FLUSH_ROWS = 60_000
"""Rows gathered before a transaction: large enough that its cost vanishes, small enough to lose little to a crash."""

GIVE_UP_AFTER = 5
"""Units failing one after another for a transient reason: the vendor is down, and asking on only burns quota."""

ONE_ROW_PER_SESSION = 8
"""Range answers with fewer rows than this say too little about a usual volume; the store is asked instead."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load: `tickers` as printed today on `sessions` (ascending, closed ones only).

    `ask_again` also asks for open gaps that are not due yet. `strict` refuses unknown tickers instead of naming them
    in the report.
    """

    tickers: tuple[str, ...]
    sessions: tuple[date, ...]
    ask_again: bool = False
    strict: bool = False
    priority: int = 2


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        tickers: as requested.
        plan: what it set out to do.
        stored: rows new, changed, unchanged, quarantined, explained.
        states: each session's completeness over the requested tickers, ascending.
        gaps: explained gaps of the request by reason.
        unknown: requested tickers that no list of the vendor has.
        unresolved: tickers in answers that no security held on that session.
        failures: what failed, in words, one line a unit.
        calls: vendor calls made, those for ticker lists included.
    """

    tickers: tuple[str, ...]
    plan: LoadPlan
    stored: StoreResult
    states: tuple[Completeness, ...]
    gaps: dict[str, int]
    unknown: tuple[str, ...]
    unresolved: tuple[str, ...]
    failures: tuple[str, ...]
    calls: int
    seconds: float


@dataclass(slots=True)
class _Answer:
    unit: WorkUnit
    started_at: datetime
    bars: pl.DataFrame | None = None
    error: VendorError | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request resolved against the store: what is expected and what is to be asked for."""

    intervals: pl.DataFrame
    expected: pl.DataFrame
    plan: LoadPlan
    asked: pl.DataFrame
    unknown: tuple[str, ...]


@dataclass(slots=True)
class BarLoader:
    """Loads bars of one market from one source into one store. `clock` gives aware times."""

    source: BarSource
    engine: sa.Engine
    calendar: SessionCalendar
    market: str
    run_id: str
    clock: Callable[[], datetime]
    workers: int = 8
    _calls: int = field(default=0, init=False)

    def plan(self, request: LoadRequest) -> LoadPlan:
        """What `load` would ask for now, without asking for a bar (ticker lists are fetched where needed)."""
        return self._prepare(request).plan

    def load(self, request: LoadRequest) -> LoadReport:
        """Bring every requested cell to "stored" or "explained", as far as the source lets us.

        Failures of single units are in the report; what was stored before them stays.

        Raises:
            BadInputError: a ticker is unknown and the request is strict, or the request is empty.
            AuthFailedError, NotEntitledError: nothing can be asked; nothing was changed by this load.
            ServiceUnavailableError: the database cannot be reached.
        """
        begun = self.clock()
        self._calls = 0
        prepared = self._prepare(request)
        record_plan(self.engine, prepared.plan.units, run_id=self.run_id, priority=request.priority, now=self.clock())
        stored, unresolved, failures = NOTHING_STORED, set[str](), list[str]()
        if prepared.plan.out_of_history.height:
            stored += self._store_out_of_history(prepared.plan.out_of_history)
        done = 0
        for answers in self._batches(self._fetch(prepared.plan.units)):
            done += len(answers)
            batch, lost = self._judge(answers, prepared, done)
            stored += store_batch(self.engine, batch)
            unresolved.update(lost)
            failures += [f"{answer.unit.describe()}: {answer.error}" for answer in answers if answer.error]
        self._settle_starts(prepared)
        record_calls(self.engine, self._drain(), source=self.source.name, run_id=self.run_id)
        intervals = read_intervals(self.engine, request.tickers)
        expected = expected_cells(request.sessions, intervals)
        security_ids = expected["security_id"].unique().to_list()
        return LoadReport(
            tickers=request.tickers,
            plan=prepared.plan,
            stored=stored,
            states=tuple(completeness(self.engine, expected)),
            gaps=gaps_by_reason(self.engine, security_ids, request.sessions[0], request.sessions[-1]),
            unknown=prepared.unknown,
            unresolved=tuple(sorted(unresolved)),
            failures=tuple(failures),
            calls=self._calls,
            seconds=(self.clock() - begun).total_seconds(),
        )

    # -- before asking ----------------------------------------------------------------------------------------------

    def _prepare(self, request: LoadRequest) -> _Prepared:
        if not request.tickers or not request.sessions:
            raise BadInputError("request", f"{request.tickers[:3]} × {request.sessions[:3]}", "tickers and sessions")
        first, last, now = request.sessions[0], request.sessions[-1], self.clock()
        if self.source.capabilities.listings:
            sync = ListingSync(self.source, self.engine, self.market, self.run_id, self.clock)
            sync.ensure(request.tickers, first, last, self.calendar.latest_closed_session(now))
        intervals = read_intervals(self.engine, request.tickers)
        unknown = tuple(sorted(set(request.tickers) - set(intervals["ticker"])))
        if unknown and (request.strict or len(unknown) == len(set(request.tickers))):
            held = read_intervals(self.engine)["ticker"].to_list()
            raise BadInputError("symbol", ", ".join(unknown), choices(unknown[0], held))
        expected = expected_cells(request.sessions, intervals)
        settled = settled_cells(self.engine, first, last, now, ask_again=request.ask_again)
        missing = expected.join(settled, on=["security_id", "session"], how="anti")
        capabilities = self.source.capabilities
        limits = SourceLimits(
            self.source.name,
            capabilities.range_bars,
            capabilities.grouped_bars,
            capabilities.max_range_rows,
            self.source.plan,
        )
        plan = plan_load(missing, self.calendar.sessions(first, last), self.market, limits, now=now)
        return _Prepared(intervals, expected, plan, _assign(missing, plan.units), unknown)

    def _store_out_of_history(self, cells: pl.DataFrame) -> StoreResult:
        now = self.clock()
        plan = self.source.plan
        words = f"the plan {plan.name.value} reaches back {plan.history_years} years" if plan else "out of history"
        gaps = _same_reason(cells, GapReason.NOT_ENTITLED, words, now + timedelta(days=30))
        return store_batch(self.engine, self._batch(now, gaps=gaps))

    # -- asking -----------------------------------------------------------------------------------------------------

    def _fetch(self, units: Sequence[WorkUnit]) -> Iterator[_Answer]:
        """Ask for units side by side, few ahead of the writer; answers come in the order of arrival.

        Raises:
            AuthFailedError, NotEntitledError: asking on is pointless.
        """
        plan = self.source.plan
        workers = min(self.workers, plan.calls if plan else self.workers, max(len(units), 1))
        remaining, failed_in_a_row = iter(units), 0
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="vendor") as pool:
            running: set[Future[_Answer]] = set()
            for unit in remaining:
                running.add(pool.submit(self._ask, unit))
                if len(running) < 2 * workers:
                    continue
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    answer = future.result()
                    transient = isinstance(answer.error, TransientVendorError)
                    failed_in_a_row = failed_in_a_row + 1 if transient else 0
                    yield answer
                if failed_in_a_row >= GIVE_UP_AFTER:
                    break
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)

    def _ask(self, unit: WorkUnit) -> _Answer:
        answer = _Answer(unit, self.clock())
        try:
            if unit.kind == "range":
                answer.bars = self.source.range_bars(unit.subject, unit.first, unit.last)
            else:
                answer.bars = self.source.grouped_bars(unit.first)
                if answer.bars.is_empty():
                    raise MalformedAnswerError(f"{self.source.name} has no bars at all for the session {unit.first}")
        except (AuthFailedError, NotEntitledError):
            raise
        except VendorError as error:
            answer.error, answer.bars = error, None
        return answer

    @staticmethod
    def _batches(answers: Iterator[_Answer]) -> Iterator[list[_Answer]]:
        batch: list[_Answer] = []
        rows = 0
        for answer in answers:
            batch.append(answer)
            rows += answer.bars.height if answer.bars is not None else 0
            if rows >= FLUSH_ROWS:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch

    def _drain(self) -> Sequence[VendorCall]:
        calls = self.source.drain_calls()
        self._calls += len(calls)
        return calls

    # -- judging ----------------------------------------------------------------------------------------------------

    def _judge(self, answers: Sequence[_Answer], prepared: _Prepared, done: int) -> tuple[StoreBatch, tuple[str, ...]]:
        now = self.clock()
        good = [answer for answer in answers if answer.error is None and answer.bars is not None]
        grouped = any(answer.unit.kind != "range" for answer in good)
        intervals = read_intervals(self.engine) if grouped else prepared.intervals
        frames = [a.bars.with_columns(unit_id=pl.lit(a.unit.unit_id)) for a in good if a.bars is not None]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema={**BAR_SCHEMA, "unit_id": pl.String})
        sessions = self._session_table([answer.unit for answer in answers])
        judged = judge_answers(rows, intervals, sessions, market=self.market, now=now)
        asked = prepared.asked.filter(pl.col("unit_id").is_in([answer.unit.unit_id for answer in good]))
        seen = ["security_id", "ticker", "session"]
        received = pl.concat([judged.bars.select(seen), judged.rejected.select(seen)])
        starts = first_bars(received, intervals, asked.filter(pl.col("kind") == "range"))
        absent = absent_cells(asked, judged.bars, sessions).join(
            starts.select("security_id", "first_bar"), on="security_id", how="left"
        )
        absent = absent.filter(pl.col("first_bar").is_null() | (pl.col("session") >= pl.col("first_bar")))
        explained = explain_absences(
            absent.select(*CELL_SCHEMA, "closes_at", "suspicious"),
            self._usual_volumes(absent, judged.bars),
            judged.rejected.select("ticker", "session", "reason"),
            now=now,
            asked=f"{self.source.name}'s answer",
        )
        per_unit = dict(judged.bars.group_by("unit_id").len().iter_rows())
        rejected = judged.rejected.with_columns(rows_as_json(judged.rejected))
        batch = self._batch(now, bars=judged.bars, rejected=rejected, gaps=explained)
        for answer in answers:
            if answer.error is not None:
                cells = prepared.asked.filter(pl.col("unit_id") == answer.unit.unit_id)
                batch.gaps = pl.concat([batch.gaps, self._failed_gaps(cells, answer.error, sessions, now)])
        batch.starts = [ListingStart(*row) for row in starts.iter_rows()]
        batch.units = [
            FinishedUnit(a.unit, per_unit.get(a.unit.unit_id, 0), a.started_at, str(a.error) if a.error else None)
            for a in answers
        ]
        batch.events = [self._progress(done, len(prepared.plan.units), now)]
        return batch, judged.unresolved

    def _batch(
        self,
        now: datetime,
        *,
        bars: pl.DataFrame | None = None,
        rejected: pl.DataFrame | None = None,
        gaps: pl.DataFrame | None = None,
    ) -> StoreBatch:
        return StoreBatch(
            source=self.source.name,
            run_id=self.run_id,
            now=now,
            bars=bars if bars is not None else pl.DataFrame(),
            rejected=rejected if rejected is not None else pl.DataFrame(),
            gaps=gaps if gaps is not None else pl.DataFrame(schema=GAP_SCHEMA),
            calls=self._drain(),
        )

    def _progress(self, done: int, total: int, now: datetime) -> Event:
        data = JobProgress(job_id=self.run_id, run_id=self.run_id, done=done, total=total, unit="units", symbol=None)
        return Event.of(data, time=now, dedupe_key=f"{done}/{total}")

    def _session_table(self, units: Sequence[WorkUnit]) -> pl.DataFrame:
        first, last = min(unit.first for unit in units), max(unit.last for unit in units)
        days = self.calendar.sessions(first, last)
        return pl.DataFrame(
            {"session": days, "closes_at": [self.calendar.closes_at(day) for day in days]}, schema=SESSION_TABLE
        )

    def _usual_volumes(self, absent: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
        """Median volume of each absent security: from the same answers where they hold enough, else from the store."""
        if absent.is_empty():
            return pl.DataFrame(schema={"security_id": pl.Int64, "median_volume": pl.Float64})
        wanted = absent["security_id"].unique()
        answered = (
            bars.filter(pl.col("security_id").is_in(wanted.to_list()))
            .group_by("security_id")
            .agg(pl.col("volume").median().alias("median_volume"), pl.len().alias("rows"))
            .filter(pl.col("rows") >= ONE_ROW_PER_SESSION)
            .drop("rows")
        )
        others = sorted(set(wanted) - set(answered["security_id"]))
        before = absent["session"].max()
        assert isinstance(before, date)  # noqa: S101  # the column is a date and not empty
        return pl.concat([answered, typical_volumes(self.engine, others, before)]) if others else answered

    def _failed_gaps(
        self, cells: pl.DataFrame, error: VendorError, sessions: pl.DataFrame, now: datetime
    ) -> pl.DataFrame:
        """Explain the cells of a unit that failed. They are due again at once: the next run asks."""
        if isinstance(error, OutOfHistoryError):
            return _same_reason(cells, GapReason.NOT_ENTITLED, str(error), now + timedelta(days=30))
        late = (pl.lit(now) - pl.col("closes_at") < SETTLES_AFTER) | pl.lit(isinstance(error, NotPublishedYetError))
        return (
            cells.join(sessions, on="session", how="left")
            .with_columns(
                reason=pl.when(late)
                .then(pl.lit(GapReason.VENDOR_LATE.value))
                .otherwise(pl.lit(GapReason.VENDOR_MISSING.value)),
                evidence=pl.lit(str(error)),
                retry_at=pl.lit(now).cast(pl.Datetime("us", "UTC")),
            )
            .select(list(GAP_SCHEMA))
        )

    def _settle_starts(self, prepared: _Prepared) -> None:
        """After session-by-session loads: listings whose earlier sessions all turned out empty begin at their bar."""
        open_starts = prepared.intervals.filter(pl.col("start_known") == "absent_before")
        if open_starts.is_empty():
            return
        sessions = prepared.expected["session"].unique().sort().to_list()
        with transaction(self.engine) as connection:
            rows = connection.execute(
                statement("settle_starts"),
                {"security_ids": open_starts["security_id"].to_list(), "sessions": sessions},
            ).fetchall()
        if rows:
            batch = self._batch(self.clock())
            batch.starts = [ListingStart(*row) for row in rows]
            store_batch(self.engine, batch)


def _same_reason(cells: pl.DataFrame, reason: GapReason, evidence: str, retry_at: datetime) -> pl.DataFrame:
    return cells.with_columns(
        reason=pl.lit(reason.value),
        evidence=pl.lit(evidence),
        retry_at=pl.lit(retry_at).cast(pl.Datetime("us", "UTC")),
    ).select(list(GAP_SCHEMA))


def _assign(missing: pl.DataFrame, units: Sequence[WorkUnit]) -> pl.DataFrame:
    """Each missing cell with the unit that will fill it, as `CELL_SCHEMA` plus `unit_id` and `kind`."""
    table = pl.DataFrame(
        [(unit.unit_id, unit.kind, unit.subject, unit.first, unit.last) for unit in units],
        schema={"unit_id": pl.String, "kind": pl.String, "ticker": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    by_range = (
        missing.join(table.filter(pl.col("kind") == "range"), on="ticker")
        .filter(pl.col("session").is_between("first", "last"))
        .drop("first", "last")
    )
    rest = missing.join(by_range.select("security_id", "session"), on=["security_id", "session"], how="anti")
    by_session = rest.join(
        table.filter(pl.col("kind") != "range").select("unit_id", "kind", session="first"), on="session"
    )
    columns = [*CELL_SCHEMA, "unit_id", "kind"]
    return pl.concat([by_range.select(columns), by_session.select(columns)])
