from datetime import date

import pytest

from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.known_days import known_days


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2017, 3, 17), "quarterly expiry and index rebalance"),
        (date(2016, 6, 24), "Russell reconstitution"),
        (date(2017, 6, 30), "Russell reconstitution"),
        (date(2017, 11, 24), "the day after Thanksgiving"),
        (date(2017, 11, 30), "MSCI index review"),
        (date(2008, 3, 20), "quarterly expiry and index rebalance"),  # Good Friday was the third Friday
        (date(2020, 2, 28), "MSCI index review"),
    ],
)
def test_the_days_of_expiries_and_index_changes_are_known(day, words):
    sessions = library_calendar(MARKET).sessions(date(day.year, 1, 1), date(day.year, 12, 31))
    assert known_days(sessions)[day] == words


def test_ordinary_days_are_not_known_and_no_day_is_invented():
    sessions = library_calendar(MARKET).sessions(date(2010, 1, 1), date(2019, 12, 31))
    found = known_days(sessions)
    assert set(found) <= set(sessions)
    assert 90 <= len(found) <= 100, "four expiries, four reviews, one reconstitution and one Friday a year"
    assert date(2017, 3, 16) not in found
