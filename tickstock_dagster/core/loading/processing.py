"""The order in which a load asks for bars: a call is as urgent as the most urgent type among its securities.

A type that is followed in real time is critical at the first attempt at a session, since a person may be waiting for
it. Retries, and types that are processed after the close only, have the priority of their type. `core.loading.coverage`
decides when to ask for an absent bar again; the rules are in `core.securities.equity_types`.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from tickstock_dagster.core.loading.planning import WorkUnit
from tickstock_dagster.core.priority import Priority

PROCESSING_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "realtime": pl.Boolean,
    "level": pl.Int64,
}
"""A security, whether its type is followed in real time, and its type's priority level (1 is critical)."""


def unit_priorities(asked: pl.DataFrame, processing: pl.DataFrame, tried: pl.DataFrame) -> dict[str, Priority]:
    """The priority of each unit: that of its most urgent cell.

    Args:
        asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id`.
        processing: `PROCESSING_SCHEMA`; securities that are not in it have normal priority.
        tried: (security_id, session) of earlier attempts.
    """
    unit = ["unit_id", "security_id"]  # a unit has thousands of cells, of few securities
    again = asked.join(tried, on=["security_id", "session"], how="semi").group_by(unit).agg(pl.len().alias("tried"))
    first = pl.col("realtime").fill_null(value=False) & (pl.col("cells") > pl.col("tried").fill_null(0))
    levels = (
        asked.group_by(unit)
        .agg(pl.len().alias("cells"))
        .join(processing, on="security_id", how="left")
        .join(again, on=unit, how="left")
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
    """The units, the most urgent first; equally urgent ones keep their order."""
    return tuple(sorted(units, key=lambda unit: priorities.get(unit.unit_id, Priority.NORMAL).level))
