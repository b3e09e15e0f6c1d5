"""Instances of Dagster for tests, with the event log of `dagster.yaml`; whoever imports this gets them cheaply.

Each of Dagster's storages in PostgreSQL opens a connection for every question, and an instance is three of them: thirty
connections for one test of a schedule. Here the storages of one database share a pool.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import sqlalchemy as sa
import yaml
from dagster._core.storage import event_log
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster_postgres.event_log import event_log as events_in_postgres
from dagster_postgres.run_storage import run_storage as runs_in_postgres
from dagster_postgres.schedule_storage import schedule_storage as schedules_in_postgres
from dagster_postgres.utils import create_pg_engine

from tickstock_dagster.event_log import ChecksPlannedOnce

LOCAL = Path(__file__).parent.parent / "dagster.yaml"

# Nobody migrates books in memory; to stamp them, Dagster reads its 89 migrations again for each instance, 60 ms.
for _storage in (events_in_memory, runs_in_memory):
    _storage.stamp_alembic_rev = lambda *_: None


# Nor does anybody migrate books in PostgreSQL, which are created with all columns; to see that these are there, Dagster
# reflects a table, half a dozen queries of the catalogue, with every event that belongs to a run.
for _column in ("run_stats_index_cols", "backfill_id_column"):
    setattr(SqlRunStorage, f"has_{_column}", lambda _: True)

_pools: dict[str, sa.Engine] = {}
KEPT_POOLS = 2
"""Tests have many databases, and a server has 200 connections: those of the former ones are closed."""


def _pool(url: str) -> sa.Engine:
    if url in _pools:
        _pools[url] = _pools.pop(url)  # the newest last
        return _pools[url]
    while len(_pools) >= KEPT_POOLS:
        _pools.pop(next(iter(_pools))).dispose()
    options = {"pool_size": 1, "max_overflow": 40, "pool_pre_ping": True}
    _pools[url] = create_pg_engine(url, isolation_level="AUTOCOMMIT", **options)
    return _pools[url]


def _engine(url: str, token_provider: Any = None, **options: Any) -> sa.Engine:
    """The shared one in place of one without a pool; those that ask for a pool of their own get it."""
    if token_provider is None and options.get("poolclass") is sa.pool.NullPool:
        return _pool(url)
    return create_pg_engine(url, token_provider, **options)


for _storage in (events_in_postgres, runs_in_postgres, schedules_in_postgres):
    _storage.create_pg_engine = _engine


class _InMemory(ChecksPlannedOnce, events_in_memory.InMemoryEventLogStorage):
    """Dagster's event log in memory, with checks planned once."""


@contextmanager
def ephemeral_instance() -> Iterator[dg.DagsterInstance]:
    """An instance that keeps its books in memory."""
    with (
        mock.patch.object(event_log, "InMemoryEventLogStorage", _InMemory),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        yield instance


def dagster_storage(url: str) -> dict[str, Any]:
    """The storages of `dagster.yaml`, in a database: overrides for `instance_for_test`."""
    local = yaml.safe_load(LOCAL.read_text(encoding="utf-8"))
    names = ("run_storage", "event_log_storage", "schedule_storage")
    return {name: {**local[name], "config": {"postgres_url": url}} for name in names}
