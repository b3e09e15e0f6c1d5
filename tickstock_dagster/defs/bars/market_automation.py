"""What brings the markets outside the US to their end of day: for each its jobs, its schedules and its two sensors.

They decide by the market's own calendar and tick in its own zone; a market without a file skips and says so. The
decisions are those of the US market, in `defs.bars.end_of_day` and `defs.bars.catch_up`; what reconciles a session with
its file is in `defs.bars.market_reconcile`.
"""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.defs.automation import DEFAULT_STATUS, BarSource, MarketRoad
from tickstock_dagster.defs.bars.catch_up import catch_up
from tickstock_dagster.defs.bars.end_of_day import first_attempt, later_attempt
from tickstock_dagster.defs.bars.market_bars import MARKETS, market_asset
from tickstock_dagster.defs.bars.market_files import MarketFiles
from tickstock_dagster.defs.bars.market_reconcile import market_reconcile, next_reconcile
from tickstock_dagster.defs.resources import Clock, WarehouseResource

Decide = Callable[
    [MarketRoad, dg.DagsterInstance, WarehouseResource, BarSource, datetime], dg.RunRequest | dg.SkipReason
]


def market_road(mic: str) -> MarketRoad:
    """The road of a market outside the US."""
    return MarketRoad(mic, mic.lower(), by_file=True)


def market_eod(mic: str) -> dg.Definitions:
    """The jobs `<mic>_eod` and `<mic>_reconcile`, their schedules, the sensors for later attempts and the catch-up."""
    road, market = market_road(mic), market_named(mic)
    asset = market_asset(mic)
    job = dg.define_asset_job(
        road.job,
        selection=dg.AssetSelection.assets(asset) | dg.AssetSelection.checks_for_assets(asset),
        description=f"Loads one session or a range of {market.name} from its file: bars, checks.",
    )
    files = MarketFiles(mic=mic)

    def decided(
        decide: Decide, instance: dg.DagsterInstance, warehouse: WarehouseResource, now: datetime
    ) -> dg.RunRequest | dg.SkipReason:
        """What a decision says about the market; without a file nothing is decided."""
        if files.lacks:
            return dg.SkipReason(files.lacks)
        return decide(road, instance, warehouse, files, now)

    @dg.schedule(
        name=f"{road.job}_schedule",
        job=job,
        cron_schedule="*/15 * * * *",
        execution_timezone=market.timezone,
        default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
        description=f"Makes the first attempt at each session of {market.name} 30 minutes after its close.",
    )
    def eod_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Attempt the latest closed session once, when the file has it."""
        return decided(first_attempt, context.instance, warehouse, context.scheduled_execution_time)

    @dg.sensor(
        name=f"{road.job}_sensor",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
        description=f"Attempts the latest session of {market.name} when its file has it, until it is complete.",
    )
    def eod_sensor(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: Clock
    ) -> dg.RunRequest | dg.SkipReason:
        """One run per attempt, never two at once."""
        return decided(later_attempt, context.instance, warehouse, clock.now())

    @dg.sensor(
        name=f"{road.prefix}_catch_up_sensor",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
        description=f"Loads what is owed of earlier sessions of {market.name} and what its file has of it.",
    )
    def catch_up_sensor(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: Clock
    ) -> dg.RunRequest | dg.SkipReason:
        """Decides by the store, the file and the run history."""
        return decided(catch_up, context.instance, warehouse, clock.now())

    reconcile = market_reconcile(road)

    @dg.schedule(
        name=f"{reconcile.name}_schedule",
        job=reconcile,
        cron_schedule="*/15 * * * *",
        execution_timezone=market.timezone,
        default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
        description=f"Reconciles each session of {market.name} with its file on the next session's morning.",
    )
    def reconcile_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Reconcile the oldest session that waits for it and of which the file has rows, one at a time."""
        return decided(next_reconcile, context.instance, warehouse, context.scheduled_execution_time)

    return dg.Definitions(
        jobs=[job, reconcile], schedules=[eod_schedule, reconcile_schedule], sensors=[eod_sensor, catch_up_sensor]
    )


@dg.definitions
def market_roads() -> dg.Definitions:
    """Those of every market."""
    return dg.Definitions.merge(*(market_eod(mic) for mic in MARKETS))
