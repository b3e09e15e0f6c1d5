"""What is owed: the expected cells that are neither stored nor explained for good, and what is asked for next.

Owed = expected − stored − explained with a final reason. A cell without a row anywhere is owed with the derived reason
never_asked. `adapters.loading.owed` reads the store, `core.loading.session_bits` compares it with what is expected.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from tickstock_dagster.core.loading.coverage import GAP_SCHEMA, GapReason, absence_evidence

OWED_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = GAP_SCHEMA
"""One owed cell: its open reason, the evidence, and when it is asked for again at the earliest; null: at once."""

NEVER_ASKED = "never requested"
"""Evidence of the cells that were never requested."""

OWED_DATASET_SCHEMA: dict[str, type[pl.DataType]] = {"dataset": pl.String, "session": pl.Date, "reason": pl.String}
"""One session that a dataset besides bars lacks, and why."""


def with_known_reasons(cells: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """Owed cells, each with its reason.

    Args:
        cells: `core.loading.coverage.CELL_SCHEMA`.
        gaps: (security_id, session, reason, evidence, retry_at) of open gaps.

    Returns:
        `OWED_SCHEMA`, in the order of the cells.
    """
    never, why = pl.lit(GapReason.NEVER_ASKED.value), pl.lit(NEVER_ASKED)
    if gaps.is_empty():
        retry_at = pl.lit(None, dtype=OWED_SCHEMA["retry_at"])
        return cells.with_columns(reason=never, evidence=why, retry_at=retry_at).select(list(OWED_SCHEMA))
    known = cells.join(gaps, on=["security_id", "session"], how="left", maintain_order="left")
    reasons = {"reason": pl.col("reason").fill_null(never), "evidence": pl.col("evidence").fill_null(why)}
    return known.with_columns(**reasons).select(list(OWED_SCHEMA))


def asked_or_due(owed: pl.DataFrame, due: date) -> pl.DataFrame:
    """Owed cells (`OWED_SCHEMA`) without those after the session `due` that are not to be requested yet."""
    return owed.filter((pl.col("session") <= due) | (pl.col("reason") != GapReason.NEVER_ASKED.value))


def fillable(owed: pl.DataFrame, rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """The owed cells that a file has rows of, due at once unless this very content was asked before.

    Asking a file for what it lacks changes nothing, however long ago that was.

    Args:
        owed: `OWED_SCHEMA`.
        rows: (ticker, session) of the file's rows.
        source: the name of the file's content.
    """
    asked = pl.col("evidence").str.starts_with(absence_evidence(source))
    set_aside = pl.col("reason") == GapReason.QUARANTINED.value
    held = owed.join(rows, on=["ticker", "session"], how="semi", maintain_order="left")
    return held.with_columns(retry_at=pl.when(asked | set_aside).then(pl.col("retry_at")))


@dataclass(frozen=True, slots=True)
class OwedSession:
    """One session's owed cells.

    Attributes:
        session: the session.
        cells: how many bars are owed.
        due: how many questions may be asked now: a bar each, and one about corporate actions.
        reasons: their reasons, each with its number, the most frequent first.
    """

    session: date
    cells: int
    due: int
    reasons: tuple[tuple[str, int], ...]


def with_actions(owed: Sequence[OwedSession], sessions: Iterable[tuple[date, str]]) -> list[OwedSession]:
    """The same sessions with those whose corporate actions are owed, the newest first.

    Args:
        owed: what is owed of bars.
        sessions: each with the reason.
    """
    found = {one.session: one for one in owed}
    for session, why in sessions:
        one = found.get(session, OwedSession(session, 0, 0, ()))
        found[session] = replace(one, due=one.due + 1, reasons=(*one.reasons, (f"actions: {why}", 1)))
    return [found[session] for session in sorted(found, reverse=True)]


def owed_by_session(owed: pl.DataFrame, now: datetime) -> list[OwedSession]:
    """Owed cells (`OWED_SCHEMA`) by session, the newest first. `now` is aware."""
    due = pl.col("retry_at").is_null() | (pl.col("retry_at") <= now)
    rows = (
        owed.group_by("session", "reason")
        .agg(pl.len().alias("cells"), due.sum().alias("due"))
        .sort("session", "cells", "reason", descending=[True, True, False])
        .group_by("session", maintain_order=True)
        .agg("reason", "cells", "due")
    )
    return [
        OwedSession(session, sum(cells), sum(due), tuple(zip(reasons, cells, strict=True)))
        for session, reasons, cells, due in rows.iter_rows()
    ]


@dataclass(frozen=True, slots=True)
class OwedOfDataset:
    """What a dataset besides bars owes.

    Attributes:
        dataset: its name.
        sessions: how many sessions.
        newest: the newest of them.
        reasons: why, each reason once.
    """

    dataset: str
    sessions: int
    newest: date
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """As in "fair values of 3 sessions, the newest 2026-11-20 (never_asked)"."""
        span = f"{self.sessions:,} sessions, the newest" if self.sessions > 1 else "the session"
        return f"{self.dataset.replace('_', ' ')} of {span} {self.newest} ({', '.join(self.reasons)})"


def owed_by_dataset(owed: pl.DataFrame) -> list[OwedOfDataset]:
    """Owed sessions (`OWED_DATASET_SCHEMA`) by dataset, in their order."""
    rows = owed.group_by("dataset", maintain_order=True).agg(
        pl.len().alias("sessions"),
        pl.col("session").max().alias("newest"),
        pl.col("reason").unique(maintain_order=True),
    )
    return [OwedOfDataset(name, count, newest, tuple(reasons)) for name, count, newest, reasons in rows.iter_rows()]
