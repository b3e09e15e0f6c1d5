"""Maintenance in the closed days of the market: a job, the schedule that decides by the calendar, and what follows it.

Missing correlations, retention, VACUUM. Maintenance after every session belongs in `defs.operations.light_maintenance`,
the checks of every evening in `defs.quality.schedules`, the synchronisation of every complete session in
`defs.universes.sensors`: the sensor here only requests one more attempt where those were used up.
"""

from datetime import date

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.operations.maintenance import MaintenanceReport, last_maintained, maintain
from tickstock_dagster.adapters.quality.table_checks import wrong_factors
from tickstock_dagster.adapters.universes.correlation_store import refresh_correlation_history
from tickstock_dagster.adapters.universes.sync_reading import sessions_due
from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.operations.maintenance import decide_maintenance
from tickstock_dagster.defs.automation import DEFAULT_STATUS, LOADS, is_at_work
from tickstock_dagster.defs.operations.light_maintenance import LIGHT_TRIGGER, TRIGGER, light_maintenance
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.tags import SESSION_TAG, STRETCH_TAG, TRIGGER_TAG
from tickstock_dagster.defs.universes.jobs import universe_sync
from tickstock_dagster.settings import load_settings

_SHOWN = 10


class MaintenanceConfig(dg.Config):
    """The closed days to use."""

    session: str = Field("", description="Last session before the closed days; empty: the latest closed one.")


@dg.op(out=dg.Out(dg.Nothing))
def correlation_history(
    context: dg.OpExecutionContext, warehouse: WarehouseResource, notifications: RedisNotifications, clock: Clock
) -> None:
    """Compute the correlations of complete sessions that have none."""

    def log_progress(done: int, total: int) -> None:
        context.log.info("correlations: %s of %s sessions", done, total)

    with failures():
        calendar, now = warehouse.calendar(MARKET), clock.now()
        report = refresh_correlation_history(warehouse.engine(), calendar, MARKET, now, log_progress)
    sent = notifications.dispatch()
    shown = f"{report.sessions[0]} to {report.sessions[-1]}" if report.sessions else "none"
    context.add_output_metadata(
        {
            "sessions_without_values": len(report.sessions),
            "span": shown,
            "values_written": report.written,
            "events": report.published,
            "events_sent": sent.sent,
            "events_waiting": sent.left,
        }
    )


@dg.op(ins={"after": dg.In(dg.Nothing)})
def maintain_store(
    context: dg.OpExecutionContext, config: MaintenanceConfig, warehouse: WarehouseResource, clock: Clock
) -> None:
    """Remove records past their retention; VACUUM (ANALYZE) every table; prove the factors of adjusted prices.

    Fails where a factor is wrong, after the rest is done: another run would find the same.
    """

    def log_progress(done: int, total: int, what: str) -> None:
        context.log.info("maintenance: %s of %s, %s", done, total, what)

    try:
        calendar = warehouse.calendar(MARKET)
        session = date.fromisoformat(config.session or str(calendar.latest_closed_session(clock.now())))
        report = maintain(
            warehouse.engine(),
            load_settings().retention,
            market=MARKET,
            session=session,
            run_id=context.run_id,
            clock=clock.now,
            progress=log_progress,
        )
        wrong = wrong_factors(warehouse.engine())
    except (TickstockError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    context.add_output_metadata({"session": str(session), "wrong_factors": wrong.count, **_facts(report)})
    if wrong.count:
        raise dg.Failure(f"adjusted prices are wrong: {'; '.join(wrong.sample)}", allow_retries=False)


@dg.job(description="In the closed days: missing correlations, retention, VACUUM (ANALYZE) of every table.")
def maintenance() -> None:
    """Correlations come first, so that what they write is vacuumed too."""
    maintain_store(after=correlation_history())


@dg.schedule(
    job=maintenance,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Once in each stretch of closed days (weekends, holidays), from an hour after the last close on.",
)
def maintenance_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Decides by the calendar (is it closed), the store (is it maintained) and the run history (what runs)."""
    instance, now = context.instance, context.scheduled_execution_time
    fail_orphans(instance)
    calendar = warehouse.calendar(MARKET)
    tags = {STRETCH_TAG: str(calendar.latest_closed_session(now)), TRIGGER_TAG: TRIGGER}
    attempts = instance.get_runs_count(dg.RunsFilter(tags=tags))
    decision = decide_maintenance(
        calendar,
        now,
        maintained=last_maintained(warehouse.engine(), MARKET),
        attempts=attempts,
        in_progress=is_at_work(instance, {TRIGGER_TAG: [TRIGGER, LIGHT_TRIGGER]}),
        eod_unfinished=is_at_work(instance, LOADS),
    )
    if not decision.due:
        return dg.SkipReason(decision.reason)
    return dg.RunRequest(
        run_key=f"{decision.session}/{attempts + 1}",
        run_config={"ops": {maintain_store.name: {"config": {"session": str(decision.session)}}}},
        tags={**tags, "dagster/priority": "1"},
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[maintenance, light_maintenance],
    request_job=universe_sync,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="After any maintenance: synchronises the universes of the latest complete session if that is due.",
)
def maintenance_universes_sensor(
    context: dg.RunStatusSensorContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """One more attempt for a session that has used up its own."""
    due = sessions_due(warehouse.engine(), MARKET)
    if not due:
        return dg.SkipReason("the universes of every complete session are synchronised")
    tags = {SESSION_TAG: str(due[-1])}
    if is_at_work(context.instance, tags, universe_sync.name):
        return dg.SkipReason(f"a run for {due[-1]} is queued or started")
    return dg.RunRequest(
        run_key=context.dagster_run.run_id, partition_key=str(due[-1]), tags={**tags, TRIGGER_TAG: TRIGGER}
    )


def _facts(report: MaintenanceReport) -> dict[str, dg.MetadataValue | int | float | str]:
    head = ["table", "bytes before", "after", "seconds"]
    rows = [
        (name, f"{care.before:,}", f"{care.after:,}", care.skipped or f"{care.seconds:.2f}")
        for name, care in list(report.tables.items())[:_SHOWN]
    ]
    return {
        **{f"removed_{what}": count for what, count in report.removed.items()},
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "tables_vacuumed": len(report.tables) - len(report.skipped),
        "tables_skipped": "; ".join(f"{name}: {why}" for name, why in report.skipped.items()) or "none",
        "largest_tables": dg.MetadataValue.md(markdown_table(head, rows, right=head[1:])),
        "seconds": round(report.seconds, 3),
    }
