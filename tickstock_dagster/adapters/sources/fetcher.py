"""Asking a source many questions side by side, few ahead of the writer. The caller validates the answers."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import polars as pl

from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    BarSource,
    MalformedAnswerError,
    NotEntitledError,
    RejectedRequestError,
    TransientVendorError,
    VendorError,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

FLUSH_ROWS = 60_000
"""Bars per transaction: large enough that its cost vanishes, small enough that a crash loses little."""

FLUSH_SECONDS = 60.0
"""After so long a transaction holds what has come: a kill loses a minute's answers at most, of a slow plan, too."""

GIVE_UP_AFTER = 5
"""After this many transient failures in a row the vendor is down, and further questions only use up quota."""

Question = TypeVar("Question")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Question, Result]):
    """The outcome of one question: its result, or the error that its retries ended with; `elapsed_ms` until then."""

    question: Question
    started_at: datetime
    result: Result | None = None
    error: VendorError | None = None
    elapsed_ms: float | None = None

    @property
    def refused(self) -> bool:
        """Whether the key may not ask at all, so that further questions are pointless."""
        return isinstance(self.error, (AuthFailedError, NotEntitledError))


BarAnswer = Answer[WorkUnit, pl.DataFrame]
"""Rows as received, for one unit."""


def fetch_batches(
    questions: Iterable[Question],
    ask: Callable[[Question], Result],
    clock: Callable[[], datetime],
    workers: int,
    *,
    weight: Callable[[Answer[Question, Result]], int],
    enough: int,
    longest: float = math.inf,
) -> Iterator[list[Answer[Question, Result]]]:
    """Answers in the order of arrival, gathered into batches.

    After `GIVE_UP_AFTER` transient failures in a row it asks no further; calls under way still finish.

    Args:
        questions: in the order of asking; taken one by one, few ahead of the answers.
        ask: makes the calls of one question; runs in several threads.
        clock: gives aware times.
        workers: questions side by side.
        weight: an answer's share of its batch.
        enough: weight at which a batch is yielded.
        longest: seconds after which a batch is yielded anyway.

    Raises:
        AuthFailedError, NotEntitledError: further questions are pointless; the answers so far are yielded first, the
            refused one among them.
    """
    batch: list[Answer[Question, Result]] = []
    gathered, begun = 0, time.monotonic()
    answers = _fetch(questions, ask, clock, workers)
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
        gathered += weight(answer)
        if gathered >= enough or time.monotonic() - begun >= longest:
            yield batch
            batch, gathered, begun = [], 0, time.monotonic()
    if batch:
        yield batch


def fetch_bars(
    source: BarSource, units: Iterable[WorkUnit], clock: Callable[[], datetime], workers: int
) -> Iterator[list[BarAnswer]]:
    """The bars of work units in batches of about `FLUSH_ROWS` rows, as `fetch_batches` does.

    Args:
        source: whose bars.
        units: ranges and whole sessions, in the order of asking.
        clock: gives aware times.
        workers: calls side by side.

    Raises:
        AuthFailedError, NotEntitledError: as for `fetch_batches`.
    """

    def ask(unit: WorkUnit) -> pl.DataFrame:
        if unit.kind is UnitKind.RANGE:
            return source.range_bars(unit.subject, unit.first, unit.last)
        bars = source.grouped_bars(unit.first)
        if bars.is_empty():
            raise MalformedAnswerError(f"{source.name} has no bars at all for the session {unit.first}")
        return bars

    def rows(answer: BarAnswer) -> int:
        return answer.result.height if answer.result is not None else 0

    return fetch_batches(units, ask, clock, workers, weight=rows, enough=FLUSH_ROWS, longest=FLUSH_SECONDS)


def _fetch(
    questions: Iterable[Question], ask: Callable[[Question], Result], clock: Callable[[], datetime], workers: int
) -> Iterator[Answer[Question, Result]]:
    def answered(question: Question) -> Answer[Question, Result]:
        started_at, begun = clock(), time.monotonic()
        result: Result | None = None
        failure: VendorError | None = None
        try:
            result = ask(question)
        except VendorError as error:
            failure = error
        except BadInputError as error:  # a ticker of a list that cannot be requested ends its own question alone
            failure = RejectedRequestError(f"not asked for: {error}")
        return Answer(question, started_at, result, failure, (time.monotonic() - begun) * 1000)

    remaining, failed_in_a_row = iter(questions), 0
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="vendor") as pool:
        running: set[Future[Answer[Question, Result]]] = set()
        while True:
            while len(running) < 2 * workers and failed_in_a_row < GIVE_UP_AFTER:
                question = next(remaining, None)
                if question is None:
                    break
                running.add(pool.submit(answered, question))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            answers = sorted((future.result() for future in finished), key=lambda answer: answer.refused)
            for answer in answers:  # a refused one last: the others came as well
                transient = isinstance(answer.error, TransientVendorError)
                failed_in_a_row = failed_in_a_row + 1 if transient else 0
                yield answer
                if answer.refused and answer.error is not None:
                    raise answer.error
