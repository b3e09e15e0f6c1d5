"""Catching up: the sensor that loads what is owed of earlier sessions, after an outage or a longer history.

The newest session belongs to `defs.bars.end_of_day`. A catch-up is a run of the same job at low priority; it declares
no end of day, since consumers of a later session's event have moved on. `catch_up` serves every market. What else is
owed is named here; `defs.operations.dataset_catch_up` makes up for it.
"""

from collections.abc import Iterator
from datetime import date, datetime

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.owed_datasets import Dataset, owed_besides_bars
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.catch_up import CatchUp, Setback, decide_catch_up
from tickstock_dagster.core.loading.owed import OwedSession, owed_by_dataset, owed_by_session, with_actions
from tickstock_dagster.defs.automation import (
    DEFAULT_STATUS,
    UNFINISHED,
    US,
    BarSource,
    MarketRoad,
    eod_situation,
    is_at_work,
    runs_count,
    sessions_of_run,
)
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.bars.market_files import offer_of
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import (
    CATCH_UP,
    RANGE_END,
    RANGE_START,
    REQUESTED_TAG,
    TRIGGER_TAG,
    eod_tags,
    market_tags,
)

_REMEMBERED = 50
"""Catch-ups that are looked at for failures."""


@dg.sensor(
    job=us_eod,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Loads what is owed of earlier sessions, the newest first: one run at a time, at low priority.",
)
def us_catch_up_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.RunRequest | dg.SkipReason:
    """Decides by the store (what is owed) and the run history (what runs already, what failed)."""
    return catch_up(US, context.instance, warehouse, vendor, clock.now())


def catch_up(
    road: MarketRoad, instance: dg.DagsterInstance, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """Load what a market owes of earlier sessions: one run at a time, the newest sessions first.

    Args:
        road: the market's.
        instance: whose run history counts.
        warehouse: the store.
        source: of the market. A file is asked which sessions it has; no run is made for others.
        now: aware.
    """
    situation = eod_situation(road, instance, warehouse, source, now)
    calendar, newest = situation.calendar, situation.decision.session
    first_waits, absent, words = situation.first_waits, tuple[date, ...](), ""
    engine = warehouse.engine()
    tracked = Expectation.of_tracked(engine, market=road.market)
    cells = owed_cells(engine, calendar, newest, tracked=tracked)
    if road.by_file:
        cells = cells.filter(pl.col("session") < newest)
    if road.by_file and not cells.is_empty():
        try:
            offer = offer_of(source.open(), cells, now)
        except BadInputError as error:
            return dg.SkipReason(f"{cells.height:,} bars are owed; their file cannot be read: {error}")
        # A file that comes later than the next close must not keep back what it has.
        first_waits, absent = first_waits and offer.newest == newest, offer.absent
        if lacks := cells.height - offer.cells.height:
            words = f"; {lacks:,} owed bars are not out yet, the newest of {cells['session'].max()!s}"
        cells = offer.cells
    owed = owed_by_session(cells, now)
    besides = owed_besides_bars(engine, calendar, tracked.begins, now=now)
    its_own = pl.col("dataset") == Dataset.ACTIONS
    owed = with_actions(owed, besides.filter(its_own).select("session", "reason").iter_rows())
    words += "".join(f"; owed: {one}" for one in owed_by_dataset(besides.filter(~its_own)))
    keyed, added = _with_partitions(road, owed)
    if added:
        loads = "" if road.by_file else ": `tickstock eod --session` loads what has no partition"
        words += f"; {', '.join(map(str, added))}{loads or ' have no partition'}"
    decision = decide_catch_up(
        calendar,
        now,
        keyed,
        newest_waits=first_waits or is_at_work(instance, eod_tags(newest, road.market), market=road.market),
        busy=frozenset([*_busy(road, instance, calendar), *absent]),
        in_progress=is_at_work(instance, {TRIGGER_TAG: CATCH_UP}, market=road.market),
        setbacks=_setbacks(road, instance),
    )
    if decision.first is None:
        return dg.SkipReason(decision.reason + words)
    return _request(road, instance, decision, now)


def _request(road: MarketRoad, instance: dg.DagsterInstance, decision: CatchUp, now: datetime) -> dg.RunRequest:
    span = {RANGE_START: str(decision.first), RANGE_END: str(decision.last), TRIGGER_TAG: CATCH_UP}
    attempt = runs_count(instance, span, market=road.market) + 1
    return dg.RunRequest(
        run_key=f"{decision.first}/{decision.last}/{attempt}",
        run_config={"ops": {road.op: {"config": {"owed": True}}}},
        tags={**span, **market_tags(road.market), REQUESTED_TAG: now.isoformat(), "dagster/priority": "1"},
    )


def _with_partitions(road: MarketRoad, owed: list[OwedSession]) -> tuple[list[OwedSession], list[date]]:
    """The sessions that have a partition, and those that an override added."""
    library = library_calendar(road.market)
    keyed = [one for one in owed if library.is_session(one.session)]
    return keyed, [one.session for one in owed if not library.is_session(one.session)]


def _busy(road: MarketRoad, instance: dg.DagsterInstance, calendar: SessionCalendar) -> Iterator[date]:
    """Sessions that a queued or started run loads for everything tracked."""
    for run in instance.get_runs(dg.RunsFilter(job_name=road.job, statuses=UNFINISHED)):
        first, last = sessions_of_run(run.tags)
        if first and last:
            yield from calendar.sessions(date.fromisoformat(first), date.fromisoformat(last))


def _setbacks(road: MarketRoad, instance: dg.DagsterInstance) -> list[Setback]:
    """The catch-ups that have failed since the last success over the same sessions."""
    found: dict[tuple[str, str], list[datetime]] = {}
    ended: set[tuple[str, str]] = set()
    tags = {TRIGGER_TAG: CATCH_UP}
    for run in instance.get_runs(dg.RunsFilter(job_name=road.job, tags=tags), limit=_REMEMBERED):  # the newest first
        span, requested = (run.tags.get(RANGE_START, ""), run.tags.get(RANGE_END, "")), run.tags.get(REQUESTED_TAG)
        if run.status is not dg.DagsterRunStatus.FAILURE:
            ended.add(span)
        elif span not in ended and requested:
            found.setdefault(span, []).append(datetime.fromisoformat(requested))
    return [
        Setback(date.fromisoformat(first), date.fromisoformat(last), len(times), max(times))
        for (first, last), times in found.items()
    ]
