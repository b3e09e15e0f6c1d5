"""Applying the rules of equity types to single cells. Every load reads the rules; none are cached.

A changed row counts from the next run on, without a restart. Changing the rules belongs in
`adapters.securities.equity_type_store`.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.coverage import RETRY_SCHEMA
from tickstock_dagster.core.loading.processing import PROCESSING_SCHEMA, unit_priorities
from tickstock_dagster.core.priority import Priority


def read_priorities(engine: sa.Engine, asked: pl.DataFrame) -> dict[str, Priority]:
    """The priority of each unit of a load, by its id.

    Args:
        engine: the store's.
        asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id`.
    """
    if asked.is_empty():
        return {}
    ids = ",".join(str(security) for security in asked["security_id"].unique())
    processing = read_frame(engine, statement("loading/processing_of"), (ids,)).cast(pl.Schema(PROCESSING_SCHEMA))
    span = (asked["session"].min(), asked["session"].max())
    tried = read_frame(engine, statement("loading/gaps_tried"), span).cast(
        {"security_id": pl.Int64, "session": pl.Date}
    )
    return unit_priorities(asked, processing, tried)


def read_retry_terms(engine: sa.Engine, cells: Sequence[tuple[int, date]]) -> pl.DataFrame:
    """How many good answers lacked the bars of some cells (security, session), and the retry terms of their types.

    Returns:
        `core.loading.coverage.RETRY_SCHEMA`.
    """
    if not cells:
        return pl.DataFrame(schema=RETRY_SCHEMA)
    values = {"security_ids": [security for security, _ in cells], "sessions": [session for _, session in cells]}
    with transaction(engine) as connection:
        rows = connection.execute(statement("loading/gaps_terms"), values).fetchall()
    return pl.DataFrame(rows, schema=RETRY_SCHEMA, orient="row")
