"""Asking a source many questions side by side, few ahead of the writer. The caller validates the answers.

A refusal (403) may speak of the key or of one question, such as a ticker that a plan leaves out, and the vendor's words
do not say which. The other answers do: where some come, a refusal ends its own question alone; where none does, or so
many are refused one after another, it is the key that may not ask.
"""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
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

FLUSH_ROWS = 45_000
"""Bars per transaction: large enough that its cost vanishes, small enough that a crash loses little."""

FLUSH_SECONDS = 60.0
"""After so long a transaction holds what has come: a kill loses a minute's answers at most, of a slow plan, too."""

GIVE_UP_AFTER = 5
"""After this many transient failures in a row the vendor is down, and further questions only use up quota."""

REFUSED_FIRST = 3
"""After this many refusals and no answer, no further question is asked until those under way have shown what it is."""

REFUSED_IN_A_ROW = 25
"""After this many refusals in a row the key may not ask, whatever came before: more would only use up quota."""

Question = TypeVar("Question")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Question, Result]):
    """The outcome of one question: its result, or the error that its retries ended with; `elapsed_ms` until then.

    `alone`: others were answered, so that a refusal says nothing about them.
    """

    question: Question
    started_at: datetime
    result: Result | None = None
    error: VendorError | None = None
    elapsed_ms: float | None = None
    alone: bool = False

    @property
    def refused(self) -> bool:
        """Whether the key may not ask at all, so that further questions are pointless."""
        return isinstance(self.error, AuthFailedError) or (isinstance(self.error, NotEntitledError) and not self.alone)


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
) -> Generator[list[Answer[Question, Result]]]:
    """Answers in the order of arrival, gathered into batches.

    After `GIVE_UP_AFTER` transient failures in a row it asks no further; calls under way still finish. A question that
    is refused while others are answered ends alone.

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
) -> Generator[list[BarAnswer]]:
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
) -> Generator[Answer[Question, Result]]:
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

    remaining, failed_in_a_row, refusals = iter(questions), 0, _Refusals[Question, Result]()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="vendor") as pool, ExitStack() as stack:
        running: set[Future[Answer[Question, Result]]] = set()
        stack.callback(lambda: pool.shutdown(wait=False, cancel_futures=True))  # whoever stops early asks no further
        while True:
            while len(running) < 2 * workers and failed_in_a_row < GIVE_UP_AFTER and not refusals.doubtful:
                question = next(remaining, None)
                if question is None:
                    break
                running.add(pool.submit(answered, question))
            if not running:
                yield from refusals.verdict()
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            answers = sorted((future.result() for future in finished), key=lambda answer: answer.refused)
            for answer in answers:  # a refused one last: the others came as well
                transient = isinstance(answer.error, TransientVendorError)
                failed_in_a_row = failed_in_a_row + 1 if transient else 0
                yield from refusals.sorted(answer)


class _Refusals(Generic[Question, Result]):
    """Tells the refusals of single questions from those of the key, by what the other questions got."""

    def __init__(self) -> None:
        self._held: list[Answer[Question, Result]] = []
        self._answered = False
        self._in_a_row = 0

    @property
    def doubtful(self) -> bool:
        """Whether so many were refused, and none was answered, that no further one is asked for now."""
        return len(self._held) >= REFUSED_FIRST

    def sorted(self, answer: Answer[Question, Result]) -> Iterator[Answer[Question, Result]]:
        """What is certain with one more answer.

        Raises:
            AuthFailedError, NotEntitledError: the key may not ask.
        """
        if isinstance(answer.error, NotEntitledError):
            self._in_a_row += 1
            if not self._answered:
                self._held.append(answer)
            elif self._in_a_row >= REFUSED_IN_A_ROW:
                yield answer
                raise answer.error
            else:
                yield replace(answer, alone=True)
            return
        if answer.result is not None:
            self._answered, self._in_a_row = True, 0
            yield from (replace(held, alone=True) for held in self._held)
            self._held = []
        yield answer
        if isinstance(answer.error, AuthFailedError):
            raise answer.error

    def verdict(self) -> Iterator[Answer[Question, Result]]:
        """The refusals of which nothing has shown that they are of single questions.

        Raises:
            NotEntitledError: there are some: the key may not ask.
        """
        yield from self._held
        if self._held and self._held[-1].error is not None:
            raise self._held[-1].error
