"""Splits and dividends by ex-date."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.actions.file_actions import load_file_actions
from tickstock_dagster.adapters.actions.loader import ActionsReport, load_corporate_actions
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import TransientVendorError
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import SourceRun, failures
from tickstock_dagster.defs.tags import ACTION_COLUMNS, OWNERS, VENDOR_POOL


@dg.asset(
    key_prefix="us",
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    group_name="bars",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "corporate_actions", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata={"dagster/column_schema": ACTION_COLUMNS, "dagster/table_name": "public.corporate_actions"},
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS),
    code_version="1",
)
def corporate_actions(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization | dg.AssetObservation]:
    """Splits and cash dividends whose ex-date is one of the chosen sessions; in versions: what we knew, and when.

    The vendor's ticker lists say which security each belongs to; missing lists are fetched. With a source that has no
    corporate actions (a file of bars) the sessions stay missing.
    """
    run = SourceRun.open_source(context, warehouse, vendor, clock)
    days = [date.fromisoformat(key) for key in context.partition_keys]
    closed = run.closed_sessions(context.partition_keys)
    if isinstance(run.source, FileSource) and run.source.capabilities.corporate_actions:
        with failures():
            given = load_file_actions(run.context_with(run.source))
        # They are those of the file's tickers, not the market's: the sessions stay missing.
        yield dg.AssetObservation(context.asset_key, metadata={"source": run.source.name, **_counts(given)})
        return
    if not run.source.capabilities.corporate_actions:
        context.log.warning("%s has no corporate actions: these sessions stay missing", run.source.name)
        yield dg.AssetObservation(context.asset_key, metadata={"source": run.source.name, "asked": False})
        return
    with failures(retried=TransientVendorError):
        load = run.load_context
        ListingSync(load).reach(min(days), run.calendar.latest_closed_session(clock.now()))
        report = load_corporate_actions(load, min(days), max(days))
    metadata = _counts(report)
    settled = [day for day in days if day in closed or run.is_cancelled(day)]
    if len(settled) == len(days):
        yield dg.MaterializeResult(metadata=metadata)
        return
    for day in settled:  # the others have not closed yet
        yield dg.AssetMaterialization(context.asset_key, partition=str(day))
    yield dg.AssetObservation(context.asset_key, metadata=metadata)


def _counts(report: ActionsReport) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "versions_begun": report.inserted,
        "versions_ended": report.ended,
        "known_before": report.known,
        "unresolved": report.unresolved,
        "refused": len(report.refused),
        "vendor_calls": report.calls,
        "asked": report.asked,
    }
    if report.refused:
        metadata["refused_rows"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.refused[:10]))
    return metadata
