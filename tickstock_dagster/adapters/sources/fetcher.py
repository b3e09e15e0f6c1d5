"""Asking a source for work units, side by side, few ahead of the writer. Judging answers belongs in `answer_judge`."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    BarSource,
    MalformedAnswerError,
    NotEntitledError,
    TransientVendorError,
    VendorError,
)
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

FLUSH_ROWS = 60_000
"""Rows gathered before a transaction: large enough that its cost vanishes, small enough to lose little to a crash."""

GIVE_UP_AFTER = 5
"""Units failing one after another for a transient reason: the vendor is down, and asking on only burns quota."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one unit: rows as received, or the error that its retries ended with."""

    unit: WorkUnit
    started_at: datetime
    bars: pl.DataFrame | None = None
    error: VendorError | None = None


def fetch_batches(
    source: BarSource, units: Sequence[WorkUnit], clock: Callable[[], datetime], workers: int
) -> Iterator[list[Answer]]:
    """Answers in the order of arrival, gathered into batches of about `FLUSH_ROWS` rows.

    After `GIVE_UP_AFTER` transient failures in a row no further unit is asked for; those under way still answer.

    Raises:
        AuthFailedError, NotEntitledError: asking on is pointless; answers gathered so far are given out before.
    """
    batch: list[Answer] = []
    rows = 0
    answers = _fetch(source, units, clock, workers)
    while True:
        try:
            answer = next(answers, None)
        except (AuthFailedError, NotEntitledError):
            if batch:
                yield batch
            raise
        if answer is None:
            break
        batch.append(answer)
        rows += answer.bars.height if answer.bars is not None else 0
        if rows >= FLUSH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _fetch(
    source: BarSource, units: Sequence[WorkUnit], clock: Callable[[], datetime], workers: int
) -> Iterator[Answer]:
    remaining, failed_in_a_row = iter(units), 0
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="vendor") as pool:
        running: set[Future[Answer]] = set()
        while True:
            while len(running) < 2 * workers and failed_in_a_row < GIVE_UP_AFTER:
                unit = next(remaining, None)
                if unit is None:
                    break
                running.add(pool.submit(_ask, source, unit, clock))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                answer = future.result()
                transient = isinstance(answer.error, TransientVendorError)
                failed_in_a_row = failed_in_a_row + 1 if transient else 0
                yield answer


def _ask(source: BarSource, unit: WorkUnit, clock: Callable[[], datetime]) -> Answer:
    started_at = clock()
    try:
        if unit.kind is UnitKind.RANGE:
            bars = source.range_bars(unit.subject, unit.first, unit.last)
        else:
            bars = source.grouped_bars(unit.first)
            if bars.is_empty():
                raise MalformedAnswerError(f"{source.name} has no bars at all for the session {unit.first}")
    except (AuthFailedError, NotEntitledError):
        raise
    except VendorError as error:
        return Answer(unit, started_at, error=error)
    return Answer(unit, started_at, bars=bars)
