"""Work that only one process per database may do at a time: PostgreSQL's advisory locks, by name.

`lock` and `lock_if_free` last until the end of the transaction, `held` and `hold_if_free` while a block runs, whatever
transactions it opens; a lost connection releases its locks. Whoever waits in vain hears who holds it, as for any lock
(`adapters.postgres.lock_watch`). `Alive` is a lock that no session waits for: others see in `pg_locks` who is alive.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from typing import Any, Self

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import connected, transaction
from tickstock_dagster.adapters.postgres.rehearsal import is_rehearsal
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.timeouts import PATIENCE
from tickstock_dagster.adapters.postgres.turns import Lock

__all__ = ["Alive", "Living", "Lock", "held", "hold_if_free", "lock", "lock_if_free"]


def lock(connection: psycopg.Connection[Any] | psycopg.Cursor[Any], which: Lock) -> None:
    """Wait for the lock, and keep it until the end of the transaction; the session's lock_timeout ends the wait."""
    connection.execute(statement("postgres/lock"), _values(which))


def lock_if_free(connection: psycopg.Connection[Any], which: Lock) -> bool:
    """Take the lock until the end of the transaction if it is free; returns whether it was."""
    return _granted(connection.execute(statement("postgres/lock_if_free"), _values(which)))


class Living(Enum):
    """Who can show that it is alive; the value is the first half of the locks' keys."""

    LEASE_HOLDER = 0x74736C65
    RUN = 0x7473726E


class Alive:
    """A process's sign of life, from entering the block to its end or to the end of the process, however it ends.

    The server notices a killed process at once and a machine without power when its connection times out. After a lost
    connection, as after a restart of the server, `show` gives the sign again.
    """

    def __init__(self, engine: sa.Engine, names: Mapping[Living, str]) -> None:
        self._engine, self._names = engine, names
        self._stack = ExitStack()
        self._connection: sa.Connection | None = None

    def __enter__(self) -> Self:
        """Give the sign.

        Raises:
            ServiceUnavailableError: the database cannot be reached.
        """
        pooled = self._stack.enter_context(connected(self._engine))
        self._connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        self._give()
        return self

    def show(self) -> None:
        """See that the sign is there, and give it again where its connection was lost.

        Raises:
            ServiceUnavailableError: the database cannot be reached.
        """
        try:
            self._give()
        except sa.exc.DBAPIError:
            self._stack.close()
            self.__enter__()

    def _give(self) -> None:
        assert self._connection is not None  # noqa: S101  # inside the block
        for room, name in self._names.items():
            self._connection.exec_driver_sql(statement("postgres/alive_show"), {"room": room.value, "name": name})

    def __exit__(self, *_: object) -> None:
        connection = self._connection
        assert connection is not None  # noqa: S101  # inside the block
        with suppress(sa.exc.DBAPIError):
            for room, name in self._names.items():
                connection.exec_driver_sql(statement("postgres/alive_end"), {"room": room.value, "name": name})
        self._stack.close()


@contextmanager
def held(engine: sa.Engine, which: Lock) -> Iterator[None]:
    """Wait for the lock, and keep it while the block runs, on a connection of its own. Not re-entrant.

    It waits longer than for other locks: whoever has the turn may be asking a vendor. In a rehearsal the lock is kept
    until the end of that: whoever waited for it would then wait for the rehearsal's rows.

    Raises:
        LockTimeoutError: it was not free within `timeouts.PATIENCE`; says who holds it.
        ServiceUnavailableError: the database cannot be reached.
    """
    if is_rehearsal(engine):
        with transaction(engine) as rehearsed:
            lock(rehearsed, which)
        yield
        return
    with connected(engine) as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(statement("postgres/wait_for_locks"), {"seconds": PATIENCE})
        try:
            connection.exec_driver_sql(statement("postgres/lock_hold"), _values(which))
        finally:
            connection.exec_driver_sql(statement("postgres/wait_as_before"))
        try:
            yield
        finally:
            with suppress(sa.exc.DBAPIError):
                connection.exec_driver_sql(statement("postgres/lock_release"), _values(which))


@contextmanager
def hold_if_free(connection: psycopg.Connection[Any], which: Lock) -> Iterator[bool]:
    """Take the lock while the block runs if it is free; yields whether it was. After an error the session keeps it."""
    alone = _granted(connection.execute(statement("postgres/lock_hold_if_free"), _values(which)))
    yield alone
    if alone:
        connection.execute(statement("postgres/lock_release"), _values(which))


def _values(which: Lock) -> dict[str, Any]:
    named = isinstance(which.value, str)
    return {"name": which.value if named else None, "key": None if named else which.value}


def _granted(cursor: psycopg.Cursor[Any]) -> bool:
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  # a function's result is always one row
    return bool(row[0])
