"""The symbol master of a session: its list in versions, and the details of who is new, changed or long unasked.

A detail is one call and one work unit; answers are stored in small batches, so that a killed run goes on where it
stopped. Reading and writing belong in `symbol_store`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from tickstock_dagster.adapters.bar_fetcher import GIVE_UP_AFTER
from tickstock_dagster.adapters.bar_store import FinishedUnit
from tickstock_dagster.adapters.listing_store import lists_observed
from tickstock_dagster.adapters.listing_sync import ListingSync
from tickstock_dagster.adapters.symbol_store import (
    DueSymbol,
    ListedSymbol,
    details_due,
    symbols_listed,
    write_details,
)
from tickstock_dagster.adapters.vendor.source import (
    AuthFailedError,
    BarSource,
    NotEntitledError,
    NotFoundError,
    TickerDetails,
    TransientVendorError,
    VendorCall,
    VendorError,
)
from tickstock_dagster.core.equity_classes import DETAILED_CLASSES, equity_class
from tickstock_dagster.core.planning import WorkUnit
from tickstock_dagster.core.symbol_versions import VersionChanges

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
class SymbolReport:
    """What one session's list and details brought.

    Attributes:
        by_class: listed symbols by `EquityClass`; all of them, test issues and warrants too.
        changes: what the list changed; empty where it was taken in before.
        fetched: whether the list was asked for.
        details_left: symbols still due after this run.
        failures: why details did not come, one line each.
        no_details: why none were asked for; None where they were.
    """

    session: date
    by_class: dict[str, int]
    preview: tuple[ListedSymbol, ...]
    changes: VersionChanges
    fetched: bool
    details_done: int
    details_unknown: int
    details_left: int
    failures: tuple[str, ...]
    calls: int
    no_details: str | None = None

    @property
    def listed(self) -> int:
        """Symbols on the list."""
        return sum(self.by_class.values())


@dataclass(frozen=True, slots=True)
class _Answer:
    symbol: DueSymbol
    started_at: datetime
    details: TickerDetails | None = None
    error: VendorError | None = None


class SymbolMaster:
    """Keeps symbol facts of one source true, session by session. `clock` gives aware moments."""

    def __init__(
        self,
        source: BarSource,
        engine: sa.Engine,
        market: str,
        run_id: str,
        clock: Callable[[], datetime],
        workers: int = 8,
    ) -> None:
        self._source = source
        self._engine = engine
        self._market = market
        self._run_id = run_id
        self._clock = clock
        self._workers = workers
        self._calls = 0

    def sync(self, session: date, *, details_limit: int | None = None) -> SymbolReport:
        """Take in the session's list, unless it was before, and ask for details that are due.

        Args:
            session: whose list and details.
            details_limit: details asked for at most; None: what the plan allows in half an hour.

        Raises:
            VendorError: the list did not come or is broken, or the key may not ask; what was stored stays.
            ServiceUnavailableError: the database cannot be reached.
        """
        calls_before = self._calls
        observed = lists_observed(self._engine, self._market, self._source.name, empty=True)
        fetched = session not in observed or not symbols_listed(self._engine, session)
        changes = VersionChanges()
        if fetched:
            listing = ListingSync(self._source, self._engine, self._market, self._run_id, self._clock, self._drain)
            changes = listing.observe(session)
        listed = symbols_listed(self._engine, session)
        by_class = Counter(str(equity_class(row.ticker, row.equity_type, row.name)) for row in listed)
        done = unknown = 0
        failures: list[str] = []
        refusal = self._why_no_details()
        if refusal is None:
            due = self._due(session)[: self._limit(details_limit)]
            try:
                done, unknown, failures = self._ask_and_store(session, due)
            except NotEntitledError as error:
                refusal = str(error)
        return SymbolReport(
            session=session,
            by_class=dict(by_class.most_common()),
            preview=tuple(listed[:10]),
            changes=changes,
            fetched=fetched,
            details_done=done,
            details_unknown=unknown,
            details_left=0 if refusal else len(self._due(session)),
            failures=tuple(failures),
            calls=self._calls - calls_before,
            no_details=refusal,
        )

    def details_plan(self, session: date, *, details_limit: int | None = None) -> DetailsPlan:
        """What `sync` would ask for now, whose list is stored: nothing is asked."""
        due = len(self._due(session)) if self._why_no_details() is None else 0
        calls = min(due, self._limit(details_limit))
        plan = self._source.plan
        seconds = float((calls - 1) // plan.calls * plan.per_seconds) if plan and calls else 0.0
        return DetailsPlan(due, calls, seconds)

    def _why_no_details(self) -> str | None:
        return None if self._source.capabilities.details else f"{self._source.name} has no details of tickers"

    def _limit(self, asked: int | None) -> int:
        plan = self._source.plan
        if asked is not None:
            return max(0, asked)
        return plan.calls * USUAL_SECONDS // plan.per_seconds if plan else 1_000_000

    def _due(self, session: date) -> list[DueSymbol]:
        stale = session - DETAILS_GROW_OLD
        due = details_due(self._engine, self._market, self._source.name, session, stale)
        return [
            symbol for symbol in due if equity_class(symbol.ticker, symbol.equity_type, symbol.name) in DETAILED_CLASSES
        ]

    def _ask_and_store(self, session: date, due: Sequence[DueSymbol]) -> tuple[int, int, list[str]]:
        done = unknown = 0
        failures: list[str] = []
        for batch in self._batches(session, due):
            ends: list[FinishedUnit] = []
            good: list[tuple[int, TickerDetails]] = []
            for answer in batch:
                error = _fault(answer)
                unit = WorkUnit("details", self._market, self._source.name, answer.symbol.ticker, session, session)
                ends.append(FinishedUnit(unit, int(answer.details is not None), answer.started_at, error))
                if error is not None:
                    failures.append(error)
                elif answer.details is not None:
                    good.append((answer.symbol.security_id, answer.details))
            done += len(good)
            unknown += len(ends) - len(good) - sum(end.error is not None for end in ends)
            write_details(
                self._engine,
                session,
                good,
                ends,
                self._drain(),
                source=self._source.name,
                run_id=self._run_id,
                now=self._clock(),
            )
        return done, unknown, failures

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
        with ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="details") as pool:
            running: set[Future[_Answer]] = set()
            while True:
                while len(running) < 2 * self._workers and failed_in_a_row < GIVE_UP_AFTER:
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
        started_at = self._clock()
        try:
            return _Answer(symbol, started_at, self._source.ticker_details(symbol.ticker, on=session))
        except (AuthFailedError, NotEntitledError):
            raise
        except VendorError as error:
            return _Answer(symbol, started_at, error=error)

    def _drain(self) -> list[VendorCall]:
        calls = self._source.drain_calls()
        self._calls += len(calls)
        return calls


def _fault(answer: _Answer) -> str | None:
    """Why an answer is no answer. A ticker that the vendor does not know is one: there is nothing to be had."""
    symbol, details = answer.symbol, answer.details
    if answer.error is not None:
        return None if isinstance(answer.error, NotFoundError) else f"{symbol.ticker}: {answer.error}"
    if details and details.composite_figi and symbol.composite_figi not in (None, details.composite_figi):
        return f"{symbol.ticker}: details of another security ({details.composite_figi})"
    return None
