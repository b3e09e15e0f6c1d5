"""Instances of Dagster for tests, with the event log of `dagster.yaml`; whoever imports this gets them cheaply.

Storages in PostgreSQL keep the connections of the newest databases alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import yaml
from dagster._core.instance import config as instance_config
from dagster._core.storage import event_log
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._serdes import config_class

from tickstock_dagster import instance_storage
from tickstock_dagster.event_log import ChecksPlannedOnce

LOCAL = Path(__file__).parent.parent / "dagster.yaml"

# Nobody migrates books in memory; to stamp them, Dagster reads its 89 migrations again for each instance, 60 ms.
for _storage in (events_in_memory, runs_in_memory):
    _storage.stamp_alembic_rev = lambda *_: None

# They are created with all columns; to see that these are there, Dagster reflects a table with every event of a run.
for _column in ("run_stats_index_cols", "backfill_id_column"):
    setattr(runs_in_memory.InMemoryRunStorage, f"has_{_column}", lambda _: True)

_load = instance_config.load_yaml_from_globs


@cache
def _parsed(path: str, _changed: int) -> Any:
    return _load(path)


def _load_once(*paths: str) -> Any:
    """What a `dagster.yaml` says, parsed once as long as it is as it was: parsing takes 8 ms of each instance."""
    if len(paths) != 1 or not Path(paths[0]).is_file():
        return _load(*paths)
    return deepcopy(_parsed(paths[0], Path(paths[0]).stat().st_mtime_ns))


instance_config.load_yaml_from_globs = _load_once

_parse = config_class.load_run_config_yaml
_parsed_text = cache(_parse)
config_class.load_run_config_yaml = lambda text: deepcopy(_parsed_text(text))
"""The same for the parts of it, which an instance keeps as texts."""

KEPT_BOOKS = 2
"""Tests have many databases, and a server has 200 connections: those of the former ones are closed."""

_books_of = instance_storage.books_of


def _few_books(postgres_url: str, token_provider: Any = None) -> instance_storage.Books:
    """The books of a database, which becomes the newest; the former ones are as new, also where somebody has them."""
    books, made = _books_of(postgres_url, token_provider), instance_storage._books
    made[postgres_url] = made.pop(postgres_url)
    for former in list(made.values())[:-KEPT_BOOKS]:
        former._there.clear()
        if not former.engine.pool.checkedout():  # type: ignore[attr-defined]  # one in use would stay open for good
            former.engine.dispose()
    return books


instance_storage.books_of = _few_books


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
