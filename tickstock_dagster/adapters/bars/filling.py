"""Filling what a load planned: leasing its units from the ledger, asking, and storing the answers in batches.

Several loads may plan the same units. Each unit is leased by one of them and asked for once; a load works on its others
first, waits for those, and then looks again at what is still owed. Resolving a request belongs in
`adapters.bars.load_planning`.

Longer than 250 lines because the rounds of a load, and what they leave behind, are one piece of work.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from tickstock_dagster.adapters.bars.answer_validation import EXAMPLES, AnswerValidator, quarantine_words
from tickstock_dagster.adapters.bars.load_planning import PlannedLoad
from tickstock_dagster.adapters.bars.store import NOTHING_STORED, REJECTED_COLUMNS, StoreBatch, StoreResult, store_batch
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.leases import (
    LONGEST_WAIT,
    Holder,
    UnitQueue,
    cancel_abandoned,
    cancel_superseded,
)
from tickstock_dagster.adapters.ledger.units import FinishedUnit, UnitState, record_plan
from tickstock_dagster.adapters.loading.phase_timer import PhaseTimer
from tickstock_dagster.adapters.loading.processing import RuleWatch
from tickstock_dagster.adapters.sources.fetcher import GIVE_UP_AFTER, BarAnswer, fetch_bars
from tickstock_dagster.adapters.sources.protocol import MarketSource, NotEntitledError, UpstreamError, VendorError
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.events.envelope import Event, JobProgress
from tickstock_dagster.core.loading.coverage import GAP_SCHEMA
from tickstock_dagster.core.loading.ledger import UnitStatus
from tickstock_dagster.core.loading.load_progress import LoadProgress
from tickstock_dagster.core.loading.planning import WorkUnit

LEASED_PER_WORKER = 8
"""Units that a load leases at a time, for each call that it makes at once."""

AT_WORK = 2
"""Batches that are being validated or stored while the next one is asked for."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Filled:
    """What filling did, added up over the rounds of a load.

    Attributes:
        stored: numbers of rows.
        unresolved: tickers in answers that no security held.
        quarantined: some of the rows that broke a rule, one line each.
        failures: units that failed and were not answered afterwards, by id, one line each.
        answered: ids of units that this load asked for.
        elsewhere: ids of units that others asked for meanwhile.
        retrying: units that are tried again later.
        dead: units that are not tried again by themselves, one line each.
        besides: rows of securities that were not requested, stored since the same answers had them.
    """

    stored: StoreResult = NOTHING_STORED
    unresolved: set[str] = field(default_factory=set)
    quarantined: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    retrying: int = 0
    dead: list[str] = field(default_factory=list)
    besides: int = 0


_Validated = tuple[StoreBatch, tuple[str, ...]]
"""A batch, and the tickers of its good rows that no security held."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A batch, what storing it did, and the tickers of its good rows that no security held."""

    batch: StoreBatch
    result: StoreResult
    unresolved: tuple[str, ...]


