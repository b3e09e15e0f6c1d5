"""Reading over Arrow: connections that return a result column by column, for frames. Nothing here writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, address, on_close, reason
from tickstock_dagster.core.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

# Opening one takes 50 ms, since it looks up every type of the server; a clone shares them and takes 5.
_opened: dict[str, "Connection"] = {}


@contextmanager
def arrow_cursor(engine: sa.Engine) -> Iterator["Cursor"]:
    """A cursor on a connection of its own, as tickstock_writer, in UTC; nothing is committed.

    Raises:
        ServiceUnavailableError: the database cannot be reached, or the connection was lost.
    """
    import adbc_driver_postgresql.dbapi as adbc

    state = "cannot be reached"
    try:
        with _connection(engine) as connection, connection.cursor() as cursor:
            state = "was lost"
            yield cursor
    except adbc.OperationalError as error:
        raise ServiceUnavailableError(f"database {address(engine)} {state}: {reason(error)}") from None


def _connection(engine: sa.Engine) -> "Connection":
    import adbc_driver_postgresql.dbapi as adbc

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    if url not in _opened:
        # libpq reads %20 as a blank, but not the + that URL libraries write.
        options = quote(f"-c role={WRITER_ROLE} -c timezone=UTC -c jit=off")
        _opened[url] = adbc.connect(f"{url}{'&' if '?' in url else '?'}options={options}", autocommit=True)
    return _opened[url].adbc_clone()


@on_close
def _close_all() -> None:
    while _opened:
        _opened.popitem()[1].close()
