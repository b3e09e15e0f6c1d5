"""What a load counts for consumers, and the name under which they follow it. Writing events belongs in `adapters`."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from tickstock_dagster.core.events.data import JobUnit
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit


def job_name(market: str, source: str, tickers: Iterable[str], sessions: Sequence[date], purpose: str = "") -> str:
    """The id of a load: the same for the same request, so also after a restart; 32 hexadecimal digits.

    Args:
        market: MIC of the calendar.
        source: name of the source.
        tickers: what is loaded, in any order: tickers, or names of universes whose members are loaded.
        sessions: ascending, at least one.
        purpose: tells loads of the same bars apart, such as a reconcile.
    """
    what = (market, source, *sorted(tickers), purpose, str(sessions[0]), str(sessions[-1]), str(len(sessions)))
    return hashlib.sha256("|".join(what).encode()).hexdigest()[:32]


class LoadProgress:
    """Counts the ends of a plan's units in what people think in: symbols, sessions, or cells where both are mixed.

    Attributes:
        unit: what is counted.
        total: how many there are, at least 1.
        done: how many have ended.
        symbol: the symbol that ended last, where symbols are counted.
    """

    def __init__(self, units: Sequence[WorkUnit]) -> None:
        """Nothing has ended yet. `units` holds at least one."""
        ranges = sum(unit.kind is UnitKind.RANGE for unit in units)
        self.unit: JobUnit = "cells"
        if ranges == len(units):
            self.unit = "symbols"
        elif not ranges and all(unit.first == unit.last for unit in units):
            self.unit = "sessions"
        self._left = Counter(self._key(unit) for unit in units)
        self._cells = {unit.unit_id: max(1, unit.cells) for unit in units} if self.unit == "cells" else {}
        self.total = sum(self._cells.values()) or len(self._left)
        self.done = 0
        self.symbol: str | None = None

    def end(self, unit: WorkUnit) -> None:
        """Count one unit of the plan, which ended for the first time."""
        key = self._key(unit)
        self._left[key] -= 1
        if self.unit == "cells":
            self.done += self._cells[unit.unit_id]
        elif not self._left[key]:
            self.done += 1
            self.symbol = unit.subject if self.unit == "symbols" else None

    def _key(self, unit: WorkUnit) -> str:
        return {"symbols": unit.subject, "sessions": str(unit.first), "cells": unit.unit_id}[self.unit]
