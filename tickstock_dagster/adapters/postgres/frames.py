"""Frames into and out of PostgreSQL: reading a query over Arrow, copying a frame into a staging table."""

import io
from collections.abc import Sequence

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.arrow import read_arrow
from tickstock_dagster.adapters.postgres.rehearsal import is_rehearsal, read_rehearsed


def read_frame(engine: sa.Engine, query: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
    """The result of a query as a frame, read over Arrow; `parameters` bind `$1`, `$2`, ….

    Raises:
        ServiceUnavailableError: the database cannot be reached, or the connection was lost.
    """
    if is_rehearsal(engine):
        return read_rehearsed(engine, query, parameters)
    return read_arrow(engine, query, parameters)


def copy_frame(cursor: psycopg.Cursor, table: str, rows: pl.DataFrame) -> None:
    """COPY a frame into a staging table as CSV; polars writes floats in their shortest exact form.

    A NUL, which PostgreSQL cannot store, stands escaped: one odd text must not cost the others.
    """
    if rows.is_empty():
        return
    rows = rows.with_columns(pl.col(pl.String).str.replace_all("\x00", r"\u0000", literal=True))
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z", quote_style="necessary")
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getbuffer())
