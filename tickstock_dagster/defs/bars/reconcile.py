"""The second look at a session, on the morning after: a job, and the schedule that knows when it is due."""

from dataclasses import replace
from datetime import date, datetime

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.bars.reconcile import ReconcileReport, pending_reconciles, reconcile_session
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.core.bars.reconcile import ReconcileDecision, decide_reconcile, span_of
from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.defs.automation import DEFAULT_STATUS, is_at_work
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG, VENDOR_POOL

TRIGGER = "reconcile"


class ReconcileConfig(dg.Config):
    """Which session is looked at again."""

    session: str = Field(description="A closed session, YYYY-MM-DD.")


@dg.op(name="reconcile_session", pool=VENDOR_POOL)
def reconcile(
    context: dg.OpExecutionContext,
    config: ReconcileConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> None:
    """Ask for a session again: provisional bars become final, corrected ones are restated, gaps are judged anew."""
    try:
        session = date.fromisoformat(config.session)
        calendar = warehouse.calendar(MARKET)
        calendar.hours_of(session)
        load = LoadContext(vendor.open(), warehouse.engine(), MARKET, context.run_id, clock.now)
        report = reconcile_session(BarLoader(load, calendar), session)
    except (TickstockError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    sent = notifications.dispatch()
    facts = _facts(report) | {"events_sent": sent.sent, "events_waiting": sent.left}
    context.log_event(dg.AssetObservation(session_bars.key, partition=config.session, metadata=facts))
    context.add_output_metadata(facts)
    if report.load.failures:
        raise dg.Failure(f"{session}: {report.load.failures[0]}", metadata=facts, allow_retries=False)


@dg.job(description="Asks for a session again on the morning after: provisional bars become final or are restated.")
def us_reconcile() -> None:
    """One session."""
    reconcile()


@dg.schedule(
    job=us_reconcile,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="The second look at each session, at 11:30 on the next one's morning; holidays are passed over.",
)
def us_reconcile_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """The oldest session that is owed a second look, one at a time; one that fails is tried again at a later tick."""
    decision = _decide(context.instance, warehouse, context.scheduled_execution_time)
    if decision.session is None:
        return dg.SkipReason(decision.reason)
    session = str(decision.session)
    return dg.RunRequest(
        run_key=f"{session}/{decision.attempt}",
        run_config={"ops": {"reconcile_session": {"config": {"session": session}}}},
        tags={SESSION_TAG: session, TRIGGER_TAG: TRIGGER},
    )


def _decide(instance: dg.DagsterInstance, warehouse: WarehouseResource, now: datetime) -> ReconcileDecision:
    fail_orphans(instance)
    calendar = warehouse.calendar(MARKET)
    owed = {
        session: replace(look, attempts=instance.get_runs_count(_runs_for(session)))
        for session, look in pending_reconciles(warehouse.engine(), *span_of(calendar, now)).items()
    }
    return decide_reconcile(calendar, now, owed, in_progress=is_at_work(instance, {TRIGGER_TAG: TRIGGER}))


def _runs_for(session: date) -> dg.RunsFilter:
    return dg.RunsFilter(tags={SESSION_TAG: str(session), TRIGGER_TAG: TRIGGER})


def _facts(report: ReconcileReport) -> dict[str, int | str]:
    load = report.load
    return {
        "bars_finalised": report.finalised,
        "bars_restated": load.stored.restated,
        "bars_appeared": load.stored.inserted,
        "bars_still_provisional": report.left,
        "gaps_still_late": report.late,
        "gaps_by_reason": ", ".join(f"{count} {reason}" for reason, count in load.gaps.items()) or "none",
        "failures": "; ".join(load.failures[:10]) or "none",
        "vendor_calls": load.calls,
    }
