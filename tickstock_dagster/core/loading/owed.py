"""What is owed: the expected cells that are neither stored nor explained for good, and what is asked for next.

Owed = expected − stored − explained with a final reason. A cell without a row anywhere is owed with the derived reason
never_asked. `adapters.loading.owed` reads the store; here it is counted, in as few cells as possible: most of a store
is complete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, GAP_SCHEMA, GapReason

OWED_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = GAP_SCHEMA
"""One owed cell: its open reason, the evidence, and when it is asked for again at the earliest; null: at once."""

NEVER_ASKED = "no load has asked for it"
"""Evidence of the cells that nobody asked for."""

STRETCH_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}
"""Days, [valid_from, valid_to), on which a bar of a security is expected if they are sessions, under one ticker. Those
of one security do not overlap; `valid_to` is null where there is no end."""

_END = date.max
"""Stands for no end while intervals are compared."""


def expected_stretches(intervals: pl.DataFrame, spans: pl.DataFrame | None = None) -> pl.DataFrame:
    """The listing intervals of some securities, cut to the days on which their bars are expected.

    Args:
        intervals: `core.loading.coverage.INTERVAL_SCHEMA`.
        spans: `SPAN_SCHEMA`; may overlap. None: all days.

    Returns:
        `STRETCH_SCHEMA`, by security and start.
    """
    listed = intervals.lazy().select(list(STRETCH_SCHEMA))
    if spans is not None:
        wanted = _united(spans).lazy().select("security_id", begins="valid_from", ends="valid_to")
        first = pl.max_horizontal("valid_from", "begins")
        last = pl.min_horizontal(pl.col("valid_to").fill_null(_END), pl.col("ends").fill_null(_END))
        listed = (
            listed.join(wanted, on="security_id")
            .with_columns(valid_from=first, valid_to=last)
            .filter(pl.col("valid_from") < pl.col("valid_to"))
            .with_columns(valid_to=pl.when(pl.col("valid_to") < _END).then(pl.col("valid_to")))
        )
    return listed.select(list(STRETCH_SCHEMA)).sort("security_id", "valid_from").collect()


def _united(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of one security that overlap or touch, as one."""
    ordered = spans.with_columns(pl.col("valid_to").fill_null(_END)).sort("security_id", "valid_from", "valid_to")
    reached = pl.col("valid_to").cum_max().shift().over("security_id")
    return (
        ordered.with_columns(begins=(reached.is_null() | (pl.col("valid_from") > reached)).cast(pl.Int64))
        .with_columns(island=pl.col("begins").cum_sum())
        .group_by("security_id", "island")
        .agg(pl.col("valid_from").min(), pl.col("valid_to").max())
        .select("security_id", "valid_from", pl.when(pl.col("valid_to") < _END).then(pl.col("valid_to")))
    )


def expected_per_session(stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """How many bars each session expects: (session, expected), ascending, without sessions that expect none.

    Counted from the ends of the stretches: hundreds of thousands of cells are never made.

    Args:
        stretches: `STRETCH_SCHEMA`.
        sessions: of the calendar, ascending.
    """
    days = pl.Series("session", sessions, dtype=pl.Date)
    begun = stretches["valid_from"].sort().search_sorted(days, side="right")
    ended = stretches["valid_to"].drop_nulls().sort().search_sorted(days, side="right")
    counts = pl.DataFrame({"session": days, "expected": (begun.cast(pl.Int64) - ended.cast(pl.Int64))})
    return counts.filter(pl.col("expected") > 0)


def expected_per_security(stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """How many bars of each security some sessions expect: (security_id, expected), without those that expect none.

    Args:
        stretches: `STRETCH_SCHEMA`.
        sessions: ascending.
    """
    placed = _placed(stretches, sessions).group_by("security_id").agg((pl.col("end") - pl.col("begin")).sum())
    return placed.select("security_id", expected=pl.col("end")).filter(pl.col("expected") > 0)


def expected_on(stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """The expected cells (`CELL_SCHEMA`) of some sessions.

    Args:
        stretches: `STRETCH_SCHEMA`.
        sessions: ascending.
    """
    places = _placed(stretches, sessions).with_columns(place=pl.int_ranges("begin", "end")).explode("place")
    days = pl.DataFrame({"session": pl.Series(sessions, dtype=pl.Date)}).with_row_index("place")
    cells = places.drop_nulls("place").join(days.cast({"place": pl.Int64}), on="place")
    return cells.select(list(CELL_SCHEMA))


def _placed(stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Stretches with the places [begin, end) of their sessions among those given."""
    days = pl.Series(sessions, dtype=pl.Date)
    ended = stretches["valid_to"].fill_null(_END)
    return stretches.select(
        "security_id",
        "ticker",
        begin=days.search_sorted(stretches["valid_from"], side="left").cast(pl.Int64),
        end=days.search_sorted(ended, side="left").cast(pl.Int64),
    ).filter(pl.col("begin") < pl.col("end"))


def owed_from(cells: pl.DataFrame, settled: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """The owed ones among expected cells, each with its reason.

    Args:
        cells: `core.loading.coverage.CELL_SCHEMA`.
        settled: (security_id, session) of stored bars and final gaps.
        gaps: (security_id, session, reason, evidence, retry_at) of open gaps.

    Returns:
        `OWED_SCHEMA`, the newest session first, then by ticker.
    """
    keys = ["security_id", "session"]
    return (
        cells.join(settled, on=keys, how="anti")
        .join(gaps, on=keys, how="left")
        .with_columns(
            pl.col("reason").fill_null(GapReason.NEVER_ASKED.value), pl.col("evidence").fill_null(NEVER_ASKED)
        )
        .select(list(OWED_SCHEMA))
        .sort("session", "ticker", descending=[True, False])
    )


def asked_or_due(owed: pl.DataFrame, due: date) -> pl.DataFrame:
    """Owed cells (`OWED_SCHEMA`) without those after the session `due` that nobody was to ask for yet."""
    return owed.filter((pl.col("session") <= due) | (pl.col("reason") != GapReason.NEVER_ASKED.value))


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
