"""Gaps of more than one session, each a finding of the rule `data_stale`. An adapter reads the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.judging.thresholds import THRESHOLDS
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster.core.quality.lifecycle import STALE, Finding, Key

LONGEST_ORDINARY_GAP = int(THRESHOLDS["long_gap"].default)
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

    def finding(self, last_session: date | None) -> Finding:
        """The finding of the gap: the same one as long as the gap begins on the same session.

        Args:
            last_session: the last session before the gap with a stored bar; None where there is none.
        """
        evidence = {
            "first": str(self.first),
            "last": str(self.last),
            "sessions": self.sessions,
            "reason": self.reason,
            "last_session": last_session and str(last_session),
        }
        return Finding(
            Key(self.security_id, self.first, STALE),
            self.symbol,
            Verdict.SUSPICIOUS,
            Severity.WARN,
            f"its bars are missing on {self.sessions} sessions in a row: {self.reason}",
            float(self.sessions),
            float(LONGEST_ORDINARY_GAP),
            evidence,
            "its bars, or an answer that proves that it did not trade",
        )


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
