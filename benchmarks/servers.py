"""PostgreSQL and Valkey of a benchmark's own, with default durability, and new databases on them."""

import itertools
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services.local import LocalServices, ServiceAddresses

_numbers = itertools.count(1)


class Servers:
    """Running servers; `template` is a migrated database, the source of the copies for each measurement."""

    def __init__(self, addresses: ServiceAddresses, folder: Path, postmaster: psutil.Process) -> None:
        self.addresses = addresses
        self.folder = folder
        self.postmaster = postmaster
        self.template = addresses.database_url.rpartition("/")[2]
        migrate(addresses.database_url)

    def url(self, database: str) -> str:
        """`postgresql://…` of a database by its name."""
        return f"{self.addresses.database_url.rpartition('/')[0]}/{database}"

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement that no transaction may contain, outside the warehouse and its copies."""
        with psycopg.connect(self.addresses.dagster_storage_url, autocommit=True) as connection:
            connection.execute(statement, values)

    def close_sessions(self, database: str) -> None:
        """End all connections to a database: PostgreSQL copies and drops only a database without any."""
        open_engine(self.url(database)).dispose()
        open_engine(self.url(database), None).dispose()
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            database,
        )

    def check_count(self, url: str, table: str, rows: int) -> None:
        """Fail if a table does not have as many rows as the benchmark has measured."""
        with psycopg.connect(url) as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found == (rows,), f"{table} has {found} rows instead of {rows}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """A copy of the template; dropping it writes a checkpoint, so that the next one starts with a clean log."""
        name = f"bench_{next(_numbers)}"
        self.close_sessions(self.template)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            yield self.url(name)
        finally:
            self.close_sessions(name)
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Servers in a temporary folder, deleted at the end; autovacuum is off, so that it disturbs no measurement."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what follows is undone
    with tempfile.TemporaryDirectory(prefix="tickstock-bench-") as folder:
        services = LocalServices(Path(folder) / "state", postgres_options={"autovacuum": "off"})
        try:
            addresses = services.up(simulator=False)
            yield Servers(addresses, Path(folder), psutil.Process(services.postgres.pid))
        finally:
            services.down()
