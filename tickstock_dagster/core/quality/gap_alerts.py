"""Gaps of more than one session: finding them, and the event that reports each. An adapter reads the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from tickstock_dagster.core.events.envelope import DataStale, Event
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA

LONGEST_ORDINARY_GAP = 1
"""Consecutive sessions without an owed bar; more raise an alert."""

OPEN_GAP_SCHEMA: dict[str, type[pl.DataType]] = {**CELL_SCHEMA, "reason": pl.String}
"""An open gap as stored: a bar is owed, and the reason says why it is missing."""


@dataclass(frozen=True, slots=True)
class LongGap:
    """Consecutive sessions without the bars owed for one security.

    Attributes:
        security_id: the security.
        symbol: its ticker as printed on `first`.
        first: first session without a bar.
        last: last session without a bar.
        sessions: how many sessions.
        reason: the reason on the newest session.
    """

    security_id: int
    symbol: str
    first: date
    last: date
    sessions: int
    reason: str

    def event(self, *, market: str, last_session: date | None, now: datetime, run_id: str | None) -> Event:
        """The event that reports the gap: the same event as long as the gap begins on the same session.

        Args:
            market: MIC of the calendar.
            last_session: the last session before the gap with a stored bar; None where there is none.
            now: aware.
            run_id: the Dagster run that found the gap; None outside of Dagster.
        """
        data = DataStale(
            market=market,
            symbol=self.symbol,
            last_session=last_session,
            first_missing=self.first,
            last_missing=self.last,
            missing_sessions=self.sessions,
            reason=self.reason,
            run_id=run_id,
        )
        return Event.of(data, time=now, dedupe_key=f"{self.security_id}/{self.first}")


def long_gaps(gaps: pl.DataFrame, sessions: Sequence[date]) -> list[LongGap]:
    """The gaps that cover more than `LONGEST_ORDINARY_GAP` consecutive sessions.

    Args:
        gaps: `OPEN_GAP_SCHEMA`, each cell once, in any order. Days that are not sessions are ignored.
        sessions: all sessions of the market between the first and the last gap, ascending.

    Returns:
        The newest first, then by symbol.
    """
    days = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).with_row_index("place")
    rows = (
        gaps.lazy()
        .join(days.lazy(), on="session")
        .sort("security_id", "session")
        .with_columns(island=pl.col("place").cast(pl.Int64) - pl.int_range(pl.len()).over("security_id"))
        .group_by("security_id", "island")
        .agg(
            pl.col("ticker").first(),
            pl.col("session").first().alias("first"),
            pl.col("session").last().alias("last"),
            pl.len().alias("sessions"),
            pl.col("reason").last(),
        )
        .filter(pl.col("sessions") > LONGEST_ORDINARY_GAP)
        .sort(["last", "ticker", "security_id", "first"], descending=[True, False, False, False])
        .select("security_id", "ticker", "first", "last", "sessions", "reason")
        .collect()
    )
    return [LongGap(*row) for row in rows.iter_rows()]
