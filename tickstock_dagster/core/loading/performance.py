"""How a type of security was processed on a day, held against the targets of its type. Pure.

A call for one symbol is that symbol's. A call for a whole session has no type: its time is shared out by its rows, so
that each symbol in it took the call's milliseconds divided by its rows. Measuring belongs in
`adapters.ledger.performance`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FEW = 20
"""Of fewer symbols the 95th percentile is the slowest one alone, such as the first call of a morning."""


@dataclass(frozen=True, slots=True)
class TypePerformance:
    """One type on one day; the fields are those of the table `processing_performance`.

    Attributes:
        symbols: a symbol on several sessions, or in several units, counts each time.
        dead: units of its symbols that failed for good.
        p50_ms: median milliseconds per symbol; None where none was measured.
        success_rate: per cent; None where none ended.
        target_success_rate: per cent.
    """

    day: date
    equity_type: str
    units: int
    symbols: int
    rows: int
    dead: int
    p50_ms: float | None
    p95_ms: float | None
    success_rate: float | None
    target_ms: float
    target_success_rate: float

    @property
    def judged_ms(self) -> float | None:
        """What is held against the target of time: the 95th percentile, and the median of few symbols."""
        return self.p50_ms if self.symbols < FEW else self.p95_ms

    @property
    def missed(self) -> tuple[str, ...]:
        """The targets that were missed, in words. What was not measured misses none, and is no success either."""
        found, which = [], "median" if self.symbols < FEW else "95th percentile"
        if self.judged_ms is not None and self.judged_ms > self.target_ms:
            found.append(f"{self.judged_ms:,.0f} ms per symbol ({which}), target {self.target_ms:,.0f} ms")
        if self.success_rate is not None and self.success_rate < self.target_success_rate:
            found.append(f"{self.success_rate:.2f} % succeeded, target {self.target_success_rate:g} %")
        return tuple(found)

    @property
    def breached(self) -> bool:
        """Whether a target was missed."""
        return bool(self.missed)


def day_span(day: date, timezone: ZoneInfo) -> tuple[datetime, datetime]:
    """A day's first moment and that of the next day, in UTC."""
    first = datetime.combine(day, time(), timezone).astimezone(UTC)
    return first, datetime.combine(day + timedelta(days=1), time(), timezone).astimezone(UTC)
