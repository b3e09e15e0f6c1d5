"""One test for each known way to get trading days wrong. The numbers are those of the project's list of pitfalls."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.core.calendars.library import first_day
from tickstock_dagster.core.calendars.markets import CALENDARS, calendar_of_listing, market_named
from tickstock_dagster.core.calendars.session_calendar import (
    FIRST_DAY,
    LAST_DAY,
    library_calendar,
    partition_exclusions,
)
from tickstock_dagster.core.errors import BadInputError

NEW_YORK = ZoneInfo("America/New_York")
XNYS, XTKS, XLON, XETR = map(library_calendar, ("XNYS", "XTKS", "XLON", "XETR"))
HALF_DAYS_2025 = (date(2025, 7, 3), date(2025, 11, 28), date(2025, 12, 24))


def local_close(key: str, day: date) -> time:
    calendar = library_calendar(key)
    return calendar.closes_at(day).astimezone(calendar.timezone).time()


@pytest.mark.parametrize("day", HALF_DAYS_2025)
def test_01_end_of_day_follows_the_close_and_not_the_clock(day: date) -> None:
    first_attempt = (XNYS.closes_at(day) + timedelta(minutes=30)).astimezone(NEW_YORK)
    assert first_attempt.time() == time(13, 30)
    assert XNYS.latest_closed_session(first_attempt) == day


@pytest.mark.parametrize(("day", "due"), [*((day, time(15)) for day in HALF_DAYS_2025), (date(2025, 7, 2), time(18))])
def test_02_the_completeness_objective_is_two_hours_after_the_close(day: date, due: time) -> None:
    assert (XNYS.closes_at(day) + timedelta(hours=2)).astimezone(NEW_YORK).time() == due


def test_03_juneteenth_was_first_kept_in_2022() -> None:
    assert XNYS.is_session(date(2021, 6, 18))
    assert not XNYS.is_session(date(2022, 6, 20))


@pytest.mark.parametrize(
    "day",
    [
        *(date(2001, 9, n) for n in (11, 12, 13, 14)),
        date(2012, 10, 29),
        date(2012, 10, 30),
        date(2018, 12, 5),
        date(2025, 1, 9),
    ],
)
def test_04_closures_that_follow_no_rule_are_known(day: date) -> None:
    assert not XNYS.is_session(day)


@pytest.mark.parametrize("year", [2010, 2021, 2027])
def test_05_a_new_year_on_saturday_does_not_close_the_friday(year: int) -> None:
    assert date(year + 1, 1, 1).weekday() == 5
    assert XNYS.is_session(date(year, 12, 31))
    assert not XNYS.is_early_close(date(year, 12, 31))


@pytest.mark.parametrize("day", [date(2025, 12, 24), date(2025, 12, 31), date(2022, 12, 23), date(2022, 12, 30)])
def test_06_london_closes_at_half_past_twelve_before_christmas_and_new_year(day: date) -> None:
    assert XLON.is_early_close(day)
    assert local_close("XLON", day) == time(12, 30)


def test_06_xetra_is_closed_on_both_eves_and_its_last_session_ends_at_two() -> None:
    assert [XETR.is_session(date(2025, 12, day)) for day in (23, 24, 29, 30, 31)] == [True, False, True, True, False]
    assert not XETR.is_early_close(date(2025, 12, 29))
    assert local_close("XETR", date(2025, 12, 30)) == time(14)


@pytest.mark.parametrize("day", [date(2025, 5, 29), date(2025, 6, 9), date(2025, 6, 19), date(2025, 10, 3)])
def test_07_xetra_trades_on_ascension_whit_monday_corpus_christi_and_unity_day(day: date) -> None:
    assert XETR.is_session(day)
    assert not XETR.is_early_close(day)


def test_08_tokyo_closes_half_an_hour_later_from_5_november_2024() -> None:
    assert local_close("XTKS", date(2024, 11, 1)) == time(15)
    assert XTKS.next_session(date(2024, 11, 1)) == date(2024, 11, 5)
    assert local_close("XTKS", date(2024, 11, 5)) == time(15, 30)
    assert not XTKS.is_early_close(date(2024, 11, 1)), "the close was the usual one of its time"


def test_08_tokyos_lunch_is_a_break_within_a_session_and_not_an_end_of_it() -> None:
    noon = datetime(2024, 11, 5, 12, tzinfo=XTKS.timezone)
    assert not XTKS.is_open(noon)
    assert XTKS.is_session(noon)
    assert XTKS.latest_closed_session(noon) == date(2024, 11, 1)


def test_08_the_day_on_which_tokyos_system_failed_is_no_session() -> None:
    assert not XTKS.is_session(date(2020, 10, 1))


@pytest.mark.parametrize(
    "day", [date(2022, 6, 2), date(2022, 6, 3), date(2022, 9, 19), date(2023, 5, 8), date(2020, 5, 8)]
)
def test_09_one_off_british_holidays_are_known(day: date) -> None:
    assert not XLON.is_session(day)


@pytest.mark.parametrize("day", [date(2022, 5, 30), date(2020, 5, 4)])
def test_09_the_mondays_that_those_holidays_replaced_are_sessions(day: date) -> None:
    assert XLON.is_session(day)


def test_10_nasdaq_is_the_same_calendar_as_nyse_loaded_once() -> None:
    assert library_calendar(market_named("NASDAQ").calendar) is library_calendar(market_named("NYSE").calendar)
    assert calendar_of_listing("XNAS") == "XNYS"


def test_11_tse_is_tokyo_and_torontos_code_is_refused() -> None:
    assert market_named("TSE").mic == "XTKS"
    assert not library_calendar(market_named("TSE").calendar).is_session(date(2026, 11, 23)), "Labour Thanksgiving Day"
    with pytest.raises(BadInputError, match="Toronto"):
        market_named("XTSE")


@pytest.mark.parametrize("key", CALENDARS)
def test_12_a_day_out_of_bounds_is_a_clear_error_and_not_a_guess(key: str) -> None:
    calendar = library_calendar(key)
    calendar.is_session(FIRST_DAY)
    calendar.is_session(LAST_DAY)
    first = first_day(key)
    for day in (first - timedelta(days=1), LAST_DAY + timedelta(days=1), date.min, date.max):
        with pytest.raises(BadInputError, match=rf"the {key} calendar answers within {first}\.\.2050-12-31"):
            calendar.is_session(day)
    for at in (datetime(first.year - 1, 12, 30, tzinfo=UTC), datetime(2051, 1, 2, tzinfo=UTC)):
        with pytest.raises(BadInputError, match="answers within"):
            calendar.is_open(at)
        with pytest.raises(BadInputError, match="answers within"):
            calendar.latest_closed_session(at)


def test_14_on_a_closed_day_the_latest_session_is_the_last_one_that_closed_and_not_the_next_to_open() -> None:
    saturday, mourning = datetime(2025, 1, 18, 12, tzinfo=NEW_YORK), datetime(2025, 1, 9, 12, tzinfo=NEW_YORK)
    assert XNYS.latest_closed_session(saturday) == date(2025, 1, 17)
    assert XNYS.next_session(saturday) == date(2025, 1, 21)
    assert XNYS.latest_closed_session(mourning) == date(2025, 1, 8)


def test_14_friday_is_closed_on_friday_evening_and_not_only_on_monday() -> None:
    friday_evening = datetime(2025, 1, 17, 18, tzinfo=NEW_YORK)
    assert XNYS.latest_closed_session(friday_evening) == date(2025, 1, 17)


def test_15_five_years_are_some_1260_sessions_so_partitions_are_per_session() -> None:
    assert XNYS.session_count(date(2013, 2, 8), date(2018, 2, 7)) == 1_259


def test_16_a_session_is_a_date_and_never_the_utc_date_of_an_instant() -> None:
    midnight_in_tokyo = datetime(2026, 11, 20, tzinfo=XTKS.timezone)
    assert midnight_in_tokyo.astimezone(UTC).date() == date(2026, 11, 19)
    assert XTKS.hours_of(midnight_in_tokyo).session == date(2026, 11, 20)
    after_hours_in_new_york = datetime(2026, 11, 20, 19, 30, tzinfo=NEW_YORK)
    assert after_hours_in_new_york.astimezone(UTC).date() == date(2026, 11, 21)
    assert XNYS.hours_of(after_hours_in_new_york).session == date(2026, 11, 20)
    assert type(XNYS.latest_closed_session(after_hours_in_new_york)) is date


@pytest.mark.parametrize("key", CALENDARS)
def test_17_every_excluded_midnight_exists_once(key: str) -> None:
    for midnight in partition_exclusions(library_calendar(key), FIRST_DAY, LAST_DAY):
        assert midnight.astimezone(UTC).astimezone(midnight.tzinfo) == midnight
        assert midnight.utcoffset() == midnight.replace(fold=1).utcoffset()


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [("XNYS", date(2026, 10, 30), date(2026, 11, 2)), ("XLON", date(2026, 3, 27), date(2026, 3, 30))],
)
def test_17_the_wall_clock_of_the_close_stays_when_the_clocks_change(key: str, before: date, after: date) -> None:
    calendar = library_calendar(key)
    assert local_close(key, before) == local_close(key, after)
    assert calendar.closes_at(before).time() != calendar.closes_at(after).time()


def test_18_a_time_without_a_zone_is_refused_rather_than_taken_for_new_york() -> None:
    with pytest.raises(BadInputError, match="a datetime with a time zone"):
        XNYS.latest_closed_session(datetime(2026, 11, 20, 16))  # noqa: DTZ001
    assert all(hours.opens_at.tzinfo is UTC and hours.closes_at.tzinfo is UTC for hours in XNYS.hours)
