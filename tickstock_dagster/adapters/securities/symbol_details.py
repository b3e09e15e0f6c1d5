"""Details of symbols: which are due, what asking costs, and asking: one call and one work unit each.

Small batches store the answers, so that a killed run goes on where it stopped. What a run leaves can be put into the
processing queue, whose workers ask by `QueuedDetails`. Writing belongs in `adapters.securities.symbol_store`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

import psycopg

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.queue import Enqueued, Wanted, enqueue
from tickstock_dagster.adapters.ledger.queue_work import Answered
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.securities.symbol_store import (
    DueSymbol,
    details_due,
    details_queued,
    details_wanted,
    store_details,
    write_details,
)
from tickstock_dagster.adapters.sources.fetcher import Answer, fetch_batches
from tickstock_dagster.adapters.sources.protocol import NotFoundError, ReferenceSource, TickerDetails
from tickstock_dagster.core.loading.ledger import ErrorClass
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit, least_seconds
from tickstock_dagster.core.loading.queueing import QueueBounds
from tickstock_dagster.core.securities.equity_classes import DETAILED_CLASSES, equity_class

DETAILS_GROW_OLD = timedelta(days=30)
"""Shares and SIC codes change by the quarter: details this old are asked for again."""

USUAL_SECONDS = 30 * 60
"""A run without a limit asks for as many details as the plan's rate allows in this time."""

FLUSH_ANSWERS, FLUSH_SECONDS = 200, 5.0
"""Answers per transaction, and the longest that an answer waits for it, seconds."""


@dataclass(frozen=True, slots=True)
class DetailsPlan:
    """What a run will ask for: symbols due, calls it makes now, and the least seconds at the plan's rate."""

    due: int
    calls: int
    seconds: float

    @property
    def minutes(self) -> float:
        """Least minutes at the plan's rate."""
        return self.seconds / 60


@dataclass(frozen=True, slots=True)
class DetailsResult:
    """Stored answers, symbols that the vendor does not know, and the failures, one line each."""

    done: int
    unknown: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SymbolDetails:
    """Asks one source for details, `workers` side by side."""

    context: LoadContext[ReferenceSource]
    workers: int = 8

    def plan(self, session: date, *, limit: int | None = None) -> DetailsPlan:
        """What `ask` would ask for now, for a session whose list is stored. Makes no call."""
        due = len(self.due(session)) if self.why_none() is None else 0
        calls = min(due, self.most(limit))
        return DetailsPlan(due, calls, least_seconds(calls, self.context.source.plan))

    def why_none(self) -> str | None:
        """Why the source has no details; None where it has them."""
        source = self.context.source
        return None if source.capabilities.details else f"{source.name} has no details of tickers"

    def most(self, asked: int | None = None) -> int:
        """The most details that a run asks for: the given number, else what the plan allows in half an hour."""
        plan = self.context.source.plan
        if asked is not None:
            return max(0, asked)
        return plan.calls * USUAL_SECONDS // plan.per_seconds if plan else 1_000_000

    def due(self, session: date) -> list[DueSymbol]:
        """Symbols of `DETAILED_CLASSES` whose details are due, in the order of asking."""
        stale = session - DETAILS_GROW_OLD
        due = details_due(self.context.engine, self.context.market, self.context.source.name, session, stale)
        return [
            symbol for symbol in due if equity_class(symbol.ticker, symbol.equity_type, symbol.name) in DETAILED_CLASSES
        ]

    def enqueue(self, session: date, bounds: QueueBounds) -> Enqueued:
        """Put the details that are due into the processing queue, but for symbols whose details are open there already.

        Args:
            session: the session whose symbols to ask for, with details as of that day.
            bounds: of the queue.

        Raises:
            QueueFullError: there is no room for all of them; none was put in.
            ServiceUnavailableError: the database cannot be reached.
        """
        context = self.context
        queued = details_queued(context.engine, context.market, context.source.name)
        wanted = [
            Wanted(
                WorkUnit(UnitKind.DETAILS, context.market, context.source.name, symbol.ticker, session, session),
                symbol.equity_type or "",
            )
            for symbol in self.due(session)
            if symbol.ticker not in queued
        ]
        return enqueue(context.engine, wanted, bounds=bounds, run_id=context.run_id, now=context.now())

    def ask(self, session: date, *, limit: int | None = None) -> DetailsResult:
        """Ask for details that are due, and store them as they arrive.

        Args:
            session: the session whose symbols to ask for, with details as of that day.
            limit: at most this many symbols; None: as many as the plan allows in half an hour.

        Raises:
            AuthFailedError, NotEntitledError: the key may not ask; earlier answers stay stored.
            ServiceUnavailableError: the database cannot be reached.
        """
        context = self.context
        source, due = context.source, self.due(session)[: self.most(limit)]
        batches = _answers(context, self.workers, due, session)
        done = unknown = 0
        failures: list[str] = []
        for batch in batches:
            ends: list[FinishedUnit] = []
            good: list[tuple[int, TickerDetails]] = []
            for answer in batch:
                symbol, details = answer.question, answer.result
                unit = WorkUnit(UnitKind.DETAILS, context.market, source.name, symbol.ticker, session, session)
                end = _end(unit, answer)
                ends.append(end)
                if end.error is not None:
                    failures.append(end.error)
                elif details is not None:
                    good.append((symbol.security_id, details))
            done += len(good)
            unknown += len(ends) - len(good) - sum(end.error is not None for end in ends)
            write_details(context, session, good, ends)
        return DetailsResult(done, unknown, tuple(failures))


