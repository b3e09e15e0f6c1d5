"""The job of the bar checks, and the schedule that evaluates them once for each session."""

from datetime import datetime

import dagster as dg

from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE_AFTER, latest_due_session
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import WarehouseResource
from tickstock_dagster.defs.tags import TRIGGER_TAG

DUE_TAG = "tickstock/due"
"""The session that was due. Not `SESSION_TAG`: the end of day waits for runs that carry that one."""

us_bar_checks = dg.define_asset_job(
    "us_bar_checks",
    selection=dg.AssetSelection.checks_for_assets(session_bars),
    description="Evaluates the checks of ohlcv_daily on the table as it is now.",
)


@dg.schedule(
    job=us_bar_checks,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Evaluates the checks of ohlcv_daily once per session, when its completeness objective is due.",
)
def us_bar_checks_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Check each session when its objective is due; a fixed hour would know neither holidays nor half days."""
    return check_when_due(
        us_bar_checks.name, context.instance, warehouse.calendar(MARKET), context.scheduled_execution_time
    )


def check_when_due(
    job: str, instance: dg.DagsterInstance, calendar: SessionCalendar, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """Evaluate a market's checks once for each session, when its objective is due.

    Args:
        job: the name of the job that evaluates them.
        instance: whose run history says what was checked.
        calendar: the market's, in force.
        now: aware.
    """
    due = latest_due_session(calendar, now)
    past = now - (calendar.closes_at(due) + OBJECTIVE_AFTER) >= calendar.closes_at(due) - calendar.opens_at(due)
    # Dagster compares a schedule's run keys within one tick only: the next tick would launch the run again.
    checked = dg.RunsFilter(job_name=job, tags={TRIGGER_TAG: "schedule", DUE_TAG: str(due)})
    if past or instance.get_runs_count(checked):
        return dg.SkipReason(f"{due} was checked when it was due; next is {calendar.next_session(due)}")
    return dg.RunRequest(run_key=f"due/{due}", tags={TRIGGER_TAG: "schedule", DUE_TAG: str(due)})
