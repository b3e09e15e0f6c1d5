"""In which order bars are asked for: as urgent as the types of the securities that a call is about.

A type that is followed in real time is critical at the first attempt at a session, for somebody may be waiting for it;
what was asked for before is as urgent as its type says, and so is a type that counts after the close only. When an
absent bar is asked for again is decided in `core.loading.coverage`; the rules themselves are in
`core.securities.equity_types`.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from tickstock_dagster.core.loading.planning import WorkUnit
from tickstock_dagster.core.securities.equity_types import Priority

PROCESSING_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "realtime": pl.Boolean,
    "level": pl.Int64,
}
"""A security, whether its type is followed in real time, and the level of its type's priority (1 is critical)."""


def unit_priorities(asked: pl.DataFrame, processing: pl.DataFrame, tried: pl.DataFrame) -> dict[str, Priority]:
    """How urgent each unit is: as its most urgent cell.

    Args:
        asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id`.
        processing: `PROCESSING_SCHEMA`; securities that are not in it are of normal priority.
        tried: (security_id, session) that were asked for before.
    """
    first = pl.col("tried").is_null() & pl.col("realtime").fill_null(value=False)
    levels = (
        asked.join(processing, on="security_id", how="left")
        .join(tried.with_columns(tried=pl.lit(value=True)), on=["security_id", "session"], how="left")
        .with_columns(
            level=pl.when(first)
            .then(Priority.CRITICAL.level)
            .otherwise(pl.col("level").fill_null(Priority.NORMAL.level))
        )
        .group_by("unit_id")
        .agg(pl.col("level").min())
    )
    by_level = {priority.level: priority for priority in Priority}
    return {unit_id: by_level[level] for unit_id, level in levels.iter_rows()}


def in_order(units: Sequence[WorkUnit], priorities: Mapping[str, Priority]) -> tuple[WorkUnit, ...]:
    """The units, the most urgent first; equally urgent ones stay in their order."""
    return tuple(sorted(units, key=lambda unit: priorities.get(unit.unit_id, Priority.NORMAL).level))
