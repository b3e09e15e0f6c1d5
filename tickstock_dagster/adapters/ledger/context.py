"""What every load works with, as one value: who is asked, for which market, in which store, in which run, and when."""

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
    """How many calls were taken from the source. The one thing about a load's context that changes."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


@dataclass(frozen=True, slots=True)
class LoadContext(Generic[Source_co]):
    """What a load works with. Handed on as it is, so that the calls of all its parts are counted in one place.

    Attributes:
        source: who is asked; each loader names the narrowest protocol that it needs.
        engine: the store's.
        market: MIC of the calendar.
        run_id: the Dagster run, or a word for what runs outside of one (cli, plan).
        clock: gives aware times.
    """

    source: Source_co
    engine: sa.Engine
    market: str
    run_id: str
    clock: Callable[[], datetime]
    _tally: _Tally = field(default_factory=_Tally, init=False, repr=False, compare=False)

    @property
    def calls(self) -> int:
        """Vendor calls taken so far by `drain`, by whichever part of the load."""
        return self._tally.calls

    def now(self) -> datetime:
        """The moment, aware."""
        return self.clock()

    def drain(self) -> list[VendorCall]:
        """Take the records of the calls that the source made since the last drain, and count them."""
        calls = self.source.drain_calls()
        self._tally.calls += len(calls)
        return calls

    def write_calls(self, cursor: psycopg.Cursor) -> int:
        """Append the calls since the last drain to their ledger, in a transaction under way; returns how many."""
        calls = self.drain()
        write_calls(cursor, calls, self.source.name, self.run_id)
        return len(calls)

    def record_calls(self) -> None:
        """Append the calls that belong to no batch, such as those of a failed attempt, in their own transaction."""
        record_calls(self.engine, self.drain(), source=self.source.name, run_id=self.run_id)
