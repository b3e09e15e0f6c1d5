"""Which cells are expected: as cells, or as stretches of days that are counted without making a cell.

Expected = sessions of the calendar ∩ days on which a security is proven to be listed ∩ days on which it is tracked.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

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
    """The proven listings of some securities, cut to the days on which their bars are expected.

    Args:
        intervals: `core.loading.coverage.INTERVAL_SCHEMA`.
        spans: `SPAN_SCHEMA`; may overlap. None: all days.

    Returns:
        `STRETCH_SCHEMA`, by security and start.
    """
    listed = intervals.lazy().select("security_id", "ticker", valid_from="expected_from", valid_to="expected_to")
    proven = pl.col("valid_to").is_null() | (pl.col("valid_from") < pl.col("valid_to"))
    listed = listed.filter(proven)
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


def bracket_stretches(intervals: pl.DataFrame, spans: pl.DataFrame | None = None) -> pl.DataFrame:
    """The days between two lists of which one lacks a security: it may have been listed, and nothing proves it.

    Args:
        intervals: `core.loading.coverage.INTERVAL_SCHEMA`.
        spans: `SPAN_SCHEMA`, to which they are cut; may overlap. None: all days.

    Returns:
        `STRETCH_SCHEMA`, by security and start; another listing of the security may cover the same days.
    """
    proven = pl.col("expected_to").is_null() | (pl.col("expected_from") < pl.col("expected_to"))
    before = intervals.with_columns(
        expected_from="valid_from",
        expected_to=pl.when(proven).then(pl.col("expected_from")).otherwise(pl.col("valid_to")),
    )
    ended = intervals.filter(proven & pl.col("expected_to").is_not_null())
    after = ended.with_columns(expected_from="expected_to", expected_to="valid_to")
    return expected_stretches(pl.concat([before, after]), spans)


def _united(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of one security that overlap or touch, as one."""
    if spans["security_id"].n_unique() == spans.height:
        return spans
    ordered = spans.with_columns(pl.col("valid_to").fill_null(_END)).sort("security_id", "valid_from", "valid_to")
    reached = pl.col("valid_to").cum_max().shift().over("security_id")
    return (
        ordered.with_columns(begins=(reached.is_null() | (pl.col("valid_from") > reached)).cast(pl.Int64))
        .with_columns(island=pl.col("begins").cum_sum())
        .group_by("security_id", "island")
        .agg(pl.col("valid_from").min(), pl.col("valid_to").max())
        .select("security_id", "valid_from", pl.when(pl.col("valid_to") < _END).then(pl.col("valid_to")))
    )


def expected_cells(
    sessions: Sequence[date], intervals: pl.DataFrame, spans: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Every (security, session) at which a bar is expected.

    Args:
        sessions: sessions of the calendar, ascending.
        intervals: `INTERVAL_SCHEMA` of the tracked securities.
        spans: `SPAN_SCHEMA`, the days on which they are tracked members; spans may overlap. None: always.

    Returns:
        `CELL_SCHEMA`, ordered by security and session.
    """
    stretches = expected_stretches(intervals, spans)
    days = pl.Series("session", list(sessions), dtype=pl.Date)
    bounds = (stretches["valid_from"], stretches["valid_to"].fill_null(_END))
    begins, ends = (days.search_sorted(bound).cast(pl.Int32) for bound in bounds)
    places = pl.int_ranges(begins, ends, dtype=pl.Int32).alias("session")  # half the size: a load has millions of cells
    cells = stretches.select("security_id", places, "ticker").filter(begins < ends).explode("session")
    cells = cells.select("security_id", days.gather(cells["session"]), "ticker")
    return cells.sort("security_id", "session") if _overlap(stretches) else cells


def _overlap(stretches: pl.DataFrame) -> bool:
    """Whether listings of one security overlap, as none in the store do."""
    follows = pl.col("security_id") == pl.col("security_id").shift()
    early = pl.col("valid_from") < pl.col("valid_to").fill_null(_END).shift()
    return bool(stretches.select((follows & early).any()).item())


def expected_counts(sessions: Sequence[date], stretches: pl.DataFrame) -> pl.DataFrame:
    """How many cells of `STRETCH_SCHEMA` each session has: (session, expected), ascending, without those of none."""
    days = pl.Series("session", list(sessions), dtype=pl.Date)
    begins, ends = within(days, stretches)
    some = begins < ends
    steps = np.bincount(begins[some], minlength=days.len() + 1) - np.bincount(ends[some], minlength=days.len() + 1)
    counts = pl.Series("expected", np.cumsum(steps)[: days.len()], dtype=pl.Int64)
    return pl.DataFrame([days, counts]).filter(pl.col("expected") > 0)


def within(days: pl.Series, stretches: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each of `STRETCH_SCHEMA`, which of some ascending days are in it: [first, last), as positions."""
    numbers = days.to_physical().to_numpy()
    bounds = (stretches["valid_from"], stretches["valid_to"].fill_null(_END))
    begins, ends = (np.searchsorted(numbers, bound.to_physical().to_numpy()) for bound in bounds)
    return begins, ends
