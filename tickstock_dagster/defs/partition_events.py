"""What a run tells Dagster about each of its partitions: materialised with numbers of its own, or failed.

A result of an asset has the same metadata for every partition of a run, and always speaks for all of them. So bar
assets write the events themselves, as one batch: for the partitions that are settled and were not before, or whose
content this run asked for. A run that finds everything stored writes none.
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
        partitions: metadata by partition key; at most `MOST_FAILED` of them are marked.
    """
    marked = dict(list(partitions.items())[:MOST_FAILED])
    step = context.get_step_execution_context().step.key
    for key in marked:
        planned = AssetMaterializationPlannedData(context.asset_key, partition=key, partitions_subset=None)
        event = DagsterEvent.build_asset_materialization_planned_event(context.job_name, step, planned)
        context.instance.report_dagster_event(event, context.run.run_id)
    _batch(
        context,
        [dg.AssetObservation(context.asset_key, partition=key, metadata=metadata) for key, metadata in marked.items()],
    )


def without_events() -> dg.MaterializeResult[None]:
    """The result of an asset that has told Dagster about its partitions itself: what is downstream may begin.

    Dagster's own observable assets mark the outputs with this key, and write their events in their bodies as well.
    """
    return dg.MaterializeResult(metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def never_materialised(context: dg.AssetExecutionContext, keys: Sequence[str]) -> set[str]:
    """Which of some partitions Dagster does not have as materialised."""
    return set(keys) - {str(key) for key in context.instance.get_materialized_partitions(context.asset_key)}


def _batch(context: dg.AssetExecutionContext, events: Sequence[dg.AssetMaterialization | dg.AssetObservation]) -> None:
    step, batch = context.get_step_execution_context(), generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, event in enumerate(events, start=1):
        place = DagsterEventBatchMetadata(batch, number == len(events))
        if isinstance(event, dg.AssetMaterialization):
            DagsterEvent.asset_materialization(step, event, place)
        else:
            DagsterEvent.asset_observation(step, event, place)
