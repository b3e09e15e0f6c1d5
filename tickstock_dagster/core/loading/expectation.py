"""Which cells are expected: as cells, or as stretches of days that are counted without making a cell.

Expected = sessions of the calendar ∩ days on which a security is proven to be listed ∩ days on which it is tracked.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tickstock_dagster.core.intervals import covered
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA

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
    sessions: Sequence[date], intervals: pl.DataFrame, spans: pl.DataFrame | None = None, *, possible: bool = False
) -> pl.DataFrame:
    """Every (security, session) at which a bar is expected.

    Args:
        sessions: sessions of the calendar, ascending.
        intervals: `INTERVAL_SCHEMA` of the tracked securities.
        spans: `SPAN_SCHEMA`, the days on which they are tracked members; spans may overlap. None: always.
        possible: also between two lists of which one lacks the security.

    Returns:
        `CELL_SCHEMA`, ordered by security and session.
    """
    bounds = ("valid_from", "valid_to") if possible else ("expected_from", "expected_to")
    cells = _cells_of(intervals.select("security_id", "ticker", valid_from=bounds[0], valid_to=bounds[1]), sessions)
    if spans is not None:
        days = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).lazy()
        # Most members are members throughout: they need no expansion by day.
        always = spans.lazy().filter(_covers_all(sessions)).select("security_id").unique()
        partly = spans.lazy().join(always, on="security_id", how="anti").join(days, how="cross")
        member_days = partly.filter(covered("session")).select("security_id", "session").unique()
        listed = cells.lazy()
        cells = pl.concat(
            [
                listed.join(always, on="security_id", how="semi"),
                listed.join(member_days, on=["security_id", "session"], how="semi"),
            ]
        ).collect()
        return cells.sort("security_id", "session")
    return cells


def _cells_of(intervals: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """The sessions of each interval, ordered by security and session: each is made once and in its place."""
    days = pl.Series("session", list(sessions), dtype=pl.Date)
    ordered = intervals.drop_nulls("valid_from").sort("security_id", "valid_from")
    ends = ordered["valid_to"].fill_null(_END)
    ordered = ordered.with_columns(
        begin=days.search_sorted(ordered["valid_from"]).cast(pl.Int64), end=days.search_sorted(ends).cast(pl.Int64)
    )
    places = (
        ordered.filter(pl.col("begin") < pl.col("end"))
        .select("security_id", "ticker", place=pl.int_ranges("begin", "end"))
        .explode("place")
    )
    cells = places.select("security_id", "ticker", session=days.gather(places["place"])).select(list(CELL_SCHEMA))
    earlier = pl.col("valid_from") < pl.col("valid_to").fill_null(_END).shift().over("security_id")
    return cells.sort("security_id", "session") if ordered.select(earlier.any()).item() else cells


def _covers_all(sessions: Sequence[date]) -> pl.Expr:
    if not sessions:
        return pl.lit(value=False)
    return covered(min(sessions)) & covered(max(sessions))
