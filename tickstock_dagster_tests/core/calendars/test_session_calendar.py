"""What a calendar answers, what it refuses, and the laws its lookups keep."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from dagster import DailyPartitionsDefinition
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.markets import CALENDARS, MARKETS
from tickstock_dagster.core.calendars.session_calendar import (
    FIRST_DAY,
    LAST_DAY,
    SessionCalendar,
    SessionHours,
    library_calendar,
    partition_exclusions,
)
from tickstock_dagster.core.errors import BadInputError

NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")
FRIDAY_3_JULY = date(2026, 7, 3)

keys = st.sampled_from(CALENDARS)
inner_days = st.dates(FIRST_DAY + timedelta(days=14), LAST_DAY - timedelta(days=14))
inner_instants = st.datetimes(datetime(2000, 1, 15), datetime(2050, 12, 15), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.fixture
def xnys() -> SessionCalendar:
    return library_calendar("XNYS")


@pytest.fixture
def xtks() -> SessionCalendar:
    return library_calendar("XTKS")


def test_a_session_is_told_from_a_holiday_and_a_weekend(xnys: SessionCalendar) -> None:
    assert xnys.is_session(date(2026, 11, 20))
    assert not xnys.is_session(FRIDAY_3_JULY)
    assert not xnys.is_session(date(2026, 11, 21))


def test_next_and_previous_never_answer_the_day_itself(xnys: SessionCalendar) -> None:
    assert xnys.next_session(date(2026, 7, 2)) == date(2026, 7, 6)
    assert xnys.next_session(FRIDAY_3_JULY) == date(2026, 7, 6)
    assert xnys.previous_session(date(2026, 7, 6)) == date(2026, 7, 2)
    assert xnys.previous_session(FRIDAY_3_JULY) == date(2026, 7, 2)


def test_a_range_of_sessions_includes_both_its_ends(xnys: SessionCalendar) -> None:
    assert xnys.sessions(date(2026, 7, 2), date(2026, 7, 6)) == [date(2026, 7, 2), date(2026, 7, 6)]
    assert xnys.sessions(FRIDAY_3_JULY, date(2026, 7, 5)) == []
    assert xnys.session_count(date(2026, 7, 2), date(2026, 7, 6)) == 2
    assert xnys.session_count(date(2025, 1, 1), date(2025, 12, 31)) == 250


def test_the_rows_of_a_range_carry_their_hours(xnys: SessionCalendar) -> None:
    thanksgiving_week = xnys.session_hours(date(2026, 11, 25), date(2026, 11, 27))
    assert thanksgiving_week == [
        SessionHours(
            date(2026, 11, 25), datetime(2026, 11, 25, 14, 30, tzinfo=UTC), datetime(2026, 11, 25, 21, tzinfo=UTC)
        ),
        SessionHours(
            date(2026, 11, 27), datetime(2026, 11, 27, 14, 30, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC), True
        ),
    ]


def test_opens_and_closes_are_utc_and_follow_daylight_saving(xnys: SessionCalendar) -> None:
    assert xnys.opens_at(date(2026, 3, 6)) == datetime(2026, 3, 6, 14, 30, tzinfo=UTC)
    assert xnys.opens_at(date(2026, 3, 9)) == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    assert xnys.closes_at(date(2026, 3, 9)).tzinfo is UTC


def test_hours_of_a_day_without_a_session_are_refused_and_its_neighbours_named(xnys: SessionCalendar) -> None:
    for ask in (xnys.opens_at, xnys.closes_at, xnys.is_early_close):
        with pytest.raises(BadInputError, match=r"2026-07-03.*before: 2026-07-02, after: 2026-07-06"):
            ask(FRIDAY_3_JULY)


def test_the_first_days_of_the_calendar_have_no_neighbour_before_them(xnys: SessionCalendar) -> None:
    with pytest.raises(BadInputError, match="before: none, after: 1962-01-02"):
        xnys.opens_at(date(1962, 1, 1))
    with pytest.raises(BadInputError, match="within 1962-01-01"):
        xnys.previous_session(date(1962, 1, 2))
    with pytest.raises(BadInputError, match=r"within .*2050-12-31"):
        xnys.next_session(LAST_DAY)


def test_the_market_is_open_from_the_open_up_to_but_not_at_the_close(xnys: SessionCalendar) -> None:
    opens, closes = xnys.opens_at(date(2026, 11, 20)), xnys.closes_at(date(2026, 11, 20))
    second = timedelta(seconds=1)
    assert [xnys.is_open(at) for at in (opens - second, opens, closes - second, closes)] == [False, True, True, False]


def test_tokyo_is_not_open_during_lunch(xtks: SessionCalendar) -> None:
    at = {hour: datetime(2026, 11, 20, *hour, tzinfo=TOKYO) for hour in ((11, 29), (11, 30), (12, 29), (12, 30))}
    assert {hour: xtks.is_open(instant) for hour, instant in at.items()} == {
        (11, 29): True,
        (11, 30): False,
        (12, 29): False,
        (12, 30): True,
    }


def test_the_latest_closed_session_changes_at_the_close_and_not_before(xnys: SessionCalendar) -> None:
    closes = xnys.closes_at(date(2026, 11, 20))
    assert xnys.latest_closed_session(closes - timedelta(microseconds=1)) == date(2026, 11, 19)
    assert xnys.latest_closed_session(closes) == date(2026, 11, 20)
    assert xnys.latest_closed_session(datetime(2026, 11, 22, 12, tzinfo=UTC)) == date(2026, 11, 20)


def test_there_is_no_latest_closed_session_before_the_first_close(xnys: SessionCalendar) -> None:
    with pytest.raises(BadInputError, match="1962-01-01"):
        xnys.latest_closed_session(datetime(1962, 1, 2, tzinfo=UTC))


def test_a_datetime_with_a_zone_stands_for_its_date_in_the_markets_zone(xnys: SessionCalendar) -> None:
    friday_evening_in_new_york = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert xnys.is_session(friday_evening_in_new_york)
    assert xnys.next_session(friday_evening_in_new_york) == date(2026, 11, 23)


@pytest.mark.parametrize("value", [datetime(2026, 11, 20), "2026-11-20", None, 20261120])  # noqa: DTZ001
def test_anything_but_a_date_or_a_datetime_with_a_zone_is_refused(xnys: SessionCalendar, value: object) -> None:
    for ask in (xnys.is_session, xnys.next_session, xnys.previous_session, xnys.closes_at):
        with pytest.raises(BadInputError, match="a date, or a datetime with a time zone"):
            ask(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [datetime(2026, 11, 20, 12), date(2026, 11, 20), "now"])  # noqa: DTZ001
def test_an_instant_without_a_zone_is_refused(xnys: SessionCalendar, value: object) -> None:
    for ask in (xnys.is_open, xnys.latest_closed_session):
        with pytest.raises(BadInputError, match="a datetime with a time zone"):
            ask(value)  # type: ignore[arg-type]


def test_a_subclass_of_date_counts_as_its_date(xnys: SessionCalendar) -> None:
    class TradeDate(date):
        pass

    assert xnys.is_session(TradeDate(2026, 11, 20))


def test_an_inverted_range_is_refused(xnys: SessionCalendar) -> None:
    for ask in (xnys.sessions, xnys.session_count, xnys.session_hours):
        with pytest.raises(BadInputError, match=r"2026-11-20\.\.2026-11-19"):
            ask(date(2026, 11, 20), date(2026, 11, 19))


def test_a_calendar_cannot_be_changed(xnys: SessionCalendar) -> None:
    with pytest.raises(FrozenInstanceError):
        xnys.key = "XLON"  # type: ignore[misc]
    listed = xnys.sessions(date(2026, 11, 16), date(2026, 11, 20))
    listed.clear()
    assert xnys.session_count(date(2026, 11, 16), date(2026, 11, 20)) == 5


def test_a_calendar_says_what_it_is(xnys: SessionCalendar) -> None:
    assert repr(xnys) == "SessionCalendar(XNYS, 22384 sessions in 1962-01-01..2050-12-31)"


def test_an_unknown_calendar_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match=r"calendar 'TSE'.*XETR, XLON, XNYS, XTKS"):
        library_calendar("TSE")


def test_a_calendar_is_built_once() -> None:
    assert library_calendar("XLON") is library_calendar("XLON")


def _hours(day: date, opens: int, closes: int) -> SessionHours:
    def at(hour: int) -> datetime:
        return datetime.combine(day, time(), UTC) + timedelta(hours=hour)

    return SessionHours(day, at(opens), at(closes))


@pytest.mark.parametrize(
    "rows",
    [
        (_hours(date(2026, 1, 6), 14, 21), _hours(date(2026, 1, 5), 14, 21)),
        (_hours(date(2026, 1, 5), 14, 21), _hours(date(2026, 1, 5), 14, 21)),
        (_hours(date(2026, 1, 5), 14, 40), _hours(date(2026, 1, 6), 14, 21)),
        (_hours(date(2026, 1, 5), 21, 14),),
        (_hours(date(1999, 1, 5), 14, 21),),
    ],
    ids=["unordered", "repeated", "overlapping", "closes before it opens", "out of bounds"],
)
def test_a_calendar_is_not_built_from_an_impossible_table(rows: tuple[SessionHours, ...]) -> None:
    with pytest.raises(ValueError, match="XNYS"):
        SessionCalendar("XNYS", NEW_YORK, rows)


@pytest.mark.parametrize("key", CALENDARS)
def test_no_market_trades_on_a_weekend(key: str) -> None:
    calendar = library_calendar(key)
    assert [day for day in calendar.sessions(FIRST_DAY, LAST_DAY) if day.weekday() >= 5] == []


@pytest.mark.parametrize("key", CALENDARS)
def test_daily_partitions_with_the_exclusions_are_exactly_the_sessions(key: str) -> None:
    calendar, start, today = library_calendar(key), date(2013, 2, 8), datetime(2026, 11, 22, 12, tzinfo=UTC)
    partitions = DailyPartitionsDefinition(
        start_date=str(start),
        timezone=calendar.timezone.key,
        exclusions=["0 0 * * 6", "0 0 * * 0", *partition_exclusions(calendar, start, LAST_DAY)],
    )
    expected = [str(day) for day in calendar.sessions(start, date(2026, 11, 20))]
    assert list(partitions.get_partition_keys(current_time=today)) == expected


def test_exclusions_are_midnights_in_the_markets_zone_of_weekdays_only(xnys: SessionCalendar) -> None:
    assert partition_exclusions(xnys, date(2025, 1, 1), date(2025, 1, 31)) == [
        datetime(2025, 1, day, tzinfo=NEW_YORK) for day in (1, 9, 20)
    ]


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.mic)
def test_every_market_has_a_calendar_in_its_own_zone(market: object) -> None:
    calendar = library_calendar(market.calendar)  # type: ignore[attr-defined]
    assert calendar.timezone.key == market.timezone  # type: ignore[attr-defined]


@given(keys, inner_days)
def test_next_is_the_nearest_session_after_a_day(key: str, day: date) -> None:
    calendar = library_calendar(key)
    following = calendar.next_session(day)
    assert following > day
    assert calendar.is_session(following)
    assert calendar.sessions(day + timedelta(days=1), following) == [following]


@given(keys, inner_days)
def test_previous_undoes_next_on_a_session(key: str, day: date) -> None:
    calendar = library_calendar(key)
    session = calendar.previous_session(day)
    assert session < day
    assert calendar.previous_session(calendar.next_session(session)) == session
    assert calendar.next_session(calendar.previous_session(session)) == session


@given(keys, inner_days, inner_days)
def test_ranges_agree_with_asking_day_by_day(key: str, one: date, other: date) -> None:
    calendar, (start, _) = library_calendar(key), sorted((one, other))
    end = min(max(one, other), start + timedelta(days=60))
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    assert calendar.sessions(start, end) == [day for day in days if calendar.is_session(day)]
    assert calendar.session_count(start, end) == sum(map(calendar.is_session, days))
    assert [row.session for row in calendar.session_hours(start, end)] == calendar.sessions(start, end)


@given(keys, inner_instants)
def test_the_latest_closed_session_has_closed_and_the_next_one_has_not(key: str, now: datetime) -> None:
    calendar = library_calendar(key)
    latest = calendar.latest_closed_session(now)
    assert calendar.closes_at(latest) <= now < calendar.closes_at(calendar.next_session(latest))


@given(keys, inner_instants)
def test_open_means_within_the_hours_of_the_local_date(key: str, at: datetime) -> None:
    calendar = library_calendar(key)
    hours = calendar.hours_of(at) if calendar.is_session(at) else None
    within = hours is not None and hours.opens_at <= at < hours.closes_at
    lunch = hours is not None and hours.break_start is not None and hours.break_start <= at < hours.break_end
    assert calendar.is_open(at) == (within and not lunch)


@given(keys, inner_instants, st.integers(-12, 14))
def test_an_instant_means_the_same_in_every_zone(key: str, at: datetime, offset: int) -> None:
    calendar, elsewhere = library_calendar(key), at.astimezone(timezone(timedelta(hours=offset)))
    assert calendar.is_open(at) == calendar.is_open(elsewhere)
    assert calendar.is_session(at) == calendar.is_session(elsewhere)
    assert calendar.latest_closed_session(at) == calendar.latest_closed_session(elsewhere)
