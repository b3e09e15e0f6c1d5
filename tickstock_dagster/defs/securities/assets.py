"""Reference data by session: the symbol master, and facts about ETFs."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.securities.equity_type_store import store_validations
from tickstock_dagster.adapters.securities.etf_profile_loader import EtfReport, load_etf_profiles
from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster, SymbolReport
from tickstock_dagster.adapters.sources.protocol import TransientVendorError
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.core.loading.queueing import QueueFullError
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import SourceRun, failures
from tickstock_dagster.defs.tags import OWNERS, VENDOR_POOL
from tickstock_dagster.settings import load_settings

AssetEvent = dg.MaterializeResult[None] | dg.AssetMaterialization | dg.AssetObservation

_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

SYMBOL_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("security_id", "bigint", "The security."),
        dg.TableColumn("seen_from", "date", "Day of the first ticker list with this version."),
        dg.TableColumn("seen_to", "date", "Day of the last ticker list with this version."),
        dg.TableColumn("ticker", "text", "Ticker as printed."),
        dg.TableColumn("name", "text", "Name as the vendor reports it."),
        dg.TableColumn("equity_type", "text", "Vendor type code: CS, ETF, WARRANT, …"),
        dg.TableColumn("primary_exchange", "text", "MIC of the listing venue."),
        dg.TableColumn("cik", "text", "SEC Central Index Key."),
        dg.TableColumn("share_class_figi", "text", "Share-class FIGI."),
        dg.TableColumn("known_at", "timestamp with time zone", "When the row was first written."),
    ]
)


class SymbolsConfig(dg.Config):
    """Options of a run of the symbol master."""

    details_limit: int | None = Field(
        None, description="Most details to request, one call each; empty: what the plan allows in half an hour."
    )


@dg.asset(
    key_prefix="reference",
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    group_name="reference",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"domain": "symbols", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata={"dagster/column_schema": SYMBOL_COLUMNS, "dagster/table_name": "public.symbol_versions"},
    retry_policy=_RETRY,
    code_version="1",
)
def symbols(
    context: dg.AssetExecutionContext,
    config: SymbolsConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    clock: Clock,
) -> Iterator[AssetEvent]:
    """The symbol master of a session: the vendor's ticker list of that day, and details of symbols that need them.

    Query a past day with `SELECT * FROM symbols_on('2024-03-01')`. Details (SIC, sector, shares, list date) cost one
    call each; a range of sessions starts with the newest. What the plan's rate leaves goes into the processing queue;
    what a limit of the run leaves, the next run requests.
    """
    run = SourceRun.open_source(context, warehouse, vendor, clock)
    days = run.closed_sessions(context.partition_keys)
    if not run.source.capabilities.listings:
        yield _not_offered(context, run, "lists of tickers")
        return
    master = SymbolMaster(run.load_context)
    left = config.details_limit
    reports: dict[date, SymbolReport] = {}
    for day in sorted(days, reverse=True):
        with failures(retried=TransientVendorError):
            reports[day] = master.sync(day, details_limit=left)
        asked = reports[day].details_done + reports[day].details_unknown + len(reports[day].failures)
        left = 0 if left is None else left - asked
    metadata = {day: _symbol_metadata(report) for day, report in reports.items()}
    newest = max(reports, default=None)
    if newest is not None and config.details_limit is None and reports[newest].details_left:
        metadata[newest]["details_queued"] = _queue_details(context, master, newest)
    yield from _report(context, run, metadata)


@dg.asset(
    key_prefix="reference",
    deps=[symbols],
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    group_name="reference",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"domain": "etf", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata={"dagster/table_name": "public.etf_profiles"},
    retry_policy=_RETRY,
    code_version="1",
)
def etf_profiles(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> Iterator[AssetEvent]:
    """Facts about ETFs: class, themes, AUM, expense ratio, index; every figure with its source.

    They come from the vendor where the plan includes them, else from the seed of this release; a fund that is in
    neither is classified by its name. Then every symbol is validated by the rules of its type (`symbol_validations`).
    """
    run = SourceRun.open_source(context, warehouse, vendor, clock)
    reports: dict[date, EtfReport] = {}
    validated: dict[date, int] = {}
    for day in run.closed_sessions(context.partition_keys):
        with failures(retried=TransientVendorError):
            reports[day] = load_etf_profiles(run.load_context, day)
            validated[day] = store_validations(run.engine, read_facts(run.engine, day), day, now=clock.now())
    metadata = {day: {**_etf_metadata(one), "validations_changed": validated[day]} for day, one in reports.items()}
    yield from _report(context, run, metadata)


def _queue_details(context: dg.AssetExecutionContext, master: SymbolMaster, session: date) -> int:
    """What the plan's rate leaves waits for `process_queue`; a full queue is no failure of this session."""
    try:
        return master.enqueue_details(session, load_settings().queue_bounds).new
    except QueueFullError as error:
        context.log.warning("details that are due are left to the next session: %s", error)
        return 0