@dataclass(frozen=True, slots=True)
class QueuedDetails:
    """Answers the entries of the processing queue about details: a `Handler` of `adapters.ledger.queue_work`.

    A payload is the session and the (security_id, details) to store as of it.
    """

    context: LoadContext[ReferenceSource]
    workers: int = 8

    def ask(self, units: Sequence[WorkUnit]) -> Iterator[list[Answered[tuple[date, int, TickerDetails]]]]:
        """Ask for details, `workers` side by side; a ticker that the session's list does not have ends at once.

        Raises:
            AuthFailedError, NotEntitledError: the key may not ask; earlier answers were yielded.
        """
        context = self.context
        for session, same_day in groupby(units, key=lambda unit: unit.first):
            of_day = {unit.subject: unit for unit in same_day}
            symbols = details_wanted(context.engine, session, list(of_day))
            if lacking := [unit for ticker, unit in of_day.items() if ticker not in symbols]:
                yield [Answered(_unlisted(unit, context)) for unit in lacking]
            yield from self._ask([symbols[ticker] for ticker in of_day if ticker in symbols], of_day, session)

    def _ask(
        self, symbols: Sequence[DueSymbol], units: Mapping[str, WorkUnit], session: date
    ) -> Iterator[list[Answered[tuple[date, int, TickerDetails]]]]:
        context = self.context
        batches = _answers(context, self.workers, symbols, session)
        for batch in batches:
            answered = list[Answered[tuple[date, int, TickerDetails]]]()
            for answer in batch:
                end = _end(units[answer.question.ticker], answer)
                good = end.error is None and answer.result is not None
                payload = (session, answer.question.security_id, answer.result) if good else None
                answered.append(Answered(end, payload))  # type: ignore[arg-type]  # good: it has a result
            yield answered
            context.record_calls()

    def store(self, cursor: psycopg.Cursor, answers: Sequence[Answered[tuple[date, int, TickerDetails]]]) -> None:
        """Store the details; all of one session, as `ask` yields them."""
        payloads = [answer.payload for answer in answers if answer.payload is not None]
        by_security = {security_id: details for _, security_id, details in payloads}
        source, now = self.context.source.name, self.context.now()
        store_details(cursor, payloads[0][0], list(by_security.items()), source=source, now=now)


def _unlisted(unit: WorkUnit, context: LoadContext[ReferenceSource]) -> FinishedUnit:
    words = f"{unit.subject}: the list of {unit.first} has no such ticker"
    return FinishedUnit(unit, 0, context.now(), words, ErrorClass.PERMANENT)


def _answers(
    context: LoadContext[ReferenceSource], workers: int, symbols: Iterable[DueSymbol], session: date
) -> Iterator[list[Answer[DueSymbol, TickerDetails]]]:
    """The vendor's details of symbols as of a day, in batches to be stored together."""
    return fetch_batches(
        symbols,
        lambda symbol: context.source.ticker_details(symbol.ticker, on=session),
        context.clock,
        workers,
        weight=lambda _: 1,
        enough=FLUSH_ANSWERS,
        longest=FLUSH_SECONDS,
    )


def _end(unit: WorkUnit, answer: Answer[DueSymbol, TickerDetails]) -> FinishedUnit:
    """How the unit ended: well, too, for a ticker that the vendor does not know."""
    symbol, details, began = answer.question, answer.result, answer.started_at
    if answer.error is not None and not isinstance(answer.error, NotFoundError):
        end = FinishedUnit.failed(unit, answer.error, began, answer.elapsed_ms)
        return replace(end, error=f"{symbol.ticker}: {answer.error}")
    error = None
    if details and details.composite_figi and symbol.composite_figi not in (None, details.composite_figi):
        error = f"{symbol.ticker}: details of another security ({details.composite_figi})"
    rows = int(details is not None)
    return FinishedUnit(unit, rows, began, error, ErrorClass.PERMANENT, elapsed_ms=answer.elapsed_ms)
