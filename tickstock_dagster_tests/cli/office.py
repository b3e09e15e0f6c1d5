"""What the tests of the command line share: one object that runs commands and looks at what they left behind."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest
from psycopg import sql

from tickstock_dagster import cli
from tickstock_dagster.adapters.events.outbox import written_here
from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.settings import PROJECT_ROOT, load_settings
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.kept_connections import run

CALENDAR = library_calendar("XNYS")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""When the commands are run: the Monday before Thanksgiving, before the exchange opens, whatever day it is outside."""


def create_database(services: ServiceAddresses, name: str, *, template: str = "template1") -> str:
    """A new database on the tests' server; its URL."""
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        # A template may have no session; a connection that was just closed can still be ending.
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [template]
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return f"{services.database_url.rpartition('/')[0]}/{name}"


FORGET = """
DO $$
DECLARE forgotten text;
BEGIN
    FOR forgotten IN
        SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'
            AND tablename NOT IN ('alembic_version', 'instance_info', 'secondary_indexes')
        ORDER BY tablename = 'snapshots', tablename
    LOOP
        EXECUTE 'DELETE FROM ' || forgotten;
    END LOOP;
END
$$
"""
"""Every row of Dagster's own storage but what says how far it was migrated; runs name snapshots, which go last."""


@dataclass(frozen=True)
class Answer:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the JSON document that it is."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of a command that failed."""
        lines = [line for line in self.err.splitlines() if line.startswith("tickstock: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("tickstock: ")


@dataclass(frozen=True)
class Office:
    """Servers, a vendor and a person at the command line."""

    database_url: str
    storage_url: str
    redis_url: str
    vendor: RunningSimulator
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        # A day ahead of us the vendor has published everything that has closed.
        self.vendor.set_now(NOW + timedelta(days=1))
        self.configure(
            TICKSTOCK_NOW=NOW.isoformat(),
            TICKSTOCK_DATABASE_URL=self.database_url,
            TICKSTOCK_DAGSTER_STORAGE_URL=self.storage_url,
            TICKSTOCK_REDIS_URL=self.redis_url,
            MASSIVE_BASE_URL=self.vendor.url,
            MASSIVE_PLAN="advanced",
            MASSIVE_CALLS_PER_SECOND="100",
        )

    def configure(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)
        load_settings.cache_clear()

    def tickstock(self, *arguments: str) -> Answer:
        """Run `tickstock …` in this process, as its entry point does."""
        written_here.clear()  # it would be another process
        load_settings.cache_clear()
        self.monkeypatch.setattr(sys, "argv", ["tickstock", *arguments])
        self.capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = self.capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    def calls(self) -> int:
        """Vendor calls since the last question."""
        total = int(self.vendor.stats()["total"])
        self.vendor.reset_stats()
        return total

    def rows(self, query: str, *values: object) -> list[Any]:
        """Rows of the store; single columns as plain values."""
        rows = run(self.database_url, query, values)
        return [row[0] if len(row) == 1 else row for row in rows]

    def dagster_rows(self) -> int:
        """The rows of all tables of Dagster's own storage."""
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        with psycopg.connect(self.storage_url) as connection:
            names = [sql.Identifier(name) for (name,) in connection.execute(tables)]
            counts = [connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone() for name in names]
        return sum(count[0] for count in counts if count)

    def execute(self, query: str, *values: object) -> None:
        """Change the store behind our own code's back."""
        run(self.database_url, query, values)

    def untouched(self) -> bool:
        """Whether nothing was stored, tracked, planned or launched; the release's universes are there."""
        tracked = "cache_entries WHERE track OR type IN ('list', 'profile')"
        tables = ("ohlcv_daily", "bar_gaps", tracked, "work_units", "outbox", "quarantined_bars")
        counts = [self.rows(f"SELECT count(*) FROM {table}")[0] for table in tables]  # noqa: S608
        with self.instance() as instance:
            return not any(counts) and not instance.get_runs() and not instance.get_dynamic_partitions("tickers")

    def runs(self) -> list[dg.DagsterRun]:
        """All runs in Dagster's history, newest first."""
        with self.instance() as instance:
            return list(instance.get_runs())

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's books as the commands keep them."""
        with self.monkeypatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
            patch.setenv("TICKSTOCK_DAGSTER_DIR", f"{os.environ['TICKSTOCK_STATE_DIR']}/dagster")
            patch.setenv("TICKSTOCK_DAGSTER_STORAGE_URL", self.storage_url)
            with dg.DagsterInstance.get() as instance:
                yield instance
