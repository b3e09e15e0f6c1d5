"""The job of fair market values, and the sensor that launches it after a session's bars."""

import dagster as dg

from tickstock_dagster.defs.automation import DEFAULT_STATUS, loaded_sessions
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.bars.reconcile import us_reconcile
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster.defs.valuation.assets import fair_values

us_fair_values = dg.define_asset_job(
    "us_fair_values",
    selection=dg.AssetSelection.assets(fair_values),
    description="Fair market values of securities that did not trade on chosen sessions.",
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod, us_reconcile],
    request_job=us_fair_values,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="After us_eod and us_reconcile: values the securities that did not trade on the session, in one run.",
)
def us_fair_values_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The sessions of the run that succeeded. Reads no store, so that no session is lost while the store is away.

    The asset checks when it runs whether the vendor still has values of that evening.
    """
    loaded = loaded_sessions(context.dagster_run.tags)
    if loaded is None:
        return dg.SkipReason("the run had no session")
    first, last = loaded
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={RANGE_START: first, RANGE_END: last, SESSION_TAG: last, TRIGGER_TAG: "sensor", "dagster/priority": "2"},
    )
