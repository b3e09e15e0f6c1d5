"""Dagster's event log, in which a run plans a check of a whole table once. `dagster.yaml` names it.

Dagster 1.13 gives the partitions of a run to each of its checks, although no check of ours has partitions
(`DagsterRun.get_resolved_partitions_subset_for_events` looks at the check's own only where the run has none). It stores
one planned row for each of them, with the whole event in it: for 1,260 sessions and ten checks 12,600 rows of 3.3 kB,
which no evaluation ever meets, since an evaluation without a partition looks for a row without one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config


def planned_once(event: dg.EventLogEntry) -> dg.EventLogEntry:
    """The event, without the run's partitions where it plans a check."""
    planned = event.dagster_event and event.dagster_event.event_specific_data
    if not isinstance(planned, AssetCheckEvaluationPlanned) or planned.partitions_subset is None:
        return event
    once = AssetCheckEvaluationPlanned(asset_key=planned.asset_key, check_name=planned.check_name)
    return event._replace(dagster_event=event.get_dagster_event()._replace(event_specific_data=once))


class ChecksPlannedOnce(EventLogStorage):
    """Of an event log: checks that a run plans have no partition."""

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event of a run."""
        super().store_event(planned_once(event))  # type: ignore[safe-super]

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of a run."""
        super().store_event_batch([planned_once(event) for event in events])


class TickstockEventLogStorage(ChecksPlannedOnce, PostgresEventLogStorage):
    """Dagster's event log in PostgreSQL, with checks planned once."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """The event log of an instance; configuration as for `PostgresEventLogStorage`."""
        autocreate = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), should_autocreate_tables=autocreate, inst_data=inst_data)
