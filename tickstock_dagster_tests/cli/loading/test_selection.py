"""Which sessions and symbols the options mean. The clock is an argument."""

from datetime import UTC, date, datetime

import pytest

from tickstock_dagster.cli.loading.selection import SelectionOptions, _sessions, months_before
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.profiles import PROFILES

CALENDAR = library_calendar("XNYS")
SUNDAY = datetime(2026, 11, 22, 15, tzinfo=UTC)
FRIDAY_NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


def span(now: datetime = SUNDAY, profile: str | None = None, **options: object) -> tuple[str, str, int]:
    """First and last session and how many there are."""
    named = PROFILES[profile] if profile else None
    sessions = _sessions(CALENDAR, now, named, SelectionOptions(**options))  # type: ignore[arg-type]
    return str(sessions[0]), str(sessions[-1]), len(sessions)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 20), 1, date(2026, 10, 20)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2026, 12, 31), 6, date(2026, 6, 30)),
    ],
)
def test_months_are_calendar_months(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"months": 1}, ("2026-10-21", "2026-11-20", 23)),
        ({"years": 1}, ("2025-11-20", "2026-11-20", 252)),  # with the close from which its return counts
        ({"years": 1, "last": "2026-11-22"}, ("2025-11-21", "2026-11-20", 251)),  # of Saturday a year ago
        ({"first": "2026-11-20"}, ("2026-11-20", "2026-11-20", 1)),
        ({"first": "2026-11-14", "last": "2026-11-22"}, ("2026-11-16", "2026-11-20", 5)),  # a closed last day is fine
        ({"first": "2003-09-10", "last": "2003-09-11"}, ("2003-09-10", "2003-09-11", 2)),
        ({"profile": "ui_testing_lite"}, ("2026-10-22", "2026-11-20", 22)),  # 30 days
        ({"profile": "etf_analysis"}, ("2025-11-21", "2026-11-20", 251)),  # 12 months
        ({}, ("2026-10-21", "2026-11-20", 23)),  # a month
    ],
)
def test_a_span_ends_with_the_latest_closed_session(options: dict[str, object], expected: tuple[str, str, int]) -> None:
    assert span(**options) == expected  # type: ignore[arg-type]


def test_a_session_that_trades_now_is_not_in_the_span() -> None:
    assert span(FRIDAY_NOON, first="2026-11-18") == ("2026-11-18", "2026-11-19", 2)
    with pytest.raises(BadInputError, match=r"--to '2026-11-20' is not accepted: .* closed session, 2026-11-19"):
        span(FRIDAY_NOON, last="2026-11-20")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"first": "1999-01-04", "last": "1999-01-08"}, "--from '1999-01-04'"),
        ({"first": "2003-09-09"}, "--from '2003-09-09'"),
        ({"last": "2003-09-12"}, "--to '2003-09-12'"),
        ({"years": 30}, "--years '30'"),
        ({"years": 9_000}, "--years '9000'"),
        ({"months": 100_000}, "--months '100000'"),
    ],
)
def test_a_span_before_the_vendors_history_names_the_option_and_the_first_day(
    options: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        span(**options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{field} is not accepted: a span that begins on 2003-09-10 or later")