@dataclass(slots=True)
class Filler:
    """Asks for the units of one plan.

    Attributes:
        context: source, store, market, run and clock.
        calendar: the market's, with its overrides applied.
        holder: who leases.
        prepared: the plan.
        workers: calls side by side.
        timer: seconds by phase.
        progress: called with how many units have ended, and how many there are.
        filled: what was done so far; added to.
        job_id: of the load, for consumers.
    """

    context: LoadContext[MarketSource]
    calendar: SessionCalendar
    holder: Holder
    prepared: PlannedLoad
    workers: int
    timer: PhaseTimer
    progress: Callable[[int, int], None]
    filled: Filled
    job_id: str
    _left: set[str] = field(default_factory=set, init=False)
    _counted: LoadProgress = field(init=False)
    _last_error: VendorError | None = field(default=None, init=False)

    def fill(self, seen: str) -> None:
        """Record the plan, and ask for its units until none can be leased any more.

        Args:
            seen: mark of `ledger.units.look`, from before the plan was made.

        Raises:
            AuthFailedError, NotEntitledError: further calls are pointless; earlier answers stay stored.
            ServiceUnavailableError: the database cannot be reached.
        """
        context, units = self.context, self.prepared.plan.units
        if not units:
            return
        cancel_abandoned(context.engine, units, context.now())
        record_plan(
            context.engine,
            units,
            run_id=context.run_id,
            priorities=self.prepared.priorities,
            now=context.now(),
            look=seen,
        )
        self._left = {unit.unit_id for unit in units}
        self._counted = LoadProgress(units)
        validator = AnswerValidator(
            context,
            self.calendar,
            self.prepared.expectation.intervals,
            self.prepared.asked,
            self.prepared.bracketed,
            self.prepared.unproven,
            self.prepared.counts,
        )
        watch = RuleWatch(context.engine, self.prepared.asked, self.prepared.rules_mark)
        queue = UnitQueue(self.holder, units, context.clock, LEASED_PER_WORKER * self.workers, watch)
        try:
            self._ask(queue, validator)
        except NotEntitledError as error:
            self._explain_unasked(validator, self._unasked(queue), error)
            raise
        self._sum_up(queue.states())

    def _ask(self, queue: UnitQueue, validator: AnswerValidator) -> None:
        """Ask for what can be leased, and again for what others give back or lose.

        Beside the questions one batch is validated and one stored: they wait for no transaction, and answers never
        gather faster than they are stored.
        """
        while True:
            with (
                closing(fetch_bars(self.context.source, queue, self.context.clock, self.workers)) as batches,
                ThreadPoolExecutor(1, "validate") as reader,
                ThreadPoolExecutor(1, "store") as writer,
            ):
                storing = deque[Future[_Stored]]()
                try:
                    for answers in self.timer.waiting("fetch", batches):
                        if len(storing) == AT_WORK:
                            self._note(storing.popleft())
                        event = self._ended(answers)
                        validated = reader.submit(self._validate, answers, validator)
                        former = storing[-1] if storing else None
                        storing.append(writer.submit(self._store, validated, answers, event, former))
                finally:
                    while storing:
                        self._note(storing.popleft())
            if not queue.exhausted:
                self._give_up(queue, validator)
                return
            with self.timer.phase("wait"):
                if not queue.wait(self._tell_waiting, longest=LONGEST_WAIT):
                    return

    def _ended(self, answers: Sequence[BarAnswer]) -> Event:
        """Count what a batch ends; returns the event that says how far the load is with it."""
        filled = self.filled
        for answer in answers:
            if not answer.refused and answer.question.unit_id in self._left:
                self._left.remove(answer.question.unit_id)
                self._counted.end(answer.question)
            filled.answered.add(answer.question.unit_id)
            self._last_error = answer.error or self._last_error
        return self._event(self.context.now())

    def _validate(self, answers: Sequence[BarAnswer], validator: AnswerValidator) -> "_Validated":
        """The batch of some answers, and tickers of good rows that no security held."""
        now = self.context.now()
        told = [answer for answer in answers if not answer.refused]
        return validator.validate(told, now) if told else (self._empty(now), ())

    def _store(
        self,
        validated: "Future[_Validated]",
        answers: Sequence[BarAnswer],
        event: Event,
        former: "Future[_Stored] | None",
    ) -> "_Stored":
        """Store one batch. It runs beside the thread that asks, and changes nothing of this object.

        Args:
            validated: the batch.
            answers: of which it was made.
            event: counts them, and all those before.
            former: the batch before; where that was not stored, this one is not either, since its event would be wrong.
        """
        if former is not None:
            former.result()
        batch, lost = validated.result()
        batch.units = [*batch.units, *_refused(answers)]
        batch.holder, batch.calls = self.holder.name, self.context.drain()
        batch.events = [event]
        return _Stored(batch, store_batch(self.context.engine, batch), lost)

    def _note(self, storing: "Future[_Stored]") -> None:
        """Wait for a batch, and add what was stored of it."""
        filled, total = self.filled, len(self.prepared.plan.units)
        with self.timer.phase("store"):
            done = storing.result()
        batch = done.batch
        filled.stored += done.result
        if not batch.bars.is_empty():
            requested = batch.bars["security_id"].is_in(self.prepared.expectation.security_ids)
            filled.besides += batch.bars.height - int(requested.sum())
        self.progress(total - len(self._left), total)
        filled.unresolved.update(done.unresolved)
        filled.quarantined += quarantine_words(batch.rejected, EXAMPLES - len(filled.quarantined))
        for end in batch.units:
            filled.failures.pop(end.unit.unit_id, None)
            if end.error:
                filled.failures[end.unit.unit_id] = f"{end.unit.describe()}: {end.error}"

    def _tell_waiting(self, leased: int) -> None:
        """Say that only other runs' units are missing, and count those that they ended."""
        if leased:
            logger.info("waiting for %d units that other runs are asking for", leased)
        total = len(self.prepared.plan.units)
        self.progress(total - min(leased, len(self._left)), total)

    def _give_up(self, queue: UnitQueue, validator: AnswerValidator) -> None:
        """Explain what was not asked for, since the vendor is down; the units stay pending."""
        self.holder.release()
        why = f"{GIVE_UP_AFTER} questions failed one after another, the last: {self._last_error}"
        unasked = self._unasked(queue)
        self._explain_unasked(validator, unasked, UpstreamError(f"not asked for: {why}"))
        if unasked:
            words = f"{len(unasked)} further units were not asked for, since {why}"
            self.filled.failures[""] = words

    def _explain_unasked(self, validator: AnswerValidator, units: Sequence[WorkUnit], error: VendorError) -> None:
        if not units:
            return
        now = self.context.now()
        batch = self._empty(now)
        batch.gaps = validator.failed_gaps(units, error, now)
        self.filled.stored += store_batch(self.context.engine, batch)

    def _unasked(self, queue: UnitQueue) -> list[WorkUnit]:
        """The units that neither this load nor another has asked for, or is asking for."""
        states = queue.states()
        mine = (None, self.holder.name)
        return [
            unit
            for unit in self.prepared.plan.units
            if unit.unit_id in self._left
            and states[unit.unit_id].status is not UnitStatus.DONE
            and states[unit.unit_id].lease_holder in mine
        ]

    def _sum_up(self, states: Mapping[str, UnitState]) -> None:
        """Count what became of the units, and settle failed ones of earlier runs that these have answered."""
        filled, context, units = self.filled, self.context, self.prepared.plan.units
        sessions = self.calendar.sessions(min(unit.first for unit in units), max(unit.last for unit in units))
        cancel_superseded(context.engine, units, sessions, context.now())
        for unit in units:
            state = states[unit.unit_id]
            if state.status is not UnitStatus.PENDING and unit.unit_id not in filled.answered:
                filled.elsewhere.add(unit.unit_id)
            if state.status is UnitStatus.RETRYING:
                filled.retrying += 1
            elif state.status is UnitStatus.DEAD:
                times = "once" if state.failures == 1 else f"{state.failures} times in a row"
                filled.dead.append(f"{unit.describe()}, failed {times}: {state.error}")
            if state.status is UnitStatus.LEASED:
                filled.failures[unit.unit_id] = f"{unit.describe()}: another run is still asking for it"
            elif unit.unit_id in filled.elsewhere and state.error:
                filled.failures[unit.unit_id] = f"{unit.describe()}: {state.error}"

    def _event(self, now: datetime) -> Event:
        """How far the load is, in what it counts."""
        counted, run_id = self._counted, self.context.run_id
        facts = {name: getattr(counted, name) for name in ("done", "total", "unit", "symbol")}
        data = JobProgress(job_id=self.job_id, run_id=run_id, **facts)
        return Event.of(data, time=now, dedupe_key=f"{run_id}/{data.unit}/{data.done}/{data.total}")

    def _empty(self, now: datetime) -> StoreBatch:
        nothing, gaps = pl.DataFrame(schema=dict.fromkeys(REJECTED_COLUMNS, pl.String)), pl.DataFrame(schema=GAP_SCHEMA)
        return StoreBatch(self.context.source.name, self.context.run_id, now, pl.DataFrame(), nothing, gaps)


def _refused(answers: Sequence[BarAnswer]) -> list[FinishedUnit]:
    """The ends of units for which the key may not ask; their cells are explained with those of what was not asked."""
    return [
        FinishedUnit.failed(answer.question, answer.error, answer.started_at, answer.elapsed_ms)
        for answer in answers
        if answer.refused and answer.error is not None
    ]
