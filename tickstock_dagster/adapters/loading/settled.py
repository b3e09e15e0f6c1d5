"""What needs no call, as the server writes it: asked for before what counts it has been imported.

`adapters.loading.coverage` reads the lines as `core.loading.session_bits.BITS_SCHEMA`.
"""

from collections.abc import Sequence
from datetime import date

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement


def settled_lines(connection: psycopg.Connection, name: str, values: Sequence[object]) -> str:
    """The one text of a statement, a line `security_id,block,bits` for each; empty where nothing is settled.

    Args:
        connection: inside a transaction.
        name: of the statement.
        values: bind `$1`, `$2`, ….
    """
    # The server expects a few rows of a table that was just filled, and would sort all of them on disk.
    connection.execute("SET LOCAL enable_sort = off")
    row = psycopg.RawCursor(connection).execute(statement(name).encode(), values).fetchone()
    connection.execute("SET LOCAL enable_sort TO DEFAULT")
    return "" if row is None or row[0] is None else str(row[0])


def settled_lines_of_all(engine: sa.Engine, first: date, last: date) -> str | None:
    """The stored bars and final gaps of every security, where most of them are tracked: then no choice is cheaper.

    Args:
        engine: the store's.
        first: first day.
        last: last day.

    Returns:
        `settled_lines`; None where fewer than half of the securities are in a tracked universe.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        most = connection.execute(statement("securities/most_are_tracked")).fetchone()
        if most is None or not most[0]:
            return None
        return settled_lines(connection, "loading/settled_bits", (first, last, None, True))
