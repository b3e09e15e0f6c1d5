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
from tickstock_dagster.defs.partition_events import materialise, never_materialised, without_events
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
    """Splits and cash dividends of the chosen sessions; in versions: what we knew, and when.

    A session has the ex-dates since the session before it. The latest one is asked for with the ten before it and all
    that is announced ahead, once a week with the last 400 days: actions are moved, withdrawn and told late. What was
    asked for since then costs no call. The vendor's ticker lists say which security each action belongs to; missing
    lists are fetched. With a source that has no corporate actions (a file of bars) the sessions stay missing.
    """
    run = SourceRun.open_source(context, warehouse, vendor, clock)
    days = [date.fromisoformat(key) for key in context.partition_keys]
    closed = run.closed_sessions(context.partition_keys)
    if isinstance(run.source, FileSource) and run.source.capabilities.corporate_actions:
        with failures():
            given = load_file_actions(run.context_with(run.source))
        # They are those of the file's tickers, not the market's: the sessions stay missing.
        yield dg.AssetObservation(context.asset_key, metadata={"source": run.source.name, **_metadata(given)})
        return
    if not run.source.capabilities.corporate_actions:
        context.log.warning("%s has no corporate actions: these sessions stay missing", run.source.name)
        yield dg.AssetObservation(context.asset_key, metadata={"source": run.source.name, "asked": False})
        return
    report = ActionsReport()
    if closed:
        with failures(retried=TransientVendorError):
            load = run.load_context
            ListingSync(load).reach(closed[0], run.calendar.latest_closed_session(clock.now()))
            report = load_corporate_actions(load, run.calendar, closed[0], closed[-1])
    metadata = _metadata(report)
    for line in report.refused:
        context.log.warning("not stored: %s", line)
    for line in (*report.repeats, *report.ignored):
        context.log.info(line)
    settled = [day for day in days if day in closed or run.is_cancelled(day)]
    if len(settled) == len(days) == 1:
        yield dg.MaterializeResult(metadata=metadata)
        return
    keys = [str(day) for day in settled]  # the others have not closed yet
    new = set(keys) if report.spans else never_materialised(context, keys)
    materialise(context, {key: {} for key in keys if key in new})
    yield dg.AssetObservation(context.asset_key, metadata=metadata)
    yield without_events()


def _metadata(report: ActionsReport) -> dict[str, Any]:
    """What a look asked for and found, with the first of the rows that need a person's eye."""
    metadata: dict[str, Any] = {
        "versions_begun": report.inserted,
        "versions_ended": report.ended,
        "known_before": report.known,
        "unresolved": report.unresolved,
        "refused": len(report.refused),
        "repeats": len(report.repeats),
        "ignored": len(report.ignored),
        "vendor_calls": report.calls,
        "asked": report.asked,
        "asked_for": ", ".join(map(str, report.spans)) or "nothing: all of it is fresh",
    }
    rows = {"refused_rows": report.refused, "repeated_rows": report.repeats, "ignored_rows": report.ignored}
    for name, lines in rows.items():
        if lines:
            metadata[name] = dg.MetadataValue.md("\n".join(f"- {line}" for line in lines[:10]))
    return metadata
