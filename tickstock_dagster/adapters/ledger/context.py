"""What every load works with, as one value: the source, the store, the market, the run and the clock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.calls import record_calls, write_calls
from tickstock_dagster.adapters.sources.protocol import Source, VendorCall

Source_co = TypeVar("Source_co", bound=Source, covariant=True)


class _Tally:
    """The number of calls taken from the source: the only part of a context that changes."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


_of_process = _Tally()
_counting = threading.Lock()


def calls_of_process() -> int:
    """Vendor calls that all contexts of this process have taken so far.

    A command asks the vendor before, in and after its runs, each with a context of its own: what it cost is the
    difference between its end and its beginning.
    """
    return _of_process.calls


@dataclass(slots=True)
class ListingForecast:
    """What a load would ask about listings, counted while a plan sizes it.

    Attributes:
        made: calls for ticker lists, which the plan needs itself and the load makes again.
        questions: further calls, at most: about what changed between two lists. The plan assumes the answers that make
            the load largest.
    """

    made: int = 0
    questions: int = 0

    @property
    def calls(self) -> int:
        """All of them, at most."""
        return self.made + self.questions


@dataclass(frozen=True, slots=True)
class LoadContext(Generic[Source_co]):
    """What a load works with. All parts of a load share it, so that one place counts their calls.

    Attributes:
        source: each loader names the narrowest protocol that it needs.
        engine: the store's.
        market: MIC of the calendar.
        run_id: the Dagster run, or a word for what runs outside of one (cli, plan).
        clock: gives aware times.
        forecast: where a plan counts questions about listings instead of asking them; None in a load.
    """

    source: Source_co
    engine: sa.Engine
    market: str
    run_id: str
    clock: Callable[[], datetime]
    forecast: ListingForecast | None = None
    _tally: _Tally = field(default_factory=_Tally, init=False, repr=False, compare=False)

    @property
    def calls(self) -> int:
        """Vendor calls that all parts of the load have taken so far by `drain`."""
        return self._tally.calls

    def now(self) -> datetime:
        """The present moment, aware."""
        return self.clock()

    def drain(self) -> list[VendorCall]:
        """Take the records of the calls that the source made since the last drain, and count them."""
        calls = self.source.drain_calls()
        self._tally.calls += len(calls)
        with _counting:
            _of_process.calls += len(calls)
        return calls

    def write_calls(self, cursor: psycopg.Cursor) -> int:
        """Append the calls since the last drain to their ledger, in the caller's transaction; returns how many."""
        calls = self.drain()
        write_calls(cursor, calls, self.source.name, self.run_id)
        return len(calls)

    def record_calls(self) -> None:
        """Append the calls that belong to no batch, such as those of a failed attempt, in their own transaction."""
        record_calls(self.engine, self.drain(), source=self.source.name, run_id=self.run_id)
