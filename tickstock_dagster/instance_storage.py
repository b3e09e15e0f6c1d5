"""Dagster's storages in PostgreSQL on connections that are kept. `dagster.yaml` names the classes.

Dagster's own open a connection for each question, which takes longer than the answer, and ask with many of them whether
the database has what earlier releases of Dagster lacked: some eighty connections from a sensor's tick to the start of
its run, and as many again in the run. Here all storages of a process share a pool for each database, and what it was
seen to have is not asked for again. The webserver has pools of its own, with a limit to its statements
(`optimize_for_webserver`).
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from dagster._serdes import ConfigurableClassData
from dagster_postgres import PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    retry_pg_connection_fn,
)

if TYPE_CHECKING:
    from dagster_postgres.auth import PgTokenProvider

KEPT = 4
"""Connections that stay open in a process. More are opened where more are needed at once, and closed afterwards."""

KEPT_SECONDS = 600
"""After this a connection is replaced when it is next used, and so are those that turn out to be dead."""


class Books:
    """What a process keeps for one database of Dagster's: a pool of connections, and what the database has."""

    def __init__(self, postgres_url: str, token_provider: "PgTokenProvider | None" = None) -> None:
        self.engine = create_pg_engine(
            postgres_url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT,
            max_overflow=-1,
            pool_pre_ping=True,
            pool_recycle=KEPT_SECONDS,
            pool_use_lifo=True,
        )
        self._there: set[str] = set()

    def has(self, part: str, look: Callable[[], bool]) -> bool:
        """Whether the database has a part. What is there stays; what is not may come with a migration: looked again."""
        if part not in self._there and look():
            self._there.add(part)
        return part in self._there

    def has_tables(self, *names: str) -> bool:
        """Whether the database has some tables."""
        if not self._there.issuperset(names):
            self._there.update(retry_pg_connection_fn(lambda: sa.inspect(self.engine).get_table_names()))
        return self._there.issuperset(names)


_books: dict[str, Books] = {}


def books_of(postgres_url: str, token_provider: "PgTokenProvider | None" = None) -> Books:
    """This process's books of a database."""
    if postgres_url not in _books:
        _books.setdefault(postgres_url, Books(postgres_url, token_provider))  # of two threads one is first
    return _books[postgres_url]


def _begin_anew() -> None:
    """In a forked process: leave the parent's connections to the parent, and open others."""
    for books in _books.values():
        books.engine.dispose(close=False)


os.register_at_fork(after_in_child=_begin_anew)


class KeptConnections:
    """Of a storage in PostgreSQL: it shares the books of its database, and makes its tables where there are none."""

    main_tables: tuple[str, ...]
    """Without these, Dagster makes or completes the storage's tables."""

    _engine: sa.Engine

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: "PgTokenProvider | None" = None,
    ) -> None:
        def open_storage(autocreate: bool) -> None:
            parent: Any = super(KeptConnections, self)
            parent.__init__(postgres_url, autocreate, inst_data, token_provider)
            self._engine = self.books.engine

        self.books = books_of(postgres_url, token_provider)
        open_storage(autocreate=False)
        if should_autocreate_tables and not self.books.has_tables(*self.main_tables):
            open_storage(autocreate=True)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """The storage of an instance; configuration as for Dagster's own."""
        autocreate = config_value.get("should_autocreate_tables", True)
        return cls(
            pg_url_from_config(config_value), autocreate, inst_data, get_token_provider_from_config(config_value)
        )


class TickstockRunStorage(KeptConnections, PostgresRunStorage):
    """Dagster's runs in PostgreSQL."""

    main_tables = ("runs", "instance_info")

    def has_run_stats_index_cols(self) -> bool:
        """Whether runs have columns for their times."""
        return self.books.has("runs.start_time", super().has_run_stats_index_cols)

    def has_backfill_id_column(self) -> bool:
        """Whether runs have a column for their backfill."""
        return self.books.has("runs.backfill_id", super().has_backfill_id_column)

    def has_built_index(self, migration_name: str) -> bool:
        """Whether a migration of data was made."""
        look = super().has_built_index
        return self.books.has(f"migration {migration_name}", lambda: look(migration_name))


class TickstockScheduleStorage(KeptConnections, PostgresScheduleStorage):
    """Dagster's schedules, sensors and ticks in PostgreSQL."""

    main_tables = ("jobs",)

    def _has_instigators_table(self, _connection: sa.Connection) -> bool:
        return self.books.has_tables("instigators")

    def has_instigators_table(self) -> bool:
        """Whether schedules and sensors have a table of their own."""
        return self.books.has_tables("instigators")

    def has_secondary_index_table(self) -> bool:
        """Whether Dagster's migrations of data are recorded."""
        return self.books.has_tables("secondary_indexes")

    def has_built_index(self, migration_name: str) -> bool:
        """Whether a migration of data was made."""
        look = super().has_built_index
        return self.books.has(f"migration {migration_name}", lambda: look(migration_name))
