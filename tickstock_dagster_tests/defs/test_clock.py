"""The end-of-day clock through the real schedules, tick by tick as Dagster's cron produces them.

What a cron that fires at a fixed 16:30 would do on the same days is shown beside it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator  # what the daemon itself walks along

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.end_of_day import first_attempt_at, maintenance_at, overdue_at
from tickstock_dagster_tests.defs.factory import Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import NEW_YORK, eastern, tick

XNYS = library_calendar("XNYS")


def cron_ticks(schedule: str, begins: datetime, ends: datetime) -> Iterator[datetime]:
    """The moments at which Dagster evaluates a schedule, from `begins` up to `ends`."""
    cron = all_definitions().resolve_schedule_def(schedule)
    for moment in schedule_execution_time_iterator(begins.timestamp(), cron.cron_schedule, cron.execution_timezone):
        if moment > ends:
            return
        yield moment.astimezone(NEW_YORK)


def first_launch(factory: Factory, schedule: str, run_key: str, begins: datetime, ends: datetime) -> datetime | None:
    """The first tick at which a schedule asks for a run of that key."""
    for moment in cron_ticks(schedule, begins, ends):
        answer = tick(factory, schedule, moment)
        if isinstance(answer, dg.RunRequest) and answer.run_key == run_key:
            return moment
    return None


DAYS = [
    ("2026-11-27", "13:30", "15:00"),  # half day after Thanksgiving
    ("2026-12-24", "13:30", "15:00"),  # half day before Christmas
    ("2026-03-06", "16:30", "18:00"),  # Friday before the clocks go forward: 21:30 UTC
    ("2026-03-09", "16:30", "18:00"),  # Monday after: 20:30 UTC
    ("2026-10-30", "16:30", "18:00"),  # Friday before they go back: 20:30 UTC
    ("2026-11-02", "16:30", "18:00"),  # Monday after: 21:30 UTC
]


def test_new_yorks_first_attempt_and_objective_hang_on_the_sessions_own_close(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(since=date(2026, 1, 2))
    for session, attempt, objective in DAYS:
        day = date.fromisoformat(session)
        expected, due = eastern(f"{session} {attempt}"), eastern(f"{session} {objective}")
        around = (expected - timedelta(minutes=45), expected)
        assert first_launch(factory, "us_eod_schedule", f"{session}/1", *around) == expected
        around = (due - timedelta(minutes=30), due)
        assert first_launch(factory, "us_bar_checks_schedule", f"due/{session}", *around) == due
        assert (first_attempt_at(XNYS, day), overdue_at(XNYS, day)) == (expected, due)
        assert maintenance_at(XNYS, day) == expected + timedelta(minutes=30)


def test_a_cron_at_a_fixed_half_past_four_is_wrong() -> None:
    week = datetime(2026, 11, 23, tzinfo=NEW_YORK)
    fired = []
    for moment in schedule_execution_time_iterator(week.timestamp(), "30 16 * * 1-5", "America/New_York"):
        if moment >= week + timedelta(days=5):
            break
        fired.append(moment.astimezone(NEW_YORK))
    assert [moment.day for moment in fired] == [23, 24, 25, 26, 27]
    assert not XNYS.is_session(fired[3]), "it fires on Thanksgiving, when there is nothing to load"
    late = fired[4] - first_attempt_at(XNYS, date(2026, 11, 27))
    assert late == timedelta(hours=3), "and three hours late on the half day after it"
    assert fired[4] > overdue_at(XNYS, date(2026, 11, 27)), "when the objective is past"


def local(key: str, moment: datetime) -> str:
    return f"{moment.astimezone(library_calendar(key).timezone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("key", "session", "attempt", "in_utc"),
    [
        ("XNYS", "2026-03-06", "2026-03-06 16:30", "21:30"),
        ("XNYS", "2026-03-09", "2026-03-09 16:30", "20:30"),  # US since 03-08
        ("XNYS", "2026-10-30", "2026-10-30 16:30", "20:30"),
        ("XNYS", "2026-11-02", "2026-11-02 16:30", "21:30"),  # US since 11-01
        ("XLON", "2026-03-09", "2026-03-09 17:00", "17:00"),
        ("XLON", "2026-03-27", "2026-03-27 17:00", "17:00"),
        ("XLON", "2026-03-30", "2026-03-30 17:00", "16:00"),  # EU since 03-29
        ("XLON", "2026-10-23", "2026-10-23 17:00", "16:00"),
        ("XLON", "2026-10-26", "2026-10-26 17:00", "17:00"),  # EU since 10-25
        ("XLON", "2026-12-24", "2026-12-24 13:00", "13:00"),
        ("XETR", "2026-03-27", "2026-03-27 18:00", "17:00"),
        ("XETR", "2026-03-30", "2026-03-30 18:00", "16:00"),
        ("XETR", "2026-10-23", "2026-10-23 18:00", "16:00"),
        ("XETR", "2026-10-26", "2026-10-26 18:00", "17:00"),
        ("XETR", "2026-12-30", "2026-12-30 14:30", "13:30"),
        ("XTKS", "2024-11-01", "2024-11-01 15:30", "06:30"),  # closes at 15:00
        ("XTKS", "2024-11-05", "2024-11-05 16:00", "07:00"),  # closes at 15:30 from this day on
    ],
)
def test_each_markets_first_attempt_is_half_an_hour_after_its_own_close(
    key: str, session: str, attempt: str, in_utc: str
) -> None:
    calendar, day = library_calendar(key), date.fromisoformat(session)
    begins_at = first_attempt_at(calendar, day)
    assert local(key, begins_at) == attempt
    assert f"{begins_at:%H:%M}" == in_utc
    assert begins_at == calendar.closes_at(day) + timedelta(minutes=30)
    assert maintenance_at(calendar, day) == calendar.closes_at(day) + timedelta(minutes=60)
    assert overdue_at(calendar, day) == calendar.closes_at(day) + timedelta(minutes=120)


@pytest.mark.parametrize("key", ["XLON", "XETR"])
def test_no_fixed_hour_in_new_york_or_utc_is_right_in_europe_all_year(key: str) -> None:
    calendar = library_calendar(key)
    days = [day for day in calendar.sessions(date(2026, 1, 2), date(2026, 12, 23)) if not calendar.is_early_close(day)]
    moments = [first_attempt_at(calendar, day) for day in days]
    assert len({moment.astimezone(calendar.timezone).time() for moment in moments}) == 1
    assert len({moment.time() for moment in moments}) == 2, "an hour apart in UTC"
    in_new_york: dict[int, list[date]] = {}
    for day, moment in zip(days, moments, strict=True):
        in_new_york.setdefault(moment.astimezone(NEW_YORK).hour, []).append(day)
    assert len(in_new_york) == 2
    odd = min(in_new_york.values(), key=len)
    assert (min(odd), max(odd)) == (date(2026, 3, 9), date(2026, 10, 30)), "while only one side has changed its clocks"
    assert all(
        date(2026, 3, 8) < day < date(2026, 3, 29) or date(2026, 10, 25) < day < date(2026, 11, 1) for day in odd
    )


def test_the_clock_is_asked_in_the_exchanges_zone_on_the_days_when_the_clocks_change() -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25)):
        begins = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)
        ends = begins + timedelta(days=1) - timedelta(seconds=1)
        ticks = list(cron_ticks("us_eod_schedule", begins, ends))
        assert len({moment.astimezone(UTC) for moment in ticks}) == hours * 4
