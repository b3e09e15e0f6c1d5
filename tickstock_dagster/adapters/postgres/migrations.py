"""Bring the warehouse's schema up to date by plain-SQL files: numbered ones, applied by Alembic, then repeatable ones.

Alembic keeps the order, the transaction per migration and the version table. This module gives it numbered `.sql` files
as revisions, takes a lock so that two processes cannot migrate at once, and keeps a checksum per file, which shows
when an applied migration was edited later.

Repeatable files follow the numbered ones: the first whose checksum differs is applied again, and so is every file after
it, since it may use what the earlier one creates; all in one transaction. Each numbered migration deletes the checksums
of the repeatable ones: it may have dropped what they created, so all of them are applied after it.

Longer than 250 lines because the bookkeeping is read, checked and written in one place, under one lock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import APP_ROLE, WRITER_ROLE, connected, open_engine
from tickstock_dagster.adapters.postgres.guards import guard
from tickstock_dagster.adapters.postgres.migration_files import (
    Migration,
    SchemaError,
    read_migrations,
    read_repeatable,
)
from tickstock_dagster.adapters.postgres.refusals import refusal_of, sqlstate
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.timeouts import PATIENCE
from tickstock_dagster.adapters.postgres.turns import Lock

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

_OLDEST_SERVER = 160000  # pg_has_role(…, 'SET') and UNIQUE NULLS NOT DISTINCT
_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version text PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL);
COMMENT ON TABLE schema_migrations IS 'Applied migrations and the checksum of each file at that time.';
COMMENT ON COLUMN schema_migrations.version IS 'Number of the migration; with an R where it is repeatable.';
COMMENT ON COLUMN schema_migrations.name IS 'Name of its file.';
COMMENT ON COLUMN schema_migrations.checksum IS 'SHA-256 of its file.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied; a repeatable one, when last.';
CREATE TABLE IF NOT EXISTS schema_version (
    version_num varchar(32) NOT NULL CONSTRAINT schema_version_pkc PRIMARY KEY);
COMMENT ON TABLE schema_version IS 'The newest applied migration, kept by the migration library.';
COMMENT ON COLUMN schema_version.version_num IS 'Its number.';
"""


