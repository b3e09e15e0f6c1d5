"""Reading over Arrow: a result comes column by column, ready to be a frame. Nothing here writes.

By the driver's own interface: its DB-API imports pandas, which costs every command a second.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, address, connection_options, on_close
from tickstock_dagster.adapters.postgres.refusals import in_words

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcDatabase

# Opening one takes 50 ms, since it looks up every type of the server; its connections share them and take 5.
_opened: dict[str, "AdbcDatabase"] = {}

_AT_ONCE = {"adbc.postgresql.use_copy": "false"}
"""The whole answer is there before it becomes a frame: what fails, fails in the driver's words."""


def read_arrow(engine: sa.Engine, query: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
    """The result of a query on a connection of its own, as tickstock_writer, in UTC; nothing is committed.

    Args:
        engine: names the database.
        query: one statement.
        parameters: bind `$1`, `$2`, …: texts, numbers, dates and aware times; None is NULL.

    Raises:
        ServiceUnavailableError: the database cannot be reached, the connection was lost, or the server refuses for its
            own reasons.
    """
    from adbc_driver_manager import AdbcConnection, AdbcStatement, Error, OperationalError

    made = False
    try:
        with AdbcConnection(_database(engine)) as connection, AdbcStatement(connection) as question:
            made = True
            question.set_sql_query(query)
            question.set_options(**_AT_ONCE)
            if parameters:
                question.prepare()
                values = [pl.Series(str(place), [value]) for place, value in enumerate(parameters)]
                untyped = pl.selectors.by_dtype(pl.Null).cast(pl.String)
                question.bind_stream(pl.DataFrame(values).with_columns(untyped))
            answer, _ = question.execute_query()
            return pl.DataFrame(answer)
    except Error as error:
        told = in_words(address(engine), error, made=made)
        if told is None or not (told.sqlstate or isinstance(error, OperationalError)):
            raise
        raise told from None


def _database(engine: sa.Engine) -> "AdbcDatabase":
    import adbc_driver_postgresql

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    # libpq reads %20 as a blank, but not the + that URL libraries write.
    options = "&".join(f"{name}={quote(str(value))}" for name, value in connection_options(WRITER_ROLE).items())
    whole = f"{url}{'&' if '?' in url else '?'}{options}"
    if whole not in _opened:
        _opened[whole] = adbc_driver_postgresql.connect(whole)
    return _opened[whole]


@on_close
def _close_all() -> None:
    while _opened:
        _opened.popitem()[1].close()
