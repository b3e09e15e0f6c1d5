"""Fair market values of the sessions on which securities did not print."""

import time
from typing import Any

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.valuation.capture import CapturedValues, capture_fair_values
from tickstock_dagster.adapters.valuation.store import FairValueReport, update_fair_values
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import StoreRun, failures
from tickstock_dagster.defs.tags import OWNERS, VENDOR_POOL

FAIR_VALUE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("security_id", "bigint", "The security."),
        dg.TableColumn("session", "date", "The session without a print."),
        dg.TableColumn("ticker", "text", "Its ticker on that session."),
        dg.TableColumn("fmv", "numeric(18,6)", "The value, currency units per share, in prices of its session."),
        dg.TableColumn("source", "text", "estimator, or the vendor's name."),
        dg.TableColumn("method", "text", "reference, last_close or vendor."),
        dg.TableColumn("reference", "text", "Ticker of the reference whose return moved the value."),
        dg.TableColumn("beta", "double precision", "Beta against the reference, after shrinking."),
        dg.TableColumn("last_session", "date", "Session of the last print before it."),
        dg.TableColumn("last_close", "numeric(18,6)", "Raw close of that print."),
        dg.TableColumn("sessions_since_print", "integer", "Sessions from that print to this one."),
        dg.TableColumn("valued_at", "timestamp with time zone", "When this version of the row was written."),
    ]
)

PREVIEW_ROWS = 10


@dg.asset(
    key_prefix="us",
    deps=[session_bars, corporate_actions],
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="bars",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "bars", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata={"dagster/column_schema": FAIR_VALUE_COLUMNS, "dagster/table_name": "public.fair_values"},
    code_version="1",
)
def fair_values(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Values of securities on sessions on which they did not trade; never mixed into a close.

    On the session's own evening the vendor's value, where the plan includes it; else our estimate: the last close moved
    by beta × the reference's return since. The `no_trade` or `halted` gap stays as it is. A range of sessions is one
    transaction. A print that arrives later replaces the value in `ohlcv_daily`.
    """
    run = StoreRun.open(context, warehouse, clock)
    days = run.traded_sessions(context.partition_keys)
    if not days:
        return dg.MaterializeResult(metadata={"market_closed": ", ".join(context.partition_keys)})
    began = time.perf_counter()
    with failures():
        given = capture_fair_values(run.context_with(vendor.open()), run.calendar, days[-1])
        report = update_fair_values(
            run.engine, run.calendar, days, now=run.clock.now(), vendor=given.values, vendor_name=given.source
        )
    return dg.MaterializeResult(metadata=_metadata(report, given, time.perf_counter() - began))


def _metadata(report: FairValueReport, given: CapturedValues, seconds: float) -> dict[str, Any]:
    """Numbers that the UI plots, and the values whose last print is oldest."""
    values = report.values
    oldest = values["sessions_since_print"].max()
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": values.height,
        "sessions_without_print": report.unprinted.height,
        "values_written": report.written,
        "without_value": report.without_value.height,
        **{f"method_{name}": count for name, count in values["method"].value_counts().sort("method").iter_rows()},
        "vendor_values": given.reason or f"{len(given.values)} from {given.source}, {given.stale} too old to use",
        "oldest_print_sessions": oldest if isinstance(oldest, int) else 0,
        "seconds": round(seconds, 3),
    }
    if not values.is_empty():
        metadata["preview"] = dg.MetadataValue.md(_table(values))
    return metadata


def _table(values: pl.DataFrame) -> str:
    """The values whose last print is oldest, in Markdown."""
    rows = values.sort("sessions_since_print", "ticker", descending=[True, False], nulls_last=True).head(PREVIEW_ROWS)
    names = ("session", "ticker", "fmv", "method", "reference", "beta", "last_close", "sessions_since_print")
    return markdown_table(names, rows.select(names).iter_rows())
