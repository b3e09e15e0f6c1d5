"""Reconciling the sessions of a market outside the US with its file: its job, and which session is next.

Made for each market by `defs.bars.market_automation`; the US market's is in `defs.bars.reconcile`.
"""

from dataclasses import replace
from datetime import date, datetime

import dagster as dg

from tickstock_dagster.adapters.bars.file_reconcile import pending_with_file, reconcile_with_file
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.bars.reconcile import decide_reconcile, span_of
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.errors import BadInputError, TickstockError
from tickstock_dagster.defs.automation import BarSource, MarketRoad, is_at_work, runs_count
from tickstock_dagster.defs.bars.market_bars import market_asset
from tickstock_dagster.defs.bars.market_files import MarketFiles, resource_key
from tickstock_dagster.defs.bars.reconcile import TRIGGER, ReconcileConfig, reconcile_facts
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG, market_tags


def market_reconcile(road: MarketRoad) -> dg.JobDefinition:
    """The job `<mic>_reconcile`."""
    market, resource = market_named(road.market), resource_key(road.market)

    @dg.op(name=_op(road), required_resource_keys={"warehouse", "notifications", "clock", resource})
    def reconcile(context: dg.OpExecutionContext, config: ReconcileConfig) -> None:
        """Compare a session with the file: unchanged bars become final, changed ones are restated, gaps checked."""
        warehouse: WarehouseResource = context.resources.warehouse
        notifications: RedisNotifications = context.resources.notifications
        clock: Clock = context.resources.clock
        files: MarketFiles = getattr(context.resources, resource)
        try:
            session = date.fromisoformat(config.session)
            calendar = warehouse.calendar(road.market)
            calendar.hours_of(session)
            load = LoadContext(files.open(), warehouse.engine(), road.market, context.run_id, clock.now)
            report = reconcile_with_file(BarLoader(load, calendar), session)
        except (TickstockError, ValueError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        sent = notifications.dispatch()
        facts = reconcile_facts(report) | {"events_sent": sent.sent, "events_waiting": sent.left}
        asset = market_asset(road.market)
        context.log_event(dg.AssetObservation(asset.key, partition=config.session, metadata=facts))
        context.add_output_metadata(facts)
        if report.load.failures:
            raise dg.Failure(f"{session}: {report.load.failures[0]}", metadata=facts, allow_retries=False)

    @dg.job(
        name=f"{road.prefix}_reconcile",
        description=f"Compares a session of {market.name} with its file: bars become final or are restated.",
    )
    def job() -> None:
        """One session."""
        reconcile()

    return job


def next_reconcile(
    road: MarketRoad, instance: dg.DagsterInstance, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """The run for the oldest session that waits for a reconcile and of which the file has rows, or why there is none.

    Args:
        road: the market's.
        instance: whose run history counts.
        warehouse: the store.
        source: the market's file.
        now: aware.
    """
    fail_orphans(instance)
    calendar = warehouse.calendar(road.market)
    try:
        file = source.open()
        assert isinstance(file, FileSource)  # noqa: S101  # of a road by file
        found = pending_with_file(warehouse.engine(), calendar, file, *span_of(calendar, now))
    except BadInputError as error:
        return dg.SkipReason(f"its file cannot be read: {error}")
    trigger = {TRIGGER_TAG: TRIGGER}
    waiting = [day for day, one in found.items() if one.waits]
    attempts = {day: runs_count(instance, {SESSION_TAG: str(day), **trigger}, market=road.market) for day in waiting}
    decision = decide_reconcile(
        calendar,
        now,
        {day: replace(one, attempts=attempts.get(day, 0)) for day, one in found.items()},
        in_progress=is_at_work(instance, trigger, market=road.market),
    )
    if decision.session is None:
        return dg.SkipReason(decision.reason)
    session = str(decision.session)
    return dg.RunRequest(
        run_key=f"{session}/{decision.attempt}",
        run_config={"ops": {_op(road): {"config": {"session": session}}}},
        tags={SESSION_TAG: session, **trigger, **market_tags(road.market)},
    )


def _op(road: MarketRoad) -> str:
    return f"{road.prefix}_reconcile_session"
