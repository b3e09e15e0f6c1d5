"""Instances of Dagster for tests, with the event log of `dagster.yaml`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.storage.event_log import InMemoryEventLogStorage

from tickstock_dagster.event_log import ChecksPlannedOnce

LOCAL = Path(__file__).parent.parent / "dagster.yaml"


class _InMemory(ChecksPlannedOnce, InMemoryEventLogStorage):
    """Dagster's event log in memory, with checks planned once."""


@contextmanager
def ephemeral_instance() -> Iterator[dg.DagsterInstance]:
    """An instance that keeps its books in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        log = _InMemory()
        log.register_instance(instance)
        instance._event_storage = log
        yield instance


def dagster_storage(url: str) -> dict[str, Any]:
    """The storages of `dagster.yaml`, in a database: overrides for `instance_for_test`."""
    local = yaml.safe_load(LOCAL.read_text(encoding="utf-8"))
    names = ("run_storage", "event_log_storage", "schedule_storage")
    return {name: {**local[name], "config": {"postgres_url": url}} for name in names}
