"""Frames into and out of PostgreSQL: both ways as CSV over COPY, on the pooled connection that everything else uses.

The server writes values as text faster than it converts them, and polars reads CSV on every core: a frame costs less so
than over Arrow or from rows, a small one no more than its round trips, and it sees what a rehearsal has changed.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa
from psycopg import sql

from tickstock_dagster.adapters.postgres.database import transaction

_NULL = "\x01"
"""Stands for NULL: an empty text is none, and no text of the store has control characters."""

_TYPES: dict[int, Any] = {
    16: pl.Boolean, 20: pl.Int64, 21: pl.Int16, 23: pl.Int32, 700: pl.Float32, 701: pl.Float64, 1700: pl.Float64,
    1009: pl.List(pl.String), 1082: pl.Date, 1184: pl.Datetime("us", "UTC"),
}  # fmt: skip
"""Types of columns by their OID; all others are texts. A decimal is the float next to what is printed."""

_SENT = {
    16: "{0}::int",
    1009: "array_to_json({0})",
    1082: "CASE WHEN isfinite({0}) THEN {0} WHEN {0} > 'epoch' THEN date '9999-12-31' WHEN {0} < 'epoch' "
    "THEN date '0001-01-01' END - date '1970-01-01'",
    1184: "(extract(epoch FROM CASE WHEN isfinite({0}) THEN {0} WHEN {0} > 'epoch' THEN timestamptz '9999-12-31 UTC' "
    "WHEN {0} < 'epoch' THEN timestamptz '0001-01-01 UTC' END) * 1000000)::bigint",
}
"""How a value is sent, by its OID, where its text would have to be taken apart. `infinity` is the last day that Python
knows, `-infinity` the first."""

_RECEIVED: dict[int, Any] = {16: pl.Int8, 1009: pl.String, 1082: pl.Int32, 1184: pl.Int64}
"""What arrives then."""


_PLACES = re.compile(r"--[^\n]*|'[^']*'|\$(\d+)")
"""Parameters, which COPY does not bind; comments and texts are found so that nothing in them counts as one."""


def read_frame(engine: sa.Engine, query: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
    """The result of a query as a frame, in its order; times are in UTC.

    Args:
        engine: the store's; of a rehearsal, with what has changed there.
        query: one SELECT, whose columns have different names.
        parameters: bind `$1`, `$2`, …: texts, numbers, dates and aware times; None is NULL.

    Raises:
        ServiceUnavailableError: the database cannot be reached, the connection was lost, or the server refuses for its
            own reasons.
    """
    with transaction(engine) as connection:
        return frame_of(connection, query, parameters)


def frame_of(connection: psycopg.Connection[Any], query: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
    """`read_frame` within the caller's transaction."""
    cursor = connection.cursor()
    bound = _PLACES.sub(lambda found: _bound(connection, found, parameters), query)
    cursor.execute(f"SELECT * FROM (\n{bound}\n) AS asked LIMIT 0".encode())  # noqa: S608  # what its columns are
    columns = {column.name: column.type_code for column in cursor.description or ()}
    schema = {name: _TYPES.get(oid, pl.String) for name, oid in columns.items()}
    names = {name: sql.Identifier(name).as_string(connection) for name in columns}
    sent = ", ".join(_SENT.get(oid, "{0}").format(names[name]) for name, oid in columns.items())
    texts = ", ".join(names[name] for name, dtype in schema.items() if dtype == pl.String)
    quoted = f", FORCE_QUOTE ({texts})" if texts else ""  # else an empty text looks like nothing
    command = f"COPY (SELECT {sent} FROM (\n{bound}\n) AS asked) TO STDOUT (FORMAT csv, NULL '{_NULL}'{quoted})"  # noqa: S608
    text = io.BytesIO()
    with cursor.copy(command.encode()) as copy:
        for part in copy:
            text.write(part)
    if not text.tell():
        return pl.DataFrame(schema=schema)
    received = {name: _RECEIVED.get(oid, schema[name]) for name, oid in columns.items()}
    frame = pl.read_csv(text.getvalue(), has_header=False, schema=received, null_values=_NULL)
    return frame.with_columns(_arrived(pl.col(name), oid) for name, oid in columns.items() if oid in _RECEIVED)


def _bound(connection: psycopg.Connection[Any], found: re.Match[str], parameters: Sequence[object]) -> str:
    """What stands in a statement instead of a parameter; comments and texts stay."""
    if found[1] is None:
        return found[0]
    return sql.Literal(parameters[int(found[1]) - 1]).as_string(connection)


def _arrived(column: pl.Expr, oid: int) -> pl.Expr:
    """A value of `_SENT` as a frame has it."""
    return column.str.json_decode(_TYPES[oid]) if oid == 1009 else column.cast(_TYPES[oid])


def array_text(elements: Iterable[str]) -> str:
    """An array as PostgreSQL reads it, of texts such as dates, times and numbers that need no quotes in it.

    The driver would write a list element by element, which takes longer than the server's work.
    """
    return "{" + ",".join(elements) + "}"


def copy_frame(cursor: psycopg.Cursor, table: str, rows: pl.DataFrame) -> None:
    """COPY a frame into a staging table as CSV; polars writes floats in their shortest exact form.

    A NUL, which PostgreSQL cannot store, stands escaped: one odd text must not cost the others.
    """
    if rows.is_empty():
        return
    text = _csv(rows)
    if b"\x00" in text:
        text = _csv(rows.with_columns(pl.col(pl.String).str.replace_all("\x00", r"\u0000", literal=True)))
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
        copy.write(text)


def _csv(rows: pl.DataFrame) -> bytes:
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z", quote_style="necessary")
    return text.getvalue()
