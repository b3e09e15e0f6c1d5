"""What a run tells Dagster about each of its partitions: materialised with numbers of its own, or failed.

A result of an asset has the same metadata for every partition of a run, and always speaks for all of them. So bar
assets write the events themselves, as one batch: for the partitions that are settled and were not before, or of which
this run stored or explained something new. A run that finds everything stored writes none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventBatchMetadata,
    generate_event_batch_id,
)

from tickstock_dagster.defs.tags import PARTITION_TAG, RANGE_END, RANGE_START

MOST_FAILED = 500
"""Failed partitions of one run that are marked; the others stay missing. Each needs an event that cannot be batched."""


def materialise(context: dg.AssetExecutionContext, partitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Materialise partitions of the asset, each with its own metadata, in one batch.

    Args:
        context: of the run.
        partitions: metadata by partition key.
    """
    _batch(
        context,
        [
            dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
            for key, metadata in partitions.items()
        ],
    )


def mark_failed(context: dg.AssetExecutionContext, partitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Mark partitions as failed by this run, each with an observation of its numbers; the run has to fail afterwards.

    Dagster shows a partition as failed when a failed run planned it, and links the run. A run over a range plans its
    partitions together, in one event that says nothing about a single one.

    Args:
        context: of the run.
        partitions: metadata by partition key; at most `MOST_FAILED` of them are marked, the last of them.
    """
    marked = dict(list(partitions.items())[-MOST_FAILED:])
    step = context.get_step_execution_context().step.key
    for key in marked:
        _plan(context.instance, context.run, step, context.asset_key, key)
    _batch(
        context,
        [dg.AssetObservation(context.asset_key, partition=key, metadata=metadata) for key, metadata in marked.items()],
    )


def mark_died(
    instance: dg.DagsterInstance, run: dg.DagsterRun, asset_key: dg.AssetKey, partitions: dg.PartitionsDefinition
) -> None:
    """Mark the partitions of a failed run that ended before it could report: killed, or without rights or store.

    Partitions that are materialised keep that: nothing says that what they have is gone.

    Args:
        instance: of the run.
        run: failed.
        asset_key: the asset that it was for.
        partitions: of the asset.
    """
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION).records
    told = any(record.event_log_entry.get_dagster_event().asset_key == asset_key for record in records)
    alone = run.tags.get(PARTITION_TAG)
    first, last = run.tags.get(RANGE_START, alone), run.tags.get(RANGE_END, alone)
    if told or not (first and last):
        return
    keys = list(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)))
    materialised = _materialised(instance, asset_key)
    for key in [key for key in keys if key not in materialised][:MOST_FAILED]:
        _plan(instance, run, asset_key.to_python_identifier(), asset_key, key)


def without_events() -> dg.MaterializeResult[None]:
    """The result of an asset that has told Dagster about its partitions itself: what is downstream may begin.

    Dagster's own observable assets mark the outputs with this key, and write their events in their bodies as well.
    """
    return dg.MaterializeResult(metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def never_materialised(context: dg.AssetExecutionContext, keys: Sequence[str]) -> set[str]:
    """Which of some partitions Dagster does not have as materialised."""
    return set(keys) - _materialised(context.instance, context.asset_key)


def _materialised(instance: dg.DagsterInstance, asset_key: dg.AssetKey) -> set[str]:
    return {str(key) for key in instance.get_materialized_partitions(asset_key)}


def _plan(instance: dg.DagsterInstance, run: dg.DagsterRun, step: str, asset_key: dg.AssetKey, key: str) -> None:
    """Record that a run meant to materialise one partition: what Dagster links a failed one's run by."""
    planned = AssetMaterializationPlannedData(asset_key, partition=key, partitions_subset=None)
    event = DagsterEvent.build_asset_materialization_planned_event(run.job_name, step, planned)
    instance.report_dagster_event(event, run.run_id)


def _batch(context: dg.AssetExecutionContext, events: Sequence[dg.AssetMaterialization | dg.AssetObservation]) -> None:
    step, batch = context.get_step_execution_context(), generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, event in enumerate(events, start=1):
        place = DagsterEventBatchMetadata(batch, number == len(events))
        if isinstance(event, dg.AssetMaterialization):
            DagsterEvent.asset_materialization(step, event, place)
        else:
            DagsterEvent.asset_observation(step, event, place)
