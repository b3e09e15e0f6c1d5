"""Homes of ETFs: which fund has one, and what its net asset value is of when only one market traded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import CalendarOverride, library_calendar
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS, home_calendar, home_state

XNYS = library_calendar("XNYS")


@pytest.mark.parametrize(
    ("etf_type", "name", "index", "home"),
    [
        ("international", "iShares MSCI Japan ETF", "MSCI Japan Index", "XTKS"),
        ("international", "WisdomTree Japan Hedged Equity Fund", None, "XTKS"),
        ("leveraged", "ProShares Ultra MSCI Japan", None, "XTKS"),
        ("international", "A fund", "JPX-Nikkei 400 Net Total Return Index", "XTKS"),
        ("international", "iShares MSCI United Kingdom ETF", "MSCI United Kingdom Index", "XLON"),
        ("international", "Franklin FTSE U.K. ETF", "FTSE UK Capped Index", "XLON"),
        ("international", "iShares MSCI Germany ETF", "MSCI Germany Index", "XETR"),
        ("international", "Global X DAX Germany ETF", "DAX Index", "XETR"),
        (None, "iShares MSCI Germany ETF", None, "XETR"),
        ("international", "iShares MSCI EAFE ETF", "MSCI EAFE Index", None),
        ("international", "iShares MSCI Pacific ex Japan ETF", "MSCI Pacific ex Japan Index", None),
        ("international", "iShares MSCI Brazil ETF", "MSCI Brazil 25/50 Index", None),  # no calendar of it is known
        ("international", "Germany and Japan Leaders", None, None),  # two homes are none
        ("currency", "Invesco CurrencyShares Japanese Yen Trust", None, None),
        ("broad_market", "SPDR S&P 500 ETF Trust", "S&P 500 Index", None),
        ("equity_theme", "Dukes of Daxton", None, None),
    ],
)
def test_a_fund_has_the_home_of_the_one_country_that_its_names_say(
    etf_type: str | None, name: str, index: str | None, home: str | None
) -> None:
    assert home_calendar(etf_type, name, index) == home


def test_every_market_abroad_can_be_a_home() -> None:
    assert set(HOME_CALENDARS) == set(ABROAD)


@pytest.mark.parametrize(
    ("home", "us_session", "nav_of", "closed", "hours"),
    [
        ("XTKS", date(2026, 5, 1), date(2026, 5, 1), False, 13.5),
        ("XTKS", date(2026, 5, 4), date(2026, 5, 1), True, 85.5),  # Greenery Day
        ("XTKS", date(2026, 5, 6), date(2026, 5, 1), True, 133.5),  # the third holiday in a row
        ("XTKS", date(2026, 5, 7), date(2026, 5, 7), False, 13.5),
        ("XLON", date(2026, 5, 4), date(2026, 5, 1), True, 76.5),  # Early May bank holiday
        ("XETR", date(2026, 5, 4), date(2026, 5, 4), False, 4.5),  # Xetra trades on that day
        ("XETR", date(2026, 5, 1), date(2026, 4, 30), True, 28.5),  # and not on Labour Day, when London does
        ("XLON", date(2026, 5, 1), date(2026, 5, 1), False, 4.5),
        ("XTKS", date(2026, 11, 27), date(2026, 11, 27), False, 11.5),  # New York closes early after Thanksgiving
        ("XLON", date(2026, 12, 24), date(2026, 12, 24), False, 5.5),  # both close early
        ("XETR", date(2026, 12, 24), date(2026, 12, 23), True, 25.5),
        ("XTKS", date(2024, 11, 4), date(2024, 11, 1), True, 87.0),  # closes at 15:00 for the last time; Culture Day
        ("XLON", date(2026, 3, 10), date(2026, 3, 10), False, 3.5),  # New York is on summer time already
    ],
)
def test_the_value_is_of_the_last_home_close(
    home: str, us_session: date, nav_of: date, closed: bool, hours: float
) -> None:
    state = home_state(library_calendar(home), XNYS, us_session)
    assert (state.session, state.closed, state.age) == (nav_of, closed, timedelta(hours=hours))
    assert ("stale" in state.words()) == closed


def test_an_override_at_home_counts() -> None:
    closing = CalendarOverride("XTKS", date(2026, 5, 8), "remove", reason="a system failure")
    tokyo = library_calendar("XTKS").with_overrides([closing])
    assert home_state(tokyo, XNYS, date(2026, 5, 8)).closed
    early = CalendarOverride("XTKS", date(2026, 5, 8), "close_at", None, datetime(2026, 5, 8, 2, tzinfo=UTC), "a test")
    shorter = library_calendar("XTKS").with_overrides([early])
    assert home_state(shorter, XNYS, date(2026, 5, 8)).age == timedelta(hours=18)


def test_it_is_said_for_people() -> None:
    words = home_state(library_calendar("XTKS"), XNYS, date(2026, 5, 4)).words()
    assert words == "home closed (Tokyo Stock Exchange): NAV as of 2026-05-01, 85.5 h old, stale"
