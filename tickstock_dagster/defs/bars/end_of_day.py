"""The end of the day: its job, the schedule that makes the first attempt at a session, the sensor for later ones.

Both tick often and decide by the session's own close: no fixed hour is right on every day.
"""

from datetime import timedelta

import dagster as dg

from tickstock_dagster.adapters.loading.tracked import next_retry
from tickstock_dagster.adapters.sources.protocol import VendorError
from tickstock_dagster.core.calendars.markets import MARKET_TIMEZONE
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.automation import DEFAULT_STATUS, eod_request, eod_situation
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource

SCHEDULE_TICK = timedelta(minutes=15)
"""How long the sensor leaves the first attempt to the schedule, so that the two never launch at the same moment."""

us_eod = dg.define_asset_job(
    "us_eod",
    selection=dg.AssetSelection.assets(session_bars, corporate_actions)
    | dg.AssetSelection.checks_for_assets(session_bars),
    description="Loads one session or a range for everything tracked: bars, corporate actions, checks.",
)


@dg.schedule(
    job=us_eod,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Makes the first attempt at each session 30 minutes after its close; knows half days and holidays.",
)
def us_eod_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource, vendor: VendorResource
) -> dg.RunRequest | dg.SkipReason:
    """Attempt the latest closed session once; `us_eod_sensor` makes later attempts."""
    situation = eod_situation(context.instance, warehouse, vendor, context.scheduled_execution_time)
    decision = situation.decision
    if not decision.attempt:
        return dg.SkipReason(decision.reason)
    if situation.attempts:
        return dg.SkipReason(f"{decision.session} was attempted before; us_eod_sensor makes further attempts")
    return eod_request(decision, attempt=1)


@dg.sensor(
    job=us_eod,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Asks the vendor whether the latest session is out, and attempts it until it is complete.",
)
def us_eod_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.RunRequest | dg.SkipReason:
    """One run per attempt, never two at once; asks the vendor only when an attempt is due."""
    now = clock.now()
    situation = eod_situation(context.instance, warehouse, vendor, now)
    decision = situation.decision
    if not decision.attempt:
        return dg.SkipReason(decision.reason)
    if not situation.attempts and now < situation.begins_at + SCHEDULE_TICK:
        return dg.SkipReason(f"{decision.reason}; us_eod_schedule makes the first attempt")
    retry_at = next_retry(warehouse.engine(), decision.session)
    if situation.attempts and retry_at is not None and retry_at > now:
        local = retry_at.astimezone(situation.calendar.timezone)
        return dg.SkipReason(f"{decision.reason}; the next retry of absent bars is due at {local:%Y-%m-%d %H:%M %Z}")
    try:
        publication = vendor.open().publication(decision.session)
    except VendorError as error:
        return dg.SkipReason(f"cannot ask the vendor whether {decision.session} is out: {error}")
    if not publication.published:
        return dg.SkipReason(f"{decision.session} is not out yet: {publication.reason}")
    return eod_request(decision, attempt=situation.attempts + 1)
