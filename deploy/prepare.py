"""Creates the databases and logins of the containers, and migrates both schemas. The service `migrate` runs it.

It is idempotent; a password that changed in the environment is changed in the database. The URLs of the other services
name the logins, their passwords and the databases. The warehouse belongs to `tickstock_owner`, which can log in only
while this runs: nothing that runs later can alter the schema.
"""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tickstock_dagster.adapters.calendars.store import copy_calendars
from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import APP_ROLE, WRITER_ROLE, open_engine
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.seeding import seed_missing
from tickstock_dagster.adapters.universes.store import track_profile
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import ConfigurationError, TickstockError
from tickstock_dagster.core.universes.profiles import profile_named
from tickstock_dagster.settings import load_settings

OWNER = "tickstock_owner"
_LOCK = 0x7072657061726521  # one preparation at a time per server


@dataclass(frozen=True)
class Login:
    """A login and its database, from a URL."""

    name: str
    password: str
    database: str

    @classmethod
    def of(cls, variable: str) -> Self:
        """Read the URL in a variable of the environment.

        Raises:
            ConfigurationError: the password has characters that a URL would have to escape; does not repeat the value.
        """
        url = os.environ[variable]
        match = re.fullmatch(r"postgresql://(\w+):([\w.~-]+)@[\w.-]+(?::\d+)?/(\w+)", url, re.ASCII)
        if match is None:
            raise ConfigurationError(f"the password in {variable} is not accepted: letters, digits and - . _ ~")
        return cls(*match.groups())


def prepare(admin_url: str, warehouse: Login, storage: Login) -> None:
    """Create databases, roles and logins, migrate the warehouse, and fill it with what a release brings along.

    That is the calendars, the universes of the release, and the default profile, which is tracked if nothing is yet.

    Args:
        admin_url: `postgresql://…` of a superuser, or of a login that may create roles and databases.
        warehouse: the factory's login and the warehouse.
        storage: the login that owns Dagster's storage, and that storage.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        for role in (WRITER_ROLE, APP_ROLE):
            _role(admin, role, "NOLOGIN")
        _login(admin, warehouse.name, warehouse.password)
        _login(admin, storage.name, storage.password)
        _run(admin, "GRANT {} TO {}", WRITER_ROLE, warehouse.name)
        with _owner_at_work(admin) as password:
            _database(admin, warehouse.database, OWNER)
            _run(admin, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", warehouse.database, WRITER_ROLE)
            _run(admin, "GRANT CONNECT ON DATABASE {} TO {}", warehouse.database, APP_ROLE)
            _database(admin, storage.database, storage.name)
            _timescaledb(_url(admin_url, None, warehouse.database))
            report = migrate(_url(admin_url, (OWNER, password), warehouse.database))
        # The owner cannot take the server's own functions from everybody; the administrator may be able to.
        with psycopg.connect(_url(admin_url, None, warehouse.database), autocommit=True) as inside:
            inside.execute(statement("postgres/guards_close"))
    print(f"schema {report.version}: applied {', '.join((*report.applied, *report.recreated)) or 'nothing'}")
    _fill(_url(admin_url, (warehouse.name, warehouse.password), warehouse.database))


def _fill(database_url: str) -> None:
    now, engine = datetime.now(UTC), open_engine(database_url)
    copy_calendars(engine, date(2000, 1, 1), date(now.year + 2, 12, 31))
    if made := seed_missing(engine, run_id="cli", now=now):
        print(f"created {len(made)} universes of the release")
    if not tracked_tickers(engine):
        profile = profile_named(load_settings().profile)
        session = library_calendar(MARKET).latest_closed_session(now)
        track_profile(engine, profile, track_from=session, now=now)
        print(f"tracking the profile {profile.name} from {session} on: {len(profile.tickers)} symbols")


@contextmanager
def _owner_at_work(admin: psycopg.Connection[Any]) -> Iterator[str]:
    """Let the owner log in with a temporary password; yields it."""
    password = secrets.token_hex(24)
    _role(admin, OWNER, "NOLOGIN")
    for role in (WRITER_ROLE, APP_ROLE):
        _run(admin, "GRANT {} TO {}", role, OWNER)
    _login(admin, OWNER, password)
    try:
        yield password
    finally:
        _run(admin, "ALTER ROLE {} NOLOGIN PASSWORD NULL", OWNER)


def _login(admin: psycopg.Connection[Any], name: str, password: str) -> None:
    """Create a login without rights of its own. The server, and so its log, sees only the hash of the password."""
    _role(admin, name, "LOGIN")
    hashed = admin.pgconn.encrypt_password(password.encode(), name.encode()).decode()
    admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(hashed)))


def _role(admin: psycopg.Connection[Any], name: str, login: str) -> None:
    if admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
        _run(admin, f"CREATE ROLE {{}} {login}", name)
        _run(admin, "GRANT {} TO CURRENT_USER", name)  # an administrator without superuser rights needs it


def _database(admin: psycopg.Connection[Any], name: str, owner: str) -> None:
    """Create a database to which only its owner, and roles with a grant, may connect."""
    if admin.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        _run(admin, "CREATE DATABASE {} OWNER {} TEMPLATE template0", name, owner)
    _run(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)


def _timescaledb(database_url: str) -> None:
    """Create the extension, where the server has it: that takes more rights than the owner has."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        if admin.execute("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone():
            admin.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")


def _run(admin: psycopg.Connection[Any], statement: str, *names: str) -> None:
    admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _url(admin_url: str, login: tuple[str, str] | None, database: str) -> str:
    """The same server with another login (None: the same) and database."""
    parts = urlsplit(admin_url)
    before, _, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"{':'.join(login) if login else before}@{host}", f"/{database}", "", ""))


def main() -> None:
    """Prepare the servers that the environment names; on failure one clear line and exit code 1."""
    try:
        prepare(
            os.environ["TICKSTOCK_ADMIN_URL"],
            Login.of("TICKSTOCK_DATABASE_URL"),
            Login.of("TICKSTOCK_DAGSTER_STORAGE_URL"),
        )
    except (TickstockError, psycopg.OperationalError) as error:
        sys.exit(f"prepare: {str(error).strip()}")
    # Creates Dagster's tables if they do not exist, before several of its processes try at once.
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "instance", "migrate"]
    sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603  # our own environment's


if __name__ == "__main__":
    main()
