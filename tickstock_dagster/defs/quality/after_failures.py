"""Evaluates a market's bar checks after a run of its bars that did not succeed.

A step that fails takes the checks behind it with it: Dagster shows all of them as not executed, although they speak for
the table as it stands. A run of their own follows, whoever launched the one that failed; the command line evaluates the
checks of its own runs itself.
"""

import dagster as dg

from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.bars.market_bars import MARKETS, market_asset
from tickstock_dagster.defs.partition_events import mark_died
from tickstock_dagster.defs.quality.market_checks import market_checks_job
from tickstock_dagster.defs.quality.schedules import us_bar_checks
from tickstock_dagster.defs.tags import TRIGGER_TAG

_ASSETS = {"us": session_bars, **{mic.lower(): market_asset(mic) for mic in MARKETS}}
"""The bar assets by the prefix of their jobs."""


def after_failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """Mark the partitions of a run that ended without a report; return the jobs that evaluate its bars' checks.

    Args:
        instance: of the run.
        run: failed, or cancelled, which marks nothing; one that loaded no bars has no such job.
    """
    chosen = run.asset_selection or frozenset()
    loaded = {
        prefix: asset for prefix, asset in _ASSETS.items() if run.job_name == f"{prefix}_eod" or asset.key in chosen
    }
    for asset in loaded.values():
        if asset.partitions_def and run.status is dg.DagsterRunStatus.FAILURE:  # of others Dagster shows no partition
            mark_died(instance, run, asset.key, asset.partitions_def)
    return [f"{prefix}_bar_checks" for prefix in loaded]


def _sensor(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    words = {dg.DagsterRunStatus.FAILURE: "failed", dg.DagsterRunStatus.CANCELED: "cancelled"}[status]

    # On, whatever TICKSTOCK_AUTOMATION says: it loads nothing, it completes what a run has begun.
    @dg.run_status_sensor(
        name=f"checks_of_{words}_runs_sensor",
        run_status=status,
        request_jobs=[us_bar_checks, *map(market_checks_job, MARKETS)],
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"After a {words} run of bars: evaluates their checks on the table as it is now.",
    )
    def checks_of_runs(context: dg.RunStatusSensorContext) -> list[dg.RunRequest] | dg.SkipReason:
        """The checks of the run's bars, in a run of their own."""
        run = context.dagster_run
        if run.tags.get(TRIGGER_TAG) == "cli":
            return dg.SkipReason("the command that launched the run evaluates the checks itself")
        requests = [
            dg.RunRequest(run_key=run.run_id, job_name=job, tags={TRIGGER_TAG: "sensor"})
            for job in after_failure(context.instance, run)
        ]
        return requests or dg.SkipReason("the run loaded no bars")

    return checks_of_runs


@dg.definitions
def sensors() -> dg.Definitions:
    """One for each way to end without success."""
    return dg.Definitions(sensors=[_sensor(dg.DagsterRunStatus.FAILURE), _sensor(dg.DagsterRunStatus.CANCELED)])
