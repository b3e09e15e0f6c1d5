"""The processing queue in Dagster: a job whose runs are its workers, the sensor that requests them, a job of edits.

A dataset is worked on by the handler that `HANDLERS` names. Bars have none: their loads plan, lease and ask for
themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.leases import expire_leases, holding
from tickstock_dagster.adapters.ledger.performance import record_performance
from tickstock_dagster.adapters.ledger.queue import drop_entries, retry_entries
from tickstock_dagster.adapters.ledger.queue_reading import entries_due, entries_elsewhere, waiting_elsewhere
from tickstock_dagster.adapters.ledger.queue_work import Handler, Worker, WorkLimits
from tickstock_dagster.adapters.securities.symbol_details import QueuedDetails
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError, TickstockError, choices
from tickstock_dagster.core.loading.ledger import Dataset
from tickstock_dagster.defs.automation import DEFAULT_STATUS, LOADS, is_at_work
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.tags import TRIGGER_TAG, VENDOR_POOL
from tickstock_dagster.settings import load_settings

HANDLERS: Mapping[Dataset, Callable[[LoadContext[MarketSource], int], Handler[Any]]] = {
    Dataset.SYMBOL_DETAILS: QueuedDetails,
}
"""How entries of each dataset are answered: given the context and how many calls go side by side."""

QUEUE_TRIGGER = "queue"

RETRY_AFTER = timedelta(minutes=15)
"""After a run that failed, as with a key that may not ask or a vendor that is away, no further one is requested for so
long: an outage uses up the attempts of few entries."""


class QueueConfig(dg.Config):
    """What one run of the queue works on, and how long."""

    datasets: list[str] = Field([], description="Only entries of these datasets; empty: of all that have a handler.")
    workers: int = Field(8, ge=1, le=64, description="Calls side by side. Further runs may work beside this one.")
    most_entries: int = Field(10_000, ge=1, le=1_000_000, description="The run ends after so many entries.")
    seconds: float = Field(600, gt=0, le=86_400, description="The run leases no further entries after so long.")


@dg.op(name="work_on_queue", pool=VENDOR_POOL)
def work_on_queue(
    context: dg.OpExecutionContext,
    config: QueueConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> None:
    """Lease the most urgent entries, ask for them, and store each answer with its entry's end."""
    with failures():
        load = LoadContext(vendor.open(), warehouse.engine(), MARKET, context.run_id, clock.now)
        chosen = _handlers(config.datasets)
        with holding(load.engine, load.run_id) as holder:
            handlers = {dataset: make(load, config.workers) for dataset, make in chosen.items()}
            worker = Worker(holder, handlers, load.market, load.source.name, clock.now)
            try:
                report = worker.work(WorkLimits(config.most_entries, config.seconds))
            finally:
                load.record_calls()
                record_performance(load.engine, now=clock.now())
        left = entries_due(load.engine, load.market, load.source.name, clock.now())
    sent = notifications.dispatch()
    if sent.error:
        context.log.warning("%s notifications wait: %s", sent.left, sent.error)
    facts = {name: value for name, value in asdict(report).items() if isinstance(value, int)}
    away = ", ".join(sorted(map(str, report.away))) or "none"
    context.log.info("%s entries ended, %s of them badly; %s are due", report.ended, report.failed, sum(left.values()))
    context.add_output_metadata({**facts, "vendor_calls": load.calls, "left_due": sum(left.values()), "away": away})
    if report.away:
        words = f"{load.source.name} stopped answering for {away}: what was not asked for waits, as what failed does"
        raise dg.Failure(words, allow_retries=False)


@dg.job(description="Works on the processing queue: leases entries, the most urgent first, and asks for them.")
def process_queue() -> None:
    """One worker. Several runs may work side by side; what a killed one leased, the others take over at once."""
    work_on_queue()


