"""A rehearsal: an engine whose every change is seen through itself, by nobody else, and is gone at the end.

For commands that only read, and for plans: they may need the vendor's ticker lists, or universes of the release, that
the store lacks. All transactions of such an engine are savepoints of one that is rolled back. Locks last until that
end, so that no other process waits for a row of the rehearsal. One thread uses it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, connection_options, transaction
from tickstock_dagster.adapters.postgres.sql_files import statement

_OPTION = "rehearsal"


class RehearsedConnection(psycopg.Connection[Any]):
    """A connection that commits and rolls back to savepoints; `kept` is written when the rehearsal is over."""

    kept: list[tuple[str, Sequence[Mapping[str, object]]]]

    def begin_rehearsal(self) -> None:
        """Begin the transaction that is rolled back in the end."""
        self.kept = []
        self.execute("SAVEPOINT rehearsal")

    def commit(self) -> None:
        """Keep what was done since the last commit; staging tables end, as at the end of any transaction."""
        self.execute(statement("postgres/staging_tables_drop"))
        self.execute("RELEASE SAVEPOINT rehearsal; SAVEPOINT rehearsal", prepare=False)

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        self.execute("ROLLBACK TO SAVEPOINT rehearsal")


@contextmanager
def rehearsal(engine: sa.Engine) -> Iterator[sa.Engine]:
    """An engine on the same database whose changes are rolled back at the end; of a rehearsal, the same one.

    What was handed to `keep` is written afterwards through `engine`, however the block ends.
    """
    if is_rehearsal(engine):
        yield engine
        return
    with transaction(engine):
        pass  # an unreachable database is refused in the engine's words
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = RehearsedConnection.connect(address, **connection_options(WRITER_ROLE))
    trial = sa.create_engine(
        engine.url, creator=lambda: connection, poolclass=sa.StaticPool, execution_options={_OPTION: True}
    )
    connection.begin_rehearsal()
    try:
        yield trial
    finally:
        psycopg.Connection.rollback(connection)
        trial.dispose()
        connection.close()
        if connection.kept:
            with transaction(engine) as lasting, lasting.cursor() as cursor:
                for text, rows in connection.kept:
                    cursor.executemany(text.encode(), rows)


def is_rehearsal(engine: sa.Engine) -> bool:
    """Whether the engine's changes are rolled back in the end."""
    return bool(engine.get_execution_options().get(_OPTION))


def keep(cursor: psycopg.Cursor, text: str, rows: Sequence[Mapping[str, object]]) -> bool:
    """Have a rehearsal write these rows for good when it is over; False where there is no rehearsal.

    For the record of calls: a vendor counts them, whatever they were made for.
    """
    if not isinstance(cursor.connection, RehearsedConnection):
        return False
    cursor.connection.kept.append((text, rows))
    return True
