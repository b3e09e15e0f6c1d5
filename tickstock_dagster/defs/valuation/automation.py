"""The job of fair market values, and the sensor that launches it behind a session's bars."""

import dagster as dg

from tickstock_dagster.defs.automation import DEFAULT_STATUS, sessions_of_run
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.bars.reconcile import us_reconcile
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster.defs.valuation.assets import fair_values

us_fair_values = dg.define_asset_job(
    "us_fair_values",
    selection=dg.AssetSelection.assets(fair_values),
    description="Fair market values of chosen sessions, for whatever did not trade on them.",
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod, us_reconcile],
    request_job=us_fair_values,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="After a session's bars, and after its second look: values whatever did not trade, in one run.",
)
def us_fair_values_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The sessions of the run that succeeded; asks nobody, so that a store that is away loses no session.

    Whether it still is the evening on which the vendor has values is the asset's question, at the moment it runs.
    """
    tags = context.dagster_run.tags
    first, last = sessions_of_run(tags)
    if first is None or last is None:  # the second look is a job without partitions
        first = last = tags.get(SESSION_TAG)
    if first is None or last is None:
        return dg.SkipReason("the run had no session")
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={RANGE_START: first, RANGE_END: last, SESSION_TAG: last, TRIGGER_TAG: "sensor", "dagster/priority": "2"},
    )
