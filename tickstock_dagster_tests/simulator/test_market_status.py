"""Market status now, and the special days to come."""

from datetime import UTC, date, datetime

import pytest
from massive import RESTClient

from tickstock_dagster.core.calendars.session_calendar import LAST_DAY
from tickstock_dagster.simulator.endpoints.market_status import holiday_name
from tickstock_dagster.simulator.market.sessions import sessions
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import ask


@pytest.mark.parametrize(
    ("now", "market", "early", "late"),
    [
        ("2026-11-20T08:59:00+00:00", "closed", False, False),
        ("2026-11-20T09:00:00+00:00", "extended-hours", True, False),
        ("2026-11-20T14:30:00+00:00", "open", False, False),
        ("2026-11-20T21:00:00+00:00", "extended-hours", False, True),
        ("2026-11-21T01:00:00+00:00", "closed", False, False),
        ("2026-11-27T18:30:00+00:00", "extended-hours", False, True),
        ("2026-11-26T16:00:00+00:00", "closed", False, False),
        ("2026-11-22T16:00:00+00:00", "closed", False, False),
    ],
)
def test_the_market_is_open_by_the_calendar(
    own: RunningSimulator, now: str, market: str, early: bool, late: bool
) -> None:
    own.set_now(datetime.fromisoformat(now))
    status = RESTClient("simulator", base=own.url).get_market_status()
    assert (status.market, status.early_hours, status.after_hours) == (market, early, late)
    assert status.exchanges.nyse == market
    assert datetime.fromisoformat(status.server_time) == datetime.fromisoformat(now)


def test_coming_holidays_and_half_days_are_listed_for_each_exchange(shared: RunningSimulator) -> None:
    rows = ask(shared, "/v1/marketstatus/upcoming").json
    new_york = [row for row in rows if row["exchange"] == "NYSE"]
    assert len(rows) == 3 * len(new_york)
    assert new_york[0] == {"exchange": "NYSE", "name": "Thanksgiving", "date": "2026-11-26", "status": "closed"}
    assert new_york[1] == {
        "exchange": "NYSE",
        "name": "Thanksgiving",
        "date": "2026-11-27",
        "status": "early-close",
        "open": "2026-11-27T14:30:00.000Z",
        "close": "2026-11-27T18:00:00.000Z",
    }
    holidays = RESTClient("simulator", base=shared.url).get_market_holidays()
    assert holidays[0].date == "2026-11-26"


def test_the_list_ends_with_the_calendar(own: RunningSimulator) -> None:
    own.set_now(datetime(2050, 12, 20, 12, tzinfo=UTC))
    rows = ask(own, "/v1/marketstatus/upcoming").json
    assert {row["date"] for row in rows} == {"2050-12-26"}


def test_every_holiday_of_the_calendar_has_its_name() -> None:
    closed = [
        day
        for day in (date.fromordinal(ordinal) for ordinal in range(date(2020, 1, 1).toordinal(), LAST_DAY.toordinal()))
        if day.weekday() < 5 and not sessions().is_session(day)
    ]
    special = {day for day in closed if holiday_name(day) == "Special Closing"}
    assert len(closed) > 100
    assert special == {date(2025, 1, 9)}  # the day of mourning
