"""Dagster's event log, in which a run plans a check of a whole table once. `dagster.yaml` names it.

Dagster 1.13 gives the partitions of a run to each of its checks, although no check of ours has partitions
(`DagsterRun.get_resolved_partitions_subset_for_events` looks at the check's own only where the run has none). It stores
one planned row for each of them, with the whole event in it: for 1,260 sessions and ten checks 12,600 rows of 3.3 kB,
which no evaluation ever meets, since an evaluation without a partition looks for a row without one.

A planned check stands in the table of check executions alone: Dagster writes the same event into the log as well, and
never reads it there. Runs of the command line leave out more (`is_noise`).
"""

from collections.abc import Sequence
from functools import cached_property
from math import inf
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy.dialects.postgresql import ARRAY

from tickstock_dagster.instance_storage import KeptConnections

APART = 0.001
"""Seconds between two events of a batch."""

_PLANNED_CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
_PLANNED_ASSET = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_OF_ONE_PROCESS = {
    dg.DagsterEventType.ENGINE_EVENT,
    dg.DagsterEventType.RESOURCE_INIT_STARTED,
    dg.DagsterEventType.RESOURCE_INIT_SUCCESS,
    dg.DagsterEventType.LOGS_CAPTURED,
}


def planned_once(event: dg.EventLogEntry) -> dg.EventLogEntry:
    """The event, without the run's partitions where it plans a check."""
    planned = event.dagster_event and event.dagster_event.event_specific_data
    if not isinstance(planned, AssetCheckEvaluationPlanned) or planned.partitions_subset is None:
        return event
    once = AssetCheckEvaluationPlanned(asset_key=planned.asset_key, check_name=planned.check_name)
    return event._replace(dagster_event=event.get_dagster_event()._replace(event_specific_data=once))


def in_turn(events: Sequence[dg.EventLogEntry]) -> list[dg.EventLogEntry]:
    """The events, each at least a millisecond after the one before; the last keeps its time.

    Dagster's pages take events of an asset that bear the same millisecond for one: of a range that a run materialises
    in a batch, most sessions would be shown nowhere.
    """
    spaced: list[dg.EventLogEntry] = []
    latest = inf
    for event in reversed(events):
        latest = min(event.timestamp, latest - APART)
        spaced.append(event._replace(timestamp=latest))
    return spaced[::-1]


class ChecksPlannedOnce(EventLogStorage):
    """Of an event log: checks that a run plans have no partition.

    Attributes:
        of_one_process: the runs are executed by this process, which leaves out what `is_noise`.
    """

    of_one_process = False

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event of a run."""
        if not self.is_noise(event):
            super().store_event(planned_once(event))  # type: ignore[safe-super]

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of a run; those of a batch a millisecond apart."""
        stored = [planned_once(event) for event in events if not self.is_noise(event)]
        super().store_event_batch(in_turn(stored))

    def is_noise(self, event: dg.EventLogEntry) -> bool:
        """Whether an event of a run in this process says nothing that its other events do not say.

        That the process begins and ends its steps, that it makes their resources (not that it fails to), that their
        output is captured (it goes to the terminal), and that a check has an outcome, which its evaluation shows. What
        an asset's step yields stays: a run again from the failed step on asks for it.
        """
        if not self.of_one_process or event.dagster_event is None:
            return False
        kind, step = event.dagster_event_type, event.dagster_event.step_key
        if kind in (_PLANNED_ASSET, _PLANNED_CHECK):  # before the steps begin
            self._only_checks[step] = kind is _PLANNED_CHECK and self._only_checks.get(step, True)
        if kind is dg.DagsterEventType.STEP_OUTPUT:
            return self._only_checks.get(step, False)
        return kind in _OF_ONE_PROCESS and not getattr(event.dagster_event.event_specific_data, "error", None)

    @cached_property
    def _only_checks(self) -> dict[str | None, bool]:
        """Whether a step evaluates checks and materialises nothing, by its key."""
        return {}


class TickstockEventLogStorage(KeptConnections, ChecksPlannedOnce, PostgresEventLogStorage):
    """Dagster's event log in PostgreSQL, with checks planned once.

    Dagster asks the database with every event of an asset whether its tables have what earlier releases lacked.
    """

    main_tables = ("event_logs",)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event of a run; of a planned check the row that its evaluation will fill."""
        if event.dagster_event_type is _PLANNED_CHECK:
            self.store_asset_check_event(planned_once(event), None)
        else:
            super().store_event(event)

    def prepare_insert_event_batch(self, events: Sequence[dg.EventLogEntry]) -> Any:
        """The statement that inserts events, with an array for each column.

        Dagster's has a parameter for every value, seven for an event: to build the text of 1,259 of them takes as long
        as to insert them.
        """
        rows = [self._event_to_row(event) for event in events]
        columns = [column for column in SqlEventLogStorageTable.c if column.name in rows[0]]
        arrays = [
            sa.func.unnest(sa.bindparam(None, [row[column.name] for row in rows], ARRAY(column.type)))
            for column in columns
        ]
        return SqlEventLogStorageTable.insert().from_select(columns, sa.select(*arrays))

    def has_table(self, table_name: str) -> bool:
        """Whether the event log has a table."""
        return self.books.has_tables(table_name)

    def has_secondary_index(self, name: str) -> bool:
        """Whether a migration of data was made."""
        look = super().has_secondary_index
        return self.books.has(f"migration {name}", lambda: look(name))

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the table of assets has a column."""
        look = super().has_asset_key_col
        return self.books.has(f"asset_keys.{column_name}", lambda: look(column_name))

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        look = super()._has_asset_key_col_on_connection
        return self.books.has(f"asset_keys.{column_name}", lambda: look(conn, column_name))
