"""Catching up: the sensor that loads what is owed of earlier sessions, after an outage or a longer history.

The newest session belongs to `defs.bars.end_of_day`. A catch-up is a run of the same job at low priority; it declares
no end of day, since consumers of a later session's event have moved on.
"""

from collections.abc import Iterator
from datetime import date, datetime

import dagster as dg

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.loading.catch_up import CatchUp, Setback, decide_catch_up
from tickstock_dagster.core.loading.owed import OwedSession, owed_by_session, with_actions
from tickstock_dagster.defs.automation import DEFAULT_STATUS, UNFINISHED, eod_situation, is_at_work, sessions_of_run
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import CATCH_UP, RANGE_END, RANGE_START, REQUESTED_TAG, SESSION_TAG, TRIGGER_TAG

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
    instance, now = context.instance, clock.now()
    situation = eod_situation(instance, warehouse, vendor, now)
    calendar, newest = situation.calendar, situation.decision.session
    engine = warehouse.engine()
    tracked = Expectation.of_tracked(engine)
    owed = owed_by_session(owed_cells(engine, calendar, newest, tracked=tracked), now)
    if tracked.begins:
        actions = owed_action_sessions(engine, calendar, tracked.begins, market=MARKET, now=now)
        owed = with_actions(owed, actions.iter_rows())
    keyed, added = _with_partitions(owed)
    decision = decide_catch_up(
        calendar,
        now,
        keyed,
        newest_waits=(situation.decision.attempt and not situation.attempts)
        or is_at_work(instance, {SESSION_TAG: str(newest), TRIGGER_TAG: "eod"}),
        busy=frozenset(_busy(instance, calendar)),
        in_progress=is_at_work(instance, {TRIGGER_TAG: CATCH_UP}),
        setbacks=_setbacks(instance),
    )
    if decision.first is None:
        words = (
            f"; {', '.join(map(str, added))}: `tickstock eod --session` loads what has no partition" if added else ""
        )
        return dg.SkipReason(decision.reason + words)
    return _request(instance, decision, now)


def _request(instance: dg.DagsterInstance, decision: CatchUp, now: datetime) -> dg.RunRequest:
    span = {RANGE_START: str(decision.first), RANGE_END: str(decision.last), TRIGGER_TAG: CATCH_UP}
    attempt = instance.get_runs_count(dg.RunsFilter(tags=span)) + 1
    return dg.RunRequest(
        run_key=f"{decision.first}/{decision.last}/{attempt}",
        run_config={"ops": {session_bars.op.name: {"config": {"owed": True}}}},
        tags={**span, REQUESTED_TAG: now.isoformat(), "dagster/priority": "1"},
    )


def _with_partitions(owed: list[OwedSession]) -> tuple[list[OwedSession], list[date]]:
    """The sessions that have a partition, and those that an override added."""
    library = library_calendar(MARKET)
    keyed = [one for one in owed if library.is_session(one.session)]
    return keyed, [one.session for one in owed if not library.is_session(one.session)]


def _busy(instance: dg.DagsterInstance, calendar: SessionCalendar) -> Iterator[date]:
    """Sessions that a queued or started run loads for everything tracked."""
    for run in instance.get_runs(dg.RunsFilter(job_name=us_eod.name, statuses=UNFINISHED)):
        first, last = sessions_of_run(run.tags)
        if first and last:
            yield from calendar.sessions(date.fromisoformat(first), date.fromisoformat(last))


def _setbacks(instance: dg.DagsterInstance) -> list[Setback]:
    """The catch-ups that have failed since the last success over the same sessions."""
    found: dict[tuple[str, str], list[datetime]] = {}
    ended: set[tuple[str, str]] = set()
    for run in instance.get_runs(dg.RunsFilter(tags={TRIGGER_TAG: CATCH_UP}), limit=_REMEMBERED):  # the newest first
        span, requested = (run.tags.get(RANGE_START, ""), run.tags.get(RANGE_END, "")), run.tags.get(REQUESTED_TAG)
        if run.status is not dg.DagsterRunStatus.FAILURE:
            ended.add(span)
        elif span not in ended and requested:
            found.setdefault(span, []).append(datetime.fromisoformat(requested))
    return [
        Setback(date.fromisoformat(first), date.fromisoformat(last), len(times), max(times))
        for (first, last), times in found.items()
    ]
