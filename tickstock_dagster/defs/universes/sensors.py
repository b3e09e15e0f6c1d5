"""Sensors about universes: the synchronisation of every complete session, and the grids behind it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from tickstock_dagster.adapters.universes.sync_reading import sessions_due, universe_keys
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.universes.catalogue import THEMES
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.partitions import UNIVERSES, grid_start, sessions, universes
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.tags import PARTITION_TAG, RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster.defs.universes.jobs import universe_membership, universe_sync, universe_themes

SYNC_TRIGGER = "sync"
MAX_ATTEMPTS = 3
"""After so many failed runs a person has to act: the last run says why, and the Launchpad can accept it."""

RETRY_AFTER = timedelta(minutes=15)

_STATUS = dg.DefaultSensorStatus(DEFAULT_STATUS)


@dg.sensor(
    job=universe_sync,
    minimum_interval_seconds=60,
    default_status=_STATUS,
    description="Synchronises the universes of every session declared complete, the oldest first, one at a time.",
)
def universe_sync_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: Clock
) -> dg.RunRequest | dg.SkipReason:
    """The ledger says what is due, so that no session is lost while the sensor is off."""
    try:
        due = sessions_due(warehouse.engine(), MARKET)
    except TickstockError as error:
        return dg.SkipReason(str(error))
    if not due:
        return dg.SkipReason("the universes of every complete session are synchronised")
    fail_orphans(context.instance)
    return _next_request(context.instance, due, clock.now())


def _next_request(instance: dg.DagsterInstance, due: Sequence[date], now: datetime) -> dg.RunRequest | dg.SkipReason:
    """A run for the first session that may be attempted, or why none may."""
    waits = []
    for session in due:
        tags = {SESSION_TAG: str(session)}
        records = instance.get_run_records(dg.RunsFilter(job_name=universe_sync.name, tags=tags))
        if any(not record.dagster_run.is_finished for record in records):
            return dg.SkipReason(f"a run for {session} is queued or started; the next session's members follow from it")
        if not sessions.has_partition_key(str(session)):
            waits.append(f"{session}: this machine's clock has not reached it; `tickstock universe sync` takes it")
            continue
        own = [record for record in records if record.dagster_run.tags.get(TRIGGER_TAG) == SYNC_TRIGGER]
        ended = max((record.update_timestamp for record in records), default=None)
        if len(own) >= MAX_ATTEMPTS:
            waits.append(f"{session}: {len(own)} runs failed, the last says why; launch {universe_sync.name} by hand")
        elif ended is not None and now < ended + RETRY_AFTER:
            waits.append(f"{session}: its last run did not succeed; the next is due at {ended + RETRY_AFTER:%H:%M} UTC")
        else:
            return dg.RunRequest(
                run_key=f"{session}/{len(own) + 1}",
                partition_key=str(session),
                tags={**tags, TRIGGER_TAG: SYNC_TRIGGER, "dagster/priority": "5"},
            )
    return dg.SkipReason("; ".join(waits[:3]) + (f"; {len(waits) - 3} more" if len(waits) > 3 else ""))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[universe_sync],
    request_jobs=[universe_themes, universe_membership],
    minimum_interval_seconds=30,
    default_status=_STATUS,
    description="After a synchronisation: brings the grids of themes and of universes up to date, in one run each.",
)
def universe_grid_sensor(
    context: dg.RunStatusSensorContext, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Every theme and every universe on the session of the run that succeeded; a new universe gets its key here."""
    tags = context.dagster_run.tags
    session = tags.get(PARTITION_TAG) or tags.get(RANGE_START)
    if session is None:
        return dg.SkipReason("the run had no partition")
    names = list(THEMES)
    requests = [_range(context, universe_themes.name, session, names[0], names[-1])]
    held = context.instance.get_dynamic_partitions(UNIVERSES)
    new = [key for key in universe_keys(warehouse.engine()) if key not in held]
    keys = [*held, *new]
    if keys and session >= str(grid_start()):
        requests.append(_range(context, universe_membership.name, session, keys[0], keys[-1]))
    return dg.SensorResult(
        run_requests=requests, dynamic_partitions_requests=[universes.build_add_request(new)] if new else []
    )


def _range(context: dg.RunStatusSensorContext, job: str, session: str, first: str, last: str) -> dg.RunRequest:
    """One run over a rectangle of partitions; Dagster's ranges follow the order in which keys were registered."""
    return dg.RunRequest(
        run_key=f"{job}/{context.dagster_run.run_id}",
        job_name=job,
        tags={
            RANGE_START: f"{session}|{first}",
            RANGE_END: f"{session}|{last}",
            SESSION_TAG: session,
            TRIGGER_TAG: "sensor",
        },
    )
