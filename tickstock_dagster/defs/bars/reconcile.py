"""Reconciling a session on the morning after: the job, and the schedule that knows when it is due."""

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
    """The session to reconcile."""

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
    """Request a session's bars again: provisional bars become final, corrected ones are restated, gaps checked."""
    try:
        session = date.fromisoformat(config.session)
        calendar = warehouse.calendar(MARKET)
        calendar.hours_of(session)
        load = LoadContext(vendor.open(), warehouse.engine(), MARKET, context.run_id, clock.now)
        report = reconcile_session(BarLoader(load, calendar), session)
    except (TickstockError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    sent = notifications.dispatch()
    facts = reconcile_facts(report) | {"events_sent": sent.sent, "events_waiting": sent.left}
    context.log_event(dg.AssetObservation(session_bars.key, partition=config.session, metadata=facts))
    context.add_output_metadata(facts)
    if report.load.failures:
        raise dg.Failure(f"{session}: {report.load.failures[0]}", metadata=facts, allow_retries=False)


@dg.job(description="Requests a session's bars again on the morning after: they become final or are restated.")
def us_reconcile() -> None:
    """One session."""
    reconcile()


@dg.schedule(
    job=us_reconcile,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Reconciles each session at 11:30 on the next session's morning; knows holidays.",
)
def us_reconcile_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Reconcile the oldest session that waits for it, one at a time; a later tick retries one that failed."""
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
    pending = {
        session: replace(one, attempts=instance.get_runs_count(_runs_for(session)))
        for session, one in pending_reconciles(warehouse.engine(), calendar, *span_of(calendar, now)).items()
    }
    return decide_reconcile(calendar, now, pending, in_progress=is_at_work(instance, {TRIGGER_TAG: TRIGGER}))


def _runs_for(session: date) -> dg.RunsFilter:
    return dg.RunsFilter(tags={SESSION_TAG: str(session), TRIGGER_TAG: TRIGGER})


def reconcile_facts(report: ReconcileReport) -> dict[str, int | str]:
    """The counts of a reconcile, as metadata."""
    load = report.load
    return {
        "bars_finalised": report.finalised,
        "bars_restated": load.stored.restated,
        "bars_appeared": load.stored.inserted,
        "bars_still_provisional": report.left,
        "gaps_still_late": report.late,
        "gaps_by_reason": ", ".join(f"{count} {reason}" for reason, count in load.gaps.items()) or "none",
        "failures": "; ".join(load.failures[:10]) or "none",
        "units_retrying": load.retrying,
        "units_dead": "; ".join(load.dead[:10]) or "none",
        "vendor_calls": load.calls,
    }
