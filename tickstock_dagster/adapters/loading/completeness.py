"""Reading completeness by universe, ETF theme and equity type; `core.loading.completeness` counts."""

from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.completeness import GROUP_SPAN_SCHEMA, GroupCompleteness, group_completeness


def completeness_by_group(engine: sa.Engine, expected: pl.DataFrame) -> list[GroupCompleteness]:
    """The state of every universe, theme and equity type on the sessions of the expected cells.

    Args:
        engine: the store's.
        expected: `CELL_SCHEMA`, all tracked cells of some sessions.

    Returns:
        As `core.loading.completeness.group_completeness`; empty where no bar is expected.
    """
    if expected.is_empty():
        return []
    first, last = expected["session"].min(), expected["session"].max()
    assert isinstance(first, date)  # noqa: S101  # the schema's type
    assert isinstance(last, date)  # noqa: S101
    state = read_frame(engine, statement("loading/cells_state"), (first, last))
    state = state.cast({"security_id": pl.Int64, "session": pl.Date})
    cells = expected.join(state, on=["security_id", "session"], how="left", validate="1:1")
    spans = read_frame(engine, statement("loading/completeness_groups"), (first, last))
    spans = spans.cast({name: dtype for name, dtype in GROUP_SPAN_SCHEMA.items() if dtype != pl.String})
    with transaction(engine) as connection:
        frequencies = dict(connection.execute(statement("loading/completeness_frequencies")).fetchall())
    return group_completeness(cells, spans, frequencies)
