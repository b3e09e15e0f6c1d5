"""The grid of sessions × tickers: the job for chosen cells, and the sensor that brings it up to date."""

import dagster as dg

from tickstock_dagster.defs.automation import DEFAULT_STATUS, sessions_of_run
from tickstock_dagster.defs.bars.assets import ohlcv_daily
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.partitions import TICKERS, grid_start
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG

us_symbols = dg.define_asset_job(
    "us_symbols",
    selection=dg.AssetSelection.assets(ohlcv_daily),
    description="Bars of chosen tickers on chosen sessions; stored bars cost no vendor call.",
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod],
    request_job=us_symbols,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="After us_eod: brings the symbol grid up to date in one run, without a vendor call.",
)
def us_symbols_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Every keyed ticker on the sessions of the run that succeeded."""
    first, last = sessions_of_run(context.dagster_run.tags)
    if first is None or last is None:
        return dg.SkipReason("the run had no partition")
    keys = context.instance.get_dynamic_partitions(TICKERS)
    if not keys:
        return dg.SkipReason("no ticker has a partition key yet: `tickstock load --symbols` adds one")
    if last < str(grid_start()):
        return dg.SkipReason(f"{last} is before the grid's first session, {grid_start()}")
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={
            RANGE_START: f"{max(first, str(grid_start()))}|{keys[0]}",
            RANGE_END: f"{last}|{keys[-1]}",
            SESSION_TAG: last,
            TRIGGER_TAG: "sensor",
        },
    )
