"""Correlations of ETFs with their references, by session."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.universes.correlation_store import CorrelationReport, update_correlations
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.universes.correlations import STEP, WINDOWS
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures, send
from tickstock_dagster.defs.tags import OWNERS
from tickstock_dagster.defs.universes.correlation_picture import correlation_markdown
from tickstock_dagster.defs.universes.runs import UniverseRun

CORRELATION_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("session", "date", "Last session of the window."),
        dg.TableColumn("security_id", "bigint", "The ETF."),
        dg.TableColumn("ticker", "text", "Its ticker on that session."),
        dg.TableColumn("reference", "text", "Ticker of the reference."),
        dg.TableColumn("sessions", "smallint", "Length of the window: 60 or 252."),
        dg.TableColumn("correlation", "double precision", "Pearson's correlation of daily total returns, -1 to 1."),
        dg.TableColumn("known_at", "timestamp with time zone", "When this value was written."),
    ]
)


@dg.asset(
    name="correlations",
    key_prefix="universes",
    deps=[session_bars, corporate_actions],
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="universes",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "etf", "cadence": "session"},
    metadata={"dagster/column_schema": CORRELATION_COLUMNS, "dagster/table_name": "public.etf_correlations"},
    code_version="1",
)
def correlations(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, notifications: RedisNotifications, clock: Clock
) -> Iterator[dg.MaterializeResult[None] | dg.AssetObservation]:
    """Rolling correlations, over 60 and 252 sessions, of every ETF with SPY, IWM and its own reference.

    Computed on daily total returns; a window with a missing return has no value. Only changed values are written. A
    range of sessions is one computation, and only its newest values are published.
    """
    run = UniverseRun.open(context, warehouse, clock)
    days = run.traded_sessions(context.partition_keys)
    if not days:
        yield dg.MaterializeResult(metadata={"market_closed": ", ".join(context.partition_keys)})
        return
    began = time.perf_counter()
    span = [*run.calendar.sessions_before(days[0], max(WINDOWS)), *run.calendar.sessions(days[0], days[-1])]
    with failures():
        report = update_correlations(run.engine, span, first=days[0], now=run.clock.now())
    metadata = _metadata(report, time.perf_counter() - began) | send(context, notifications)
    if report.why_none:
        metadata["no_value"] = report.why_none
        context.log.warning("no correlation has a value: %s", report.why_none)
    owed = owed_action_sessions(run.engine, run.calendar, span[0], market=MARKET, now=run.clock.now(), last=span[-1])
    if not owed.is_empty():
        days_owed = owed["session"].to_list()
        metadata["sessions_owing_actions"] = f"{len(days_owed)}: {days_owed[0]} to {days_owed[-1]}"
        context.log.warning(
            "splits and dividends of %s sessions are owed, from %s on (%s): materialise us/corporate_actions",
            len(days_owed),
            days_owed[0],
            owed["reason"][0],
        )
    if len(context.partition_keys) == 1:
        yield dg.MaterializeResult(metadata=metadata)
        return
    # Dagster stores a result's metadata once for every partition: numbers and picture go into one observation.
    yield dg.MaterializeResult(metadata={"computed_in_one_run": f"{len(days)} sessions, {days[0]} to {days[-1]}"})
    yield dg.AssetObservation(context.asset_key, metadata=metadata)


def _metadata(report: CorrelationReport, seconds: float) -> dict[str, Any]:
    """Numbers that the UI plots, and the picture of the newest session."""
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": report.values.height,
        "etfs": report.funds.height,
        "etfs_with_a_value": report.values["security_id"].n_unique(),
        "values_computed": report.values.height,
        "values_written": report.written,
        "events": report.published,
        "step": STEP,
        "seconds": round(seconds, 3),
    }
    if not report.values.is_empty():
        types = dict(report.funds.drop_nulls("etf_type").select("security_id", "etf_type").iter_rows())
        metadata["correlations"] = dg.MetadataValue.md(correlation_markdown(report.values, types))
    return metadata
