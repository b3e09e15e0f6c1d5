"""The snapshot of the calendar library: true to the library, used only where it may be, and cheap to load."""

import subprocess
import sys
from importlib.resources import files

import pytest

from tickstock_dagster.core.calendars import library as calendar_library
from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.session_calendar import library_calendar

REGENERATE = (
    "python -m tickstock_dagster.core.calendars.library > tickstock_dagster/core/calendars/calendar_snapshot.json"
)


def test_the_snapshot_is_what_the_installed_library_says() -> None:
    stored = files("tickstock_dagster.core.calendars").joinpath(calendar_library.SNAPSHOT_FILE).read_text()
    assert stored == calendar_library.snapshot_text(), f"look at the difference, then: {REGENERATE}"


@pytest.mark.parametrize("key", CALENDARS)
def test_the_sessions_are_those_of_the_librarys_own_schedule(key: str) -> None:
    import pandas_market_calendars

    library = pandas_market_calendars.get_calendar(calendar_library.LIBRARY_NAMES[key])
    schedule = library.schedule(calendar_library.first_day(key), calendar_library.LAST_DAY)
    ours = library_calendar(key).hours
    assert [hours.session for hours in ours] == [day.date() for day in schedule.index]
    assert [hours.opens_at for hours in ours] == list(schedule["market_open"])
    assert [hours.closes_at for hours in ours] == list(schedule["market_close"])
    if "break_start" in schedule:
        assert [hours.break_start for hours in ours] == list(schedule["break_start"])
        assert [hours.break_end for hours in ours] == list(schedule["break_end"])
    assert {hours.session for hours in ours if hours.is_early_close} == {
        day.date() for day in library.early_closes(schedule).index
    }


@pytest.mark.parametrize("key", CALENDARS)
def test_with_other_versions_installed_the_library_itself_is_asked(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calendar, asked = library_calendar(key), []
    ask = calendar_library.rules_from_library
    monkeypatch.setattr(calendar_library, "version", lambda _: "0.0")
    monkeypatch.setattr(calendar_library, "rules_from_library", lambda key: asked.append(key) or ask(key))
    rules = calendar_library.library_rules(key)
    dates = calendar_library.session_dates(rules, calendar.first)
    assert [*map(calendar_library.session_hours(rules, calendar.timezone), dates)] == list(calendar.hours)
    assert asked == [key]


def test_a_calendar_loads_without_importing_pandas_or_the_library() -> None:
    program = (
        "import sys; from tickstock_dagster.core.calendars.session_calendar import library_calendar;"
        "library_calendar('XNYS');"
        "print([name for name in ('pandas', 'numpy', 'pandas_market_calendars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_generator_prints_the_snapshot() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tickstock_dagster.core.calendars.library"], capture_output=True, text=True, check=True
    )
    assert done.stdout == calendar_library.snapshot_text()