_READABLE = f"GRANT SELECT ON schema_migrations, schema_version TO {WRITER_ROLE}, {APP_ROLE}"
"""The bookkeeping tables are older than the roles: the first migration's default privileges do not cover them."""


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What `migrate` did.

    Attributes:
        applied: names of the numbered migrations applied now, in order.
        version: number of the newest one.
        recreated: names of the repeatable migrations whose views and functions were created now, in order.
        open: in words, what the reading application may still do because closing it takes a superuser.
    """

    applied: tuple[str, ...]
    version: str
    recreated: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


def migrate(database_url: str, folder: Path | None = None, repeatable_folder: Path | None = None) -> MigrationReport:
    """Apply missing migrations, each in one transaction. Again, or from two processes at once, equals once.

    Args:
        database_url: `postgresql://…` of a login that may create tables and roles.
        folder: numbered migrations to apply instead of the shipped ones (for tests).
        repeatable_folder: repeatable ones to apply instead of the shipped ones (for tests).

    Raises:
        SchemaError: the database is newer than this release, an applied migration was edited, the server is too old,
            or a migration failed, and was rolled back.
        ServiceUnavailableError: the database cannot be reached.
    """
    migrations, repeatable = read_migrations(folder), read_repeatable(repeatable_folder)
    applied: list[str] = []
    with connected(open_engine(database_url, role=None)) as connection, _locked(connection):
        _refuse_old_server(connection)
        if _is_current(connection, (*migrations, *repeatable)):  # the login may lack the owner's rights for the rest
            return MigrationReport((), migrations[-1].version, open=guard(connection))
        try:
            _run(connection, _BOOKKEEPING)
        except sa.exc.ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise SchemaError(
                f"the schema is not this release's ({migrations[-1].version}) and the login "
                f"{connection.engine.url.username} may not change it: run `tickstock migrate` as the database's owner"
            ) from None
        connection.commit()
        _refuse_unknown_or_edited(connection, migrations, repeatable)
        connection.rollback()
        from alembic.runtime.migration import MigrationContext  # half a second that a current schema does not cost

        context = MigrationContext.configure(
            connection,
            opts={
                "fn": lambda heads, _context: _pending(connection, migrations, heads, applied),
                "version_table": "schema_version",
                "transaction_per_migration": True,
            },
        )
        context.run_migrations()
        recreated = _recreate(connection, repeatable)
        if applied and connection.scalar(sa.text(f"SELECT to_regrole('{APP_ROLE}')")):
            _run(connection, _READABLE)
        connection.commit()
        left = guard(connection)
    return MigrationReport(tuple(applied), migrations[-1].version, recreated, left)


def require_current_schema(database_url: str) -> None:
    """Refuse to work on a schema that is not this release's.

    Raises:
        SchemaError: the database has no schema, an older or a newer one, or views and functions of another release;
            says which and what to do.
        ServiceUnavailableError: the database cannot be reached.
    """
    newest, repeatable = read_migrations()[-1].version, read_repeatable()
    with connected(open_engine(database_url, role=None)) as connection:
        if connection.scalar(sa.text("SELECT to_regclass('public.schema_version')")) is None:
            raise SchemaError("the database has no schema yet: run `tickstock migrate`")
        found = connection.scalar(sa.text("SELECT max(version_num) FROM schema_version"))
        created = _checksums(connection, repeatable=True)
    if found is None or found < newest:
        raise SchemaError(f"the database's schema is {found}, this release needs {newest}: run `tickstock migrate`")
    if found > newest:
        raise SchemaError(
            f"the database's schema {found} is newer than this release knows ({newest}): install the newer release"
        )
    if unknown := sorted(created.keys() - {one.version for one in repeatable}):
        raise SchemaError(
            f"the database has repeatable migrations that this release does not know ({', '.join(unknown)}): install "
            "the newer release"
        )
    if other := [one.name for one in repeatable if created.get(one.version) != one.checksum]:
        raise SchemaError(
            f"the database's views and functions are not this release's ({', '.join(other)}): run `tickstock migrate`"
        )


@contextmanager
def _locked(connection: sa.Connection) -> Iterator[None]:
    """Hold the migration lock on this connection; a lost connection releases it."""
    key = {"key": Lock.MIGRATIONS.value, "name": None}
    connection.exec_driver_sql(statement("postgres/wait_for_locks"), {"seconds": PATIENCE})
    connection.exec_driver_sql(statement("postgres/lock_hold"), key)
    connection.exec_driver_sql(statement("postgres/wait_as_before"))
    connection.commit()
    try:
        yield
    finally:
        if not connection.connection.driver_connection.closed:  # type: ignore[union-attr]  # else it is free
            connection.rollback()
            connection.exec_driver_sql(statement("postgres/lock_release"), key)
            connection.commit()


def _is_current(connection: sa.Connection, migrations: tuple[Migration, ...]) -> bool:
    """Whether exactly these migrations are applied."""
    if connection.scalar(sa.text("SELECT to_regclass('public.schema_migrations')")) is None:
        return False
    return _checksums(connection) == {migration.version: migration.checksum for migration in migrations}


def _checksums(connection: sa.Connection, *, repeatable: bool = False) -> dict[str, str]:
    """Checksum by version of everything that is applied, or of the repeatable migrations alone."""
    query = "SELECT version, checksum FROM schema_migrations WHERE version LIKE :pattern"
    rows = connection.execute(sa.text(query), {"pattern": "R%" if repeatable else "%"})
    return {row.version: row.checksum for row in rows}


def _run(connection: sa.Connection, sql: str) -> None:
    """Run a whole file: without parameters PostgreSQL accepts many statements at once."""
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def _apply(connection: sa.Connection, migration: Migration) -> None:
    """Run a file and record its checksum, in the caller's transaction."""
    try:
        _run(connection, migration.sql)
    except sa.exc.DBAPIError as error:
        if refusal_of(error) and sqlstate(error) != "42501":
            raise  # the server is to blame, or who holds a lock: `connected` says how
        why = str(error.orig).strip().splitlines()[0]
        raise SchemaError(f"migration {migration.name} failed: {why}") from error
    connection.execute(
        sa.text(
            "INSERT INTO schema_migrations VALUES (:version, :name, :checksum, now()) ON CONFLICT (version) DO UPDATE "
            "SET name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at"
        ),
        {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
    )


def _recreate(connection: sa.Connection, repeatable: tuple[Migration, ...]) -> tuple[str, ...]:
    """Apply the first repeatable migration that changed and everything after it, in the caller's transaction."""
    created = _checksums(connection, repeatable=True)
    changed = [place for place, one in enumerate(repeatable) if created.get(one.version) != one.checksum]
    due = repeatable[changed[0] :] if changed else ()
    for migration in due:
        _apply(connection, migration)
    return tuple(migration.name for migration in due)


def _refuse_old_server(connection: sa.Connection) -> None:
    version, number = connection.execute(
        sa.text("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    ).one()
    connection.rollback()
    if number < _OLDEST_SERVER:
        raise SchemaError(f"PostgreSQL {version} is too old: {_OLDEST_SERVER // 10_000} or newer is needed")


def _refuse_unknown_or_edited(
    connection: sa.Connection, migrations: tuple[Migration, ...], repeatable: tuple[Migration, ...]
) -> None:
    known = {migration.version: migration for migration in (*migrations, *repeatable)}
    recorded = connection.execute(
        sa.text("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
    ).fetchall()
    pending = {migration.version for migration in migrations} - {version for version, *_ in recorded}
    for version, name, checksum in recorded:
        if version not in known and version.startswith("R"):
            if (
                pending
            ):  # they forget the checksums of repeatable migrations, and one of them drops what this one created
                continue
            raise SchemaError(
                f"the database has migration {name}, which this release does not know (a repeatable one): install the "
                "newer release, or withdraw it by a numbered migration that drops what it created"
            )
        if version not in known:
            raise SchemaError(
                f"the database has migration {name}, which this release does not know (its newest is "
                f"{migrations[-1].version}): install the newer release"
            )
        if known[version].checksum != checksum and known[version] not in repeatable:
            raise SchemaError(f"migration {name} was edited after it was applied: add a new migration instead")


def _pending(
    connection: sa.Connection, migrations: tuple[Migration, ...], heads: Any, applied: list[str]
) -> "list[MigrationStep]":
    """The steps after the database's version, as Alembic runs them: each file, then its checksum, one transaction."""
    from alembic.runtime.migration import MigrationStep
    from alembic.script import Script
    from alembic.script.revision import RevisionMap

    def upgrade(migration: Migration) -> Callable[..., None]:
        def run(**_: Any) -> None:
            _apply(connection, migration)
            connection.execute(sa.text("DELETE FROM schema_migrations WHERE version LIKE 'R%'"))
            applied.append(migration.name)

        return run

    scripts = []
    for previous, migration in zip((None, *migrations), migrations, strict=False):
        module: Any = ModuleType(migration.name)
        module.down_revision = previous.version if previous else None
        module.upgrade = upgrade(migration)
        scripts.append(Script(module, migration.version, f"{migration.name}.sql"))
    revision_map = RevisionMap(lambda: scripts)
    assert len(revision_map.heads) <= 1  # noqa: S101  # asking for the heads links the scripts to one another
    current = max(heads, default="")
    return [MigrationStep.upgrade_from_script(revision_map, script) for script in scripts if script.revision > current]
