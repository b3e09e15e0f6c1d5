"""The checks of the markets outside the US: for each its checks, their job, and the schedule that evaluates them.

What they evaluate is in `defs.quality.completeness_checks`. The structure of the table is checked once for all markets,
by the checks of the US asset.
"""

from collections.abc import Iterator
from functools import cache

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.bars.market_bars import MARKETS, market_asset
from tickstock_dagster.defs.bars.market_files import MarketFiles
from tickstock_dagster.defs.quality.completeness_checks import (
    COMPLETENESS_CHECKS,
    Standing,
    latest_session_present,
    no_long_gaps,
    session_complete,
)
from tickstock_dagster.defs.quality.schedules import check_when_due
from tickstock_dagster.defs.resources import Clock, WarehouseResource

_EVALUATIONS = {
    "session_complete": session_complete,
    "no_long_gaps": no_long_gaps,
    "latest_session_present": latest_session_present,
}


@cache
def market_checks_job(mic: str) -> UnresolvedAssetJobDefinition:
    """The job `<mic>_bar_checks`."""
    return dg.define_asset_job(
        f"{mic.lower()}_bar_checks",
        selection=dg.AssetSelection.checks_for_assets(market_asset(mic)),
        description=f"Evaluates the checks of the bars of {market_named(mic).name} on the table as it is now.",
    )


def market_checks(mic: str) -> dg.Definitions:
    """The checks of `<mic>/session_bars`, the job `<mic>_bar_checks` and its schedule."""
    market, asset, prefix = market_named(mic), market_asset(mic), mic.lower()

    @dg.multi_asset_check(
        name=f"{prefix}_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=asset, description=description)
            for name, description in COMPLETENESS_CHECKS.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, clock: Clock
    ) -> Iterator[dg.AssetCheckResult]:
        """What is owed, gaps (WARN) and the latest due session (ERROR) of the market; each can run alone."""
        standing = Standing(warehouse.engine(), warehouse.calendar(mic), clock.now())
        selected = {key.name for key in context.selected_asset_check_keys}
        for name, evaluate in _EVALUATIONS.items():
            if name in selected:
                yield evaluate(asset.key, standing)

    job = market_checks_job(mic)

    @dg.schedule(
        name=f"{prefix}_bar_checks_schedule",
        job=job,
        cron_schedule="*/15 * * * *",
        execution_timezone=market.timezone,
        default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
        description=f"Evaluates the checks of {market.name} once per session, when its completeness objective is due.",
    )
    def checks_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Check each session when its objective is due."""
        if lacks := MarketFiles(mic=mic).lacks:
            return dg.SkipReason(lacks)
        return check_when_due(job.name, context.instance, warehouse.calendar(mic), context.scheduled_execution_time)

    return dg.Definitions(asset_checks=[checks], jobs=[job], schedules=[checks_schedule])


@dg.definitions
def market_bar_checks() -> dg.Definitions:
    """Those of every market."""
    return dg.Definitions.merge(*(market_checks(mic) for mic in MARKETS))
