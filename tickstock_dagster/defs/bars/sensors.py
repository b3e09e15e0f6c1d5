"""Sensors: later attempts at a session, the symbol grid behind it, notifications left over. All say why they skip."""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from tickstock_dagster.adapters.quality.table_checks import next_retry
from tickstock_dagster.adapters.sources.protocol import VendorError
from tickstock_dagster.defs.automation import DEFAULT_STATUS, eod_request, eod_situation
from tickstock_dagster.defs.bars.reconcile import us_reconcile
from tickstock_dagster.defs.jobs import us_eod, us_fair_values, us_symbols
from tickstock_dagster.defs.partitions import TICKERS, grid_start
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG

SCHEDULE_TICK = timedelta(minutes=15)
"""So long the schedule is given to make the first attempt, so that the two never launch at the same moment."""

_STATUS = dg.DefaultSensorStatus(DEFAULT_STATUS)


@dg.sensor(
    job=us_eod,
    minimum_interval_seconds=60,
    default_status=_STATUS,
    description="Asks the vendor whether the latest session is out, and attempts it again until it is complete.",
)
def us_eod_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.RunRequest | dg.SkipReason:
    """One run per attempt, never two at once; the vendor is asked only when an attempt is due."""
    now = clock.now()
    situation = eod_situation(context.instance, warehouse, vendor, now)
    decision = situation.decision
    if not decision.attempt:
        return dg.SkipReason(decision.reason)
    if not situation.attempts and now < situation.begins_at + SCHEDULE_TICK:
        return dg.SkipReason(f"{decision.reason}; the first attempt is the schedule's")
    retry_at = next_retry(warehouse.engine(), decision.session)
    if situation.attempts and retry_at is not None and retry_at > now:
        local = retry_at.astimezone(situation.calendar.timezone)
        return dg.SkipReason(f"{decision.reason}; what is absent may be asked for again at {local:%Y-%m-%d %H:%M %Z}")
    try:
        publication = vendor.open().publication(decision.session)
    except VendorError as error:
        return dg.SkipReason(f"{decision.session}: the vendor could not be asked: {error}")
    if not publication.published:
        return dg.SkipReason(f"{decision.session} is not out: {publication.reason}")
    return eod_request(decision, attempt=situation.attempts + 1)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod],
    request_job=us_symbols,
    minimum_interval_seconds=30,
    default_status=_STATUS,
    description="After a session's bars: brings the symbol grid up to date, in one run and without a vendor call.",
)
def us_symbols_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Every keyed ticker on the sessions of the run that succeeded."""
    first, last = _span(context.dagster_run.tags)
    if first is None or last is None:
        return dg.SkipReason("the run had no partition")
    keys = context.instance.get_dynamic_partitions(TICKERS)
    if not keys:
        return dg.SkipReason("no ticker has a key yet: `tickstock load --symbols` gives it one")
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


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod, us_reconcile],
    request_job=us_fair_values,
    minimum_interval_seconds=30,
    default_status=_STATUS,
    description="After a session's bars, and after its second look: values whatever did not trade, in one run.",
)
def us_fair_values_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The sessions of the run that succeeded; asks nobody, so that a store that is away loses no session.

    Whether it still is the evening on which the vendor has values is the asset's question, at the moment it runs.
    """
    tags = context.dagster_run.tags
    first, last = _span(tags)
    if first is None or last is None:  # the second look is a job without partitions
        first = last = tags.get(SESSION_TAG)
    if first is None or last is None:
        return dg.SkipReason("the run had no session")
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={RANGE_START: first, RANGE_END: last, SESSION_TAG: last, TRIGGER_TAG: "sensor", "dagster/priority": "2"},
    )


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=_STATUS,
    description="Sends notifications that were left over while Redis was away.",
)
def outbox_sensor(notifications: RedisNotifications, clock: Clock) -> dg.SkipReason:
    """Runs send their own events; this one sees to the rest."""
    report = notifications.dispatch()
    if report.error:
        return dg.SkipReason(f"{report.left} events wait: {report.error}")
    sent = f"sent {report.sent}" if report.sent else "nothing was left over"
    return dg.SkipReason(f"{sent}; {report.left} wait ({clock.now():%H:%M:%S} UTC)")


def _span(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """First and last session of a run; None where it has no partition."""
    first = tags.get(RANGE_START) or tags.get("dagster/partition")
    return first, tags.get(RANGE_END) or first