def _not_offered(context: dg.AssetExecutionContext, run: SourceRun, what: str) -> dg.AssetObservation:
    context.log.warning("%s has no %s: these sessions stay missing", run.source.name, what)
    return dg.AssetObservation(context.asset_key, metadata={"source": run.source.name, "asked": False})


def _report(
    context: dg.AssetExecutionContext, run: SourceRun, loaded: dict[date, dict[str, Any]]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization]:
    """One result if all sessions are loaded; else one for each that is: the others have not closed yet."""
    days = [date.fromisoformat(key) for key in context.partition_keys]
    if all(day in loaded or run.is_cancelled(day) for day in days):
        newest = max(loaded, default=None)
        metadata = loaded[newest] if newest else {"market_closed": True}
        yield dg.MaterializeResult(metadata={**metadata, "sessions": len(loaded)})
        return
    for day, metadata in sorted(loaded.items()):
        yield dg.AssetMaterialization(context.asset_key, partition=day.isoformat(), metadata=metadata)


def _symbol_metadata(report: SymbolReport) -> dict[str, Any]:
    rows = [(row.ticker, row.name, row.equity_type, row.primary_exchange) for row in report.preview]
    metadata: dict[str, Any] = {
        "session": str(report.session),
        "dagster/partition_row_count": report.listed,
        "symbols": report.listed,
        **{f"class_{kind}": count for kind, count in report.by_class.items()},
        "list_fetched": report.fetched,
        "begun": report.changes.begun,
        "changed": report.changes.changed,
        "gone": report.changes.gone,
        "details_stored": report.details_done,
        "details_unknown": report.details_unknown,
        "details_failed": len(report.failures),
        "details_left": report.details_left,
        "vendor_calls": report.calls,
        "preview": dg.MetadataValue.md(markdown_table(["ticker", "name", "type", "exchange"], rows)),
    }
    if report.no_details:
        metadata["no_details"] = report.no_details
    if report.failures:
        metadata["failures"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.failures[:10]))
    return metadata


def _etf_metadata(report: EtfReport) -> dict[str, Any]:
    rows = [(row.etf_type, row.etfs, row.with_aum, row.aum_billions or None) for row in report.counts[:10]]
    metadata: dict[str, Any] = {
        "session": str(report.session),
        "etfs": sum(row.etfs for row in report.counts),
        **{f"etfs_{row.etf_type}": row.etfs for row in report.counts},
        "profiles_of_seed": report.seed,
        "profiles_of_vendor": report.vendor,
        "profiles_refused": len(report.refused),
        "classed_by_name": report.by_name,
        "written": report.written,
        "changed": report.changed,
        "vendor_calls": report.calls,
        "preview": dg.MetadataValue.md(markdown_table(["class", "ETFs", "with AUM", "AUM, $bn"], rows)),
    }
    if report.no_vendor:
        metadata["no_vendor"] = report.no_vendor
    if report.refused:
        metadata["refused_rows"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.refused[:10]))
    return metadata
