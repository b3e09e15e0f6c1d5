"""The end of the day: its job, the schedule that makes the first attempt at a session, the sensor for later ones.

Both tick often and decide by the session's own close: no fixed hour is right on every day. The functions serve every
market; the markets outside the US have their schedules and sensors in `defs.bars.market_automation`.
"""

from datetime import datetime, timedelta

import dagster as dg

from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.tracked import next_retry
from tickstock_dagster.adapters.sources.protocol import Publication, VendorError
from tickstock_dagster.core.calendars.markets import MARKET_TIMEZONE
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.end_of_day import EodDecision
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.automation import (
    DEFAULT_STATUS,
    US,
    BarSource,
    EodSituation,
    MarketRoad,
    eod_request,
    eod_situation,
)
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.bars.market_files import offer_of
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource

SCHEDULE_TICK = timedelta(minutes=15)
"""How long the sensor leaves the first attempt to the schedule, so that the two never launch at the same moment."""

us_eod = dg.define_asset_job(
    US.job,
    selection=dg.AssetSelection.assets(session_bars, corporate_actions)
    | dg.AssetSelection.checks_for_assets(session_bars),
    description="Loads one session or a range for everything tracked: bars, corporate actions, checks.",
)


def first_attempt(
    road: MarketRoad, instance: dg.DagsterInstance, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """Attempt the latest closed session of a market once; its sensor makes later attempts.

    Args:
        road: the market's.
        instance: whose run history counts.
        warehouse: the store.
        source: of the market; asked only where that costs nothing.
        now: aware.
    """
    situation = eod_situation(road, instance, warehouse, source, now)
    decision = situation.decision
    if not decision.attempt:
        return dg.SkipReason(decision.reason)
    if situation.attempts:
        sensor = f"{road.prefix}_eod_sensor"
        return dg.SkipReason(f"{decision.session} was attempted before; {sensor} makes further attempts")
    if road.by_file and (why := _not_out(source, decision)):
        return dg.SkipReason(why)
    return eod_request(road, decision, attempt=1)


def later_attempt(
    road: MarketRoad, instance: dg.DagsterInstance, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """Attempt the latest closed session of a market until it is complete: one run per attempt, never two at once.

    Args:
        road: the market's.
        instance: whose run history counts.
        warehouse: the store.
        source: of the market; asked only when an attempt is due.
        now: aware.
    """
    situation = eod_situation(road, instance, warehouse, source, now)
    decision = situation.decision
    if not decision.attempt:
        return dg.SkipReason(decision.reason)
    if not situation.attempts and now < situation.begins_at + SCHEDULE_TICK:
        return dg.SkipReason(f"{decision.reason}; {road.prefix}_eod_schedule makes the first attempt")
    if situation.attempts and road.by_file:
        return _by_offer(road, situation, warehouse, source, now)
    retry_at = next_retry(warehouse.engine(), decision.session, road.market) if situation.attempts else None
    if retry_at is not None and retry_at > now:
        local = retry_at.astimezone(situation.calendar.timezone)
        return dg.SkipReason(f"{decision.reason}; the next retry of absent bars is due at {local:%Y-%m-%d %H:%M %Z}")
    if why := _not_out(source, decision):
        return dg.SkipReason(why)
    return eod_request(road, decision, attempt=situation.attempts + 1)


def _by_offer(
    road: MarketRoad, situation: EodSituation, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """A further attempt at a session by a file: another content is asked at once, the same one when a retry is due."""
    decision = situation.decision
    owed = owed_cells(warehouse.engine(), situation.calendar, decision.session, first=decision.session)
    try:
        offer = offer_of(source.open(), owed, now)
    except BadInputError as error:
        return dg.SkipReason(f"{decision.reason}; its file cannot be read: {error}")
    if not offer.due and not owed.is_empty():
        return dg.SkipReason(f"{decision.reason}; the file has no further row of it")
    return eod_request(road, decision, attempt=situation.attempts + 1)


def _not_out(source: BarSource, decision: EodDecision) -> str:
    """Why the source has no bars of the session yet, in words; empty where it has."""
    try:
        publication: Publication = source.open().publication(decision.session)
    except (VendorError, BadInputError) as error:
        return f"cannot ask the vendor whether {decision.session} is out: {error}"
    return "" if publication.published else f"{decision.session} is not out yet: {publication.reason}"


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
    return first_attempt(US, context.instance, warehouse, vendor, context.scheduled_execution_time)


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
    return later_attempt(US, context.instance, warehouse, vendor, clock.now())
