"""When a simulated month looks at the clock: the code location's schedules and sensors, and the moments of each.

The world in which they are evaluated is in `simulated_month`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dagster._utils.schedules import schedule_execution_time_iterator  # what the daemon itself walks along

from tickstock_dagster_tests.defs.factory import all_definitions

NEW_YORK = ZoneInfo("America/New_York")
RECONCILE_HOUR = 11


def eastern(text: str) -> datetime:
    """A moment on New York's clocks, UTC: `2026-11-03 16:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@cache
def schedules() -> tuple[str, ...]:
    """Every schedule of the code location."""
    return tuple(sorted(one.name for one in all_definitions().get_repository_def().schedule_defs))


@cache
def sensors() -> tuple[str, ...]:
    """Every sensor of the code location."""
    return tuple(sorted(one.name for one in all_definitions().get_repository_def().sensor_defs))


@cache
def target(name: str) -> str:
    """The one job that a schedule or a sensor launches."""
    if name in schedules():
        return all_definitions().resolve_schedule_def(name).job_name
    return all_definitions().resolve_sensor_def(name).job_name


@cache
def has_clock(job: str) -> bool:
    """Whether anything in a job asks what time it is."""
    nodes = all_definitions().resolve_job_def(job).graph.iterate_op_defs()
    return any("clock" in node.required_resource_keys for node in nodes)


def schedule_ticks(begins: datetime, ends: datetime, closes: Iterable[datetime]) -> dict[datetime, list[str]]:
    """The schedules that tick at each moment, as Dagster itself produces the ticks.

    Every tick from a quarter of an hour before each close until four hours after it, and in the hour of the second
    look; else those on the hour, as with a daemon that was away in between.
    """
    dense = {close + timedelta(minutes=minutes) for close in closes for minutes in range(-15, 241, 15)}
    ticks: dict[datetime, list[str]] = {}
    for name in schedules():
        cron = all_definitions().resolve_schedule_def(name)
        for moment in schedule_execution_time_iterator(begins.timestamp(), cron.cron_schedule, cron.execution_timezone):
            if moment > ends:
                break
            if moment in dense or moment.minute == 0 or moment.astimezone(NEW_YORK).hour == RECONCILE_HOUR:
                ticks.setdefault(moment.astimezone(UTC), []).append(name)
    return ticks


def sensor_moments(begins: datetime, ends: datetime, closes: Iterable[datetime]) -> set[datetime]:
    """When the sensors are looked at: often while a session is loaded, hourly at night and on closed days.

    Every minute in the five minutes after a first attempt, every five minutes in the half hour from then on, every 15
    until four hours after the close; else every hour.
    """
    moments = {begins + timedelta(hours=number) for number in range(int((ends - begins) / timedelta(hours=1)) + 1)}
    for close in closes:
        for span in (range(30, 36), range(25, 61, 5), range(0, 241, 15)):
            moments |= {close + timedelta(minutes=minutes) for minutes in span}
    return {moment for moment in moments if begins <= moment <= ends}
