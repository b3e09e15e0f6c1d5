"""Details of symbols: who is due, what asking will cost, and asking: one call and one work unit each.

Answers are stored in small batches, so that a killed run goes on where it stopped. Writing belongs in `symbol_store`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.securities.symbol_store import DueSymbol, details_due, write_details
from tickstock_dagster.adapters.sources.fetcher import GIVE_UP_AFTER
from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    BarSource,
    NotEntitledError,
    NotFoundError,
    TickerDetails,
    TransientVendorError,
    VendorCall,
    VendorError,
)
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.securities.equity_classes import DETAILED_CLASSES, equity_class

DETAILS_GROW_OLD = timedelta(days=30)
"""Shares and SIC codes change with the quarter: so old, they are asked for again."""

USUAL_SECONDS = 30 * 60
"""A run without a limit of its own asks for as many details as the plan's rate allows in this time."""

FLUSH_ANSWERS, FLUSH_SECONDS = 200, 5.0
"""Answers gathered before a transaction, and the longest that one waits for it."""


@dataclass(frozen=True, slots=True)
class DetailsPlan:
    """What a run will ask for: symbols that are due, calls it makes now, least seconds at the plan's rate."""

    due: int
    calls: int
    seconds: float

    @property
    def minutes(self) -> float:
        """Least minutes at the plan's rate."""
        return self.seconds / 60


@dataclass(frozen=True, slots=True)
class DetailsResult:
    """Answers stored, symbols that the vendor does not know, and why others did not come, one line each."""

    done: int
    unknown: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    symbol: DueSymbol
    started_at: datetime
    details: TickerDetails | None = None
    error: VendorError | None = None


@dataclass(frozen=True, slots=True)
class SymbolDetails:
    """Asks one source for details. `drain` takes the source's call records, and may count them."""

    source: BarSource
    engine: sa.Engine
    market: str
    run_id: str
    clock: Callable[[], datetime]
    drain: Callable[[], Sequence[VendorCall]]
    workers: int = 8

    def plan(self, session: date, *, limit: int | None = None) -> DetailsPlan:
        """What `ask` would ask for now, of a session whose list is stored: nothing is asked."""
        due = len(self.due(session)) if self.why_none() is None else 0
        calls = min(due, self._limit(limit))
        plan = self.source.plan
        seconds = float((calls - 1) // plan.calls * plan.per_seconds) if plan and calls else 0.0
        return DetailsPlan(due, calls, seconds)

    def why_none(self) -> str | None:
        """Why no details can be had of the source; None where they can."""
        return None if self.source.capabilities.details else f"{self.source.name} has no details of tickers"

    def _limit(self, asked: int | None) -> int:
        plan = self.source.plan
        if asked is not None:
            return max(0, asked)
        return plan.calls * USUAL_SECONDS // plan.per_seconds if plan else 1_000_000

    def due(self, session: date) -> list[DueSymbol]:
        """Symbols of `DETAILED_CLASSES` whose details are to be asked for, in the order of asking."""
        stale = session - DETAILS_GROW_OLD
        due = details_due(self.engine, self.market, self.source.name, session, stale)
        return [
            symbol for symbol in due if equity_class(symbol.ticker, symbol.equity_type, symbol.name) in DETAILED_CLASSES
        ]

    def ask(self, session: date, *, limit: int | None = None) -> DetailsResult:
        """Ask for details that are due, and store them as they come.

        Args:
            session: whose symbols, and of which the details are to speak.
            limit: symbols asked for at most; None: what the plan allows in half an hour.

        Raises:
            AuthFailedError, NotEntitledError: the key may not ask; what came before is stored.
            ServiceUnavailableError: the database cannot be reached.
        """
        due = self.due(session)[: self._limit(limit)]
        done = unknown = 0
        failures: list[str] = []
        for batch in self._batches(session, due):
            ends: list[FinishedUnit] = []
            good: list[tuple[int, TickerDetails]] = []
            for answer in batch:
                error = _fault(answer)
                unit = WorkUnit(UnitKind.DETAILS, self.market, self.source.name, answer.symbol.ticker, session, session)
                ends.append(FinishedUnit(unit, int(answer.details is not None), answer.started_at, error))
                if error is not None:
                    failures.append(error)
                elif answer.details is not None:
                    good.append((answer.symbol.security_id, answer.details))
            done += len(good)
            unknown += len(ends) - len(good) - sum(end.error is not None for end in ends)
            write_details(
                self.engine,
                session,
                good,
                ends,
                self.drain(),
                source=self.source.name,
                run_id=self.run_id,
                now=self.clock(),
            )
        return DetailsResult(done, unknown, tuple(failures))

    def _batches(self, session: date, due: Sequence[DueSymbol]) -> Iterator[list[_Answer]]:
        """Answers in the order of arrival, in small batches; those gathered are given out before an error is raised."""
        batch: list[_Answer] = []
        begun = time.monotonic()
        answers = self._answers(session, due)
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
            if len(batch) >= FLUSH_ANSWERS or time.monotonic() - begun >= FLUSH_SECONDS:
                yield batch
                batch, begun = [], time.monotonic()
        if batch:
            yield batch

    def _answers(self, session: date, due: Sequence[DueSymbol]) -> Iterator[_Answer]:
        """Ask side by side; after `GIVE_UP_AFTER` transient failures in a row no further symbol is asked for."""
        remaining, failed_in_a_row = iter(due), 0
        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="details") as pool:
            running: set[Future[_Answer]] = set()
            while True:
                while len(running) < 2 * self.workers and failed_in_a_row < GIVE_UP_AFTER:
                    symbol = next(remaining, None)
                    if symbol is None:
                        break
                    running.add(pool.submit(self._ask, symbol, session))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    answer = future.result()
                    transient = isinstance(answer.error, TransientVendorError)
                    failed_in_a_row = failed_in_a_row + 1 if transient else 0
                    yield answer

    def _ask(self, symbol: DueSymbol, session: date) -> _Answer:
        started_at = self.clock()
        try:
            return _Answer(symbol, started_at, self.source.ticker_details(symbol.ticker, on=session))
        except (AuthFailedError, NotEntitledError):
            raise
        except VendorError as error:
            return _Answer(symbol, started_at, error=error)


def _fault(answer: _Answer) -> str | None:
    """Why an answer is no answer. A ticker that the vendor does not know is one: there is nothing to be had."""
    symbol, details = answer.symbol, answer.details
    if answer.error is not None:
        return None if isinstance(answer.error, NotFoundError) else f"{symbol.ticker}: {answer.error}"
    if details and details.composite_figi and symbol.composite_figi not in (None, details.composite_figi):
        return f"{symbol.ticker}: details of another security ({details.composite_figi})"
    return None
