"""Keeping readers from disturbing the factory: what tickstock_app may not do, and the limits of sessions of others.

Rights on the database and on the server's own functions, and the database's settings, are copied neither by a template
nor by every dump. So they are not a migration: each migration looks, and closes what is open and what it may.
"""

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import APP_ROLE, WRITER_ROLE
from tickstock_dagster.adapters.postgres.sql_files import statement

_FILE = "postgres/guards_close"

OPEN = {
    "writer_lacks": f"{WRITER_ROLE} may not take advisory locks or make temporary tables, which every load does",
    "advisory_locks": f"{APP_ROLE} may take advisory locks, for which loads would wait until their lock_timeout",
    "large_objects": f"{APP_ROLE} may create large objects",
    "temporary_tables": f"{APP_ROLE} may create temporary tables",
    "no_timeouts": f"{APP_ROLE} may work on a statement without end",
    "small_parallel": "questions about one symbol start processes, which take longer than the answers",
}
"""What may be open, in words."""


def guard(connection: sa.Connection) -> tuple[str, ...]:
    """Close what the login may close, in a transaction of its own; returns in words what stays open."""
    found = _open(connection)
    if not any(found.values()):
        return ()
    connection.exec_driver_sql(statement(_FILE), execution_options={"no_parameters": True})
    connection.commit()
    left = _open(connection)
    return tuple(words for name, words in OPEN.items() if left.get(name))


def _open(connection: sa.Connection) -> dict[str, bool]:
    """What is open, by name; nothing where the roles do not exist yet."""
    row = connection.exec_driver_sql(statement("postgres/guards_open"), {}).mappings().first()
    connection.rollback()
    return {name: bool(value) for name, value in (row or {}).items()}
