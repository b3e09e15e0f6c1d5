"""Bring the warehouse's schema up to date: plain-SQL files of `sql/migrations`, applied by Alembic.

Alembic keeps the order, the transaction per migration and the version table; this module only gives it numbered
`.sql` files as revisions, takes a lock so that two processes cannot migrate at once, and keeps a checksum per file
so that an applied migration which was edited later is noticed.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import APP_ROLE, WRITER_ROLE, connected, open_engine
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.core.errors import TickstockError

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

_NAME = re.compile(r"^(\d{4})_(\w+)\.sql$")
_LOCK = 0x7469636B  # one migration at a time per database
_OLDEST_SERVER = 160000  # pg_has_role(…, 'SET') and UNIQUE NULLS NOT DISTINCT
_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version text PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL);
COMMENT ON TABLE schema_migrations IS 'Applied migrations and the checksum of each file at that time.';
COMMENT ON COLUMN schema_migrations.version IS 'Number of the migration.';
COMMENT ON COLUMN schema_migrations.name IS 'Name of its file.';
COMMENT ON COLUMN schema_migrations.checksum IS 'SHA-256 of its file.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied.';
CREATE TABLE IF NOT EXISTS schema_version (
    version_num varchar(32) NOT NULL CONSTRAINT schema_version_pkc PRIMARY KEY);
COMMENT ON TABLE schema_version IS 'The newest applied migration, kept by the migration library.';
COMMENT ON COLUMN schema_version.version_num IS 'Its number.';
"""


_READABLE = f"GRANT SELECT ON schema_migrations, schema_version TO {WRITER_ROLE}, {APP_ROLE}"
"""The bookkeeping is older than the roles, so that the default privileges of the first migration miss it."""


class SchemaError(TickstockError):
    """The database's schema and this release do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file."""

    version: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What `migrate` did: names applied now, in order, and the version that the database has."""

    applied: tuple[str, ...]
    version: str


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """All migrations in order.

    Raises:
        SchemaError: a file's name is not `NNNN_name.sql`, or the numbers are not 0001, 0002, …
    """
    folder = folder or sql_folder() / "migrations"
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.match(path.name)
        if match is None:
            raise SchemaError(f"migration {path.name!r} is not named NNNN_name.sql")
        migrations.append(Migration(match[1], path.stem, path.read_text(encoding="utf-8")))
    expected = [f"{number:04d}" for number in range(1, len(migrations) + 1)]
    if not migrations or [migration.version for migration in migrations] != expected:
        raise SchemaError(f"migrations in {folder} are not numbered 0001, 0002, … without gaps")
    return tuple(migrations)


def migrate(database_url: str, folder: Path | None = None) -> MigrationReport:
    """Apply what is missing, each migration in one transaction. Twice, or from two processes at once, equals once.

    Args:
        database_url: `postgresql://…` of a login that may create tables and roles.
        folder: migrations to apply instead of the shipped ones (for tests).

    Raises:
        SchemaError: the database is newer than this release, an applied migration was edited, the server is too old,
            or a migration failed, of which then nothing is left.
        ServiceUnavailableError: the database cannot be reached.
    """
    from alembic.runtime.migration import MigrationContext

    migrations = read_migrations(folder)
    applied: list[str] = []
    with connected(open_engine(database_url, role=None)) as connection, _locked(connection):
        _refuse_old_server(connection)
        if _is_current(connection, migrations):  # which a login without the owner's rights may ask, too
            return MigrationReport((), migrations[-1].version)
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
        _refuse_unknown_or_edited(connection, migrations)
        connection.rollback()
        context = MigrationContext.configure(
            connection,
            opts={
                "fn": lambda heads, _context: _pending(connection, migrations, heads, applied),
                "version_table": "schema_version",
                "transaction_per_migration": True,
            },
        )
        context.run_migrations()
        if applied and connection.scalar(sa.text(f"SELECT to_regrole('{APP_ROLE}')")):
            _run(connection, _READABLE)
        connection.commit()
    return MigrationReport(tuple(applied), migrations[-1].version)


def require_current_schema(database_url: str) -> None:
    """Refuse to work on a schema that is not this release's.

    Raises:
        SchemaError: the database has no schema, an older or a newer one; says which and what to do.
        ServiceUnavailableError: the database cannot be reached.
    """
    newest = read_migrations()[-1].version
    with connected(open_engine(database_url, role=None)) as connection:
        if connection.scalar(sa.text("SELECT to_regclass('public.schema_version')")) is None:
            raise SchemaError("the database has no schema yet: run `tickstock migrate`")
        found = connection.scalar(sa.text("SELECT max(version_num) FROM schema_version"))
    if found is None or found < newest:
        raise SchemaError(f"the database's schema is {found}, this release needs {newest}: run `tickstock migrate`")
    if found > newest:
        raise SchemaError(
            f"the database's schema {found} is newer than this release knows ({newest}): install the newer release"
        )


@contextmanager
def _locked(connection: sa.Connection) -> Iterator[None]:
    """Hold the migration lock on this connection; a lost connection releases it."""
    connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        connection.commit()


def _is_current(connection: sa.Connection, migrations: tuple[Migration, ...]) -> bool:
    """Whether exactly these migrations are applied."""
    if connection.scalar(sa.text("SELECT to_regclass('public.schema_migrations')")) is None:
        return False
    rows = connection.execute(sa.text("SELECT version, checksum FROM schema_migrations ORDER BY version"))
    return [tuple(row) for row in rows] == [(migration.version, migration.checksum) for migration in migrations]


def _run(connection: sa.Connection, sql: str) -> None:
    """Run a whole file: without parameters PostgreSQL takes many statements at once."""
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def _refuse_old_server(connection: sa.Connection) -> None:
    version, number = connection.execute(
        sa.text("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    ).one()
    connection.rollback()
    if number < _OLDEST_SERVER:
        raise SchemaError(f"PostgreSQL {version} is too old: {_OLDEST_SERVER // 10_000} or newer is needed")


def _refuse_unknown_or_edited(connection: sa.Connection, migrations: tuple[Migration, ...]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, name, checksum in connection.execute(
        sa.text("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
    ):
        if version not in known:
            raise SchemaError(
                f"the database has migration {name}, which this release does not know (its newest is "
                f"{migrations[-1].version}): install the newer release"
            )
        if known[version].checksum != checksum:
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
            try:
                _run(connection, migration.sql)
            except sa.exc.DBAPIError as error:
                why = str(error.orig).strip().splitlines()[0]
                raise SchemaError(f"migration {migration.name} failed: {why}") from error
            connection.execute(
                sa.text("INSERT INTO schema_migrations VALUES (:version, :name, :checksum, now())"),
                {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
            )
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