@dg.sensor(
    job_name=process_queue.name,  # a job itself Dagster copies by a feature in beta, and warns
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Requests a worker when entries of the processing queue are due, one at a time, behind loads of bars.",
)
def processing_queue_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.RunRequest | dg.SkipReason:
    """The ledger says what is due; the calls of a session's bars come first, since both share one rate."""
    now = clock.now()
    try:
        engine = warehouse.engine()
        expire_leases(engine, now)
        source = vendor.open().name
        due = entries_due(engine, MARKET, source, now)
        elsewhere = waiting_elsewhere(entries_elsewhere(engine, MARKET, source), source)
    except TickstockError as error:
        return dg.SkipReason(str(error))
    ready = {name: count for name, count in due.items() if name in HANDLERS}
    if not ready:
        others = ", ".join(f"{count} of {name}" for name, count in due.items())
        words = f"no entry is due{f' but {others}, which have no handler' if others else ''}"
        return dg.SkipReason("; ".join([words, *elsewhere]))
    fail_orphans(context.instance)
    if waits := _waits_for(context.instance, now):
        return dg.SkipReason(f"{sum(ready.values())} entries are due: {waits}")
    return dg.RunRequest(run_key=now.isoformat(), tags={TRIGGER_TAG: QUEUE_TRIGGER, "dagster/priority": "1"})


class EditQueueConfig(dg.Config):
    """What to do with which entries of the queue, and why."""

    action: Literal["retry", "drop"] = Field(description="retry: try again now; drop: give up, and keep the reason.")
    ids: list[str] = Field([], description="The entries, as `processing_queue.id` has them.")
    all_dead: bool = Field(False, description="With retry and without ids: every dead letter.")
    dataset: str = Field("", description="With all_dead: dead letters of this dataset alone.")
    reason: str = Field("", description="Why; needed for drop, and kept with the entries.")


@dg.op(name="edit_entries")
def edit_entries(
    context: dg.OpExecutionContext, config: EditQueueConfig, warehouse: WarehouseResource, clock: Clock
) -> None:
    """Try entries again or drop them, all that are named or none."""
    with failures():
        if bool(config.ids) == config.all_dead:
            raise BadInputError("ids", ", ".join(config.ids), "one or more ids, or all_dead")
        if config.action == "drop" and config.all_dead:
            raise BadInputError("all_dead", "true", "false with drop: what is dropped is named")
        engine, now = warehouse.engine(), clock.now()
        if config.action == "drop":
            count = drop_entries(engine, config.ids, reason=config.reason, now=now)
        else:
            count = retry_entries(
                engine,
                None if config.all_dead else config.ids,
                bounds=load_settings().queue_bounds,
                run_id=context.run_id,
                now=now,
                dataset=config.dataset or None,
            )
    context.log.info("%s entries: %s", config.action, count)
    context.add_output_metadata({"entries": count, "reason": config.reason or "none"})


@dg.job(
    description="Tries entries of the processing queue again, or drops them. Enter the configuration in the Launchpad."
)
def edit_queue() -> None:
    """One edit of the queue."""
    edit_entries()


def _handlers(names: Sequence[str]) -> dict[Dataset, Callable[[LoadContext[MarketSource], int], Handler[Any]]]:
    """The handlers of some datasets, of all without a name.

    Raises:
        BadInputError: a dataset has none.
    """
    for name in names:
        if name not in HANDLERS:
            raise BadInputError("dataset", name, choices(name, map(str, HANDLERS)))
    return {dataset: make for dataset, make in HANDLERS.items() if not names or dataset in names}


def _waits_for(instance: dg.DagsterInstance, now: datetime) -> str:
    """Why no worker is requested now; empty where one may be."""
    if is_at_work(instance, {}, process_queue.name):
        return "a worker is queued or started"
    if is_at_work(instance, LOADS):
        return "bars are being loaded"
    filters = dg.RunsFilter(job_name=process_queue.name, tags={TRIGGER_TAG: QUEUE_TRIGGER})
    last = next(iter(instance.get_run_records(filters, limit=1)), None)
    if last is None or last.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return ""
    again = last.update_timestamp + RETRY_AFTER
    return "" if now >= again else f"the last worker failed; the next is requested from {again:%H:%M} UTC on"
