"""The two assets that load `ohlcv_daily`: by session, for the end of day and long histories; by session × ticker.

Both resolve their partitions, pass them to `BarLoader` and report the result. Which calls are made, which rows are
stored and how gaps are explained is decided in `core` and `adapters`.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.defs.bars.eod_reports import EodAttempt
from tickstock_dagster.defs.bars.reports import AssetEvent, report_cells, report_sessions
from tickstock_dagster.defs.bars.runs import BarRun
from tickstock_dagster.defs.partitions import session_tickers, sessions
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import BAR_COLUMNS, OWNERS, VENDOR_POOL

_METADATA = {"dagster/column_schema": BAR_COLUMNS, "dagster/table_name": "public.ohlcv_daily"}


class CellsConfig(dg.Config):
    """Options of a load of chosen cells."""

    ask_again: bool = Field(False, description="Request open gaps now, although their next retry is not due yet.")


class SessionsConfig(CellsConfig):
    """Options of a load of whole sessions."""

    tickers: list[str] = Field([], description="Load only these tickers; empty: all tracked ones.")
    universe: str = Field("", description="Load only this universe's members, as of each session.")
    owed: bool = Field(
        False, description="Load only what is owed. Otherwise tracked universes are expected from the first session on."
    )
    added_sessions: list[str] = Field(
        [],
        description="Sessions without a partition, loaded with the selected ones: those that an override added, and "
        "those of files that reach further back than the vendor.",
    )
    only_added: bool = Field(
        False, description="Load the added sessions alone; the selected partition only carries the run."
    )


@dg.asset(
    key_prefix="us",
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    group_name="bars",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "bars", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata=_METADATA,
    # Only the UI's backstop: the check latest_session_present knows holidays, a time window does not.
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=5)),
    code_version="1",
)
def session_bars(
    context: dg.AssetExecutionContext,
    config: SessionsConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> Iterator[AssetEvent]:
    """The bars of all tracked securities for one session, as printed.

    Each bar is stored in `ohlcv_daily`, or its absence is explained in `bar_gaps`. A range of sessions is one run with
    the fewest vendor calls. A session below the completeness objective fails, and is red until a load completes it,
    which requests only what is absent. Everything tracked today counts, on sessions before its tracking began as well.
    """
    chosen = bool(config.tickers or config.universe)
    run = BarRun.open_source(context, warehouse, vendor, clock)
    keys = config.added_sessions if config.only_added else context.partition_keys
    days = run.closed_sessions(keys, config.added_sessions)
    attempt = EodAttempt.of(context, run, days, notifications, chosen=chosen)
    with attempt.reporting():
        if not chosen and not config.owed:
            run.expect(days)
        request = run.request(days, config.tickers, config.universe, owed=config.owed, ask_again=config.ask_again)
        report = run.load(request, attempt.progress)
    yield from report_sessions(context, run, report, notifications, attempt, chosen=chosen, keyed=not config.only_added)


@dg.asset(
    key_prefix="us",
    partitions_def=session_tickers,
    deps=[dg.AssetDep(session_bars, partition_mapping=dg.MultiToSingleDimensionPartitionMapping("session"))],
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    group_name="bars",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "bars", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata=_METADATA,
    code_version="1",
)
def ohlcv_daily(
    context: dg.AssetExecutionContext,
    config: CellsConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> Iterator[AssetEvent]:
    """The bars of chosen tickers on chosen sessions; only missing bars are loaded.

    Stored bars cost no vendor call. `tickstock load --symbols` gives a ticker its partition key and loads a rectangle
    of sessions and tickers in one run; launched from this page it becomes one run per ticker or per session, whichever
    are fewer.
    """
    run = BarRun.open_source(context, warehouse, vendor, clock)
    keys = [key for key in context.partition_keys if isinstance(key, dg.MultiPartitionKey)]
    chosen = run.closed_sessions([key.keys_by_dimension["session"] for key in keys])
    tickers = tuple(dict.fromkeys(key.keys_by_dimension["ticker"] for key in keys))
    report = run.load(LoadRequest(tickers, chosen, ask_again=config.ask_again))
    yield from report_cells(context, run, report, keys, notifications)
