"""Backfills launched by clicking in the Dagster UI, and a sensor switched on there."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.universes.profiles import DEFAULT_PROFILE, profile_named
from tickstock_dagster_tests.browser.conftest import Checkout
from tickstock_dagster_tests.browser.dagster_ui import DagsterUi

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

TICKERS = ("AAPL", "MSFT", "NVDA")


@pytest.fixture(scope="module")
def sessions() -> tuple[date, ...]:
    """The last 41 sessions that the vendor has published whatever the hour: all but the very latest."""
    calendar = library_calendar("XNYS")
    days = [calendar.latest_closed_session(datetime.now(UTC))]
    for _ in range(41):
        days.append(calendar.previous_session(days[-1]))
    return tuple(reversed(days[1:]))


def bars_between(checkout: Checkout, first: date, last: date, tickers: tuple[str, ...]) -> list[tuple[str, int]]:
    """Ticker and number of bars in the store."""
    with psycopg.connect(checkout.dotenv("TICKSTOCK_DATABASE_URL")) as connection:
        return connection.execute(
            "SELECT ticker, count(*) FROM ohlcv_daily WHERE session BETWEEN %s AND %s AND ticker = ANY(%s) "
            "GROUP BY ticker ORDER BY ticker",
            (first, last, list(tickers)),
        ).fetchall()


@pytest.fixture(scope="module")
def backfills(ui: DagsterUi, checkout: Checkout, sessions: tuple[date, ...]) -> tuple[str, str]:
    """Both backfills, launched one after the other: Dagster's daemon looks for new ones every 30 s only."""
    before, first, last = str(sessions[0]), sessions[1], sessions[20]
    checkout.run("load", "--symbols", ",".join(TICKERS), "--from", before, "--to", before)  # gives them their keys
    assert bars_between(checkout, first, sessions[-1], TICKERS) == []
    ui.switch_on("us_eod_sensor")

    dialog = ui.open_materialise_dialog("us/session_bars")
    ui.choose_sessions(dialog, sessions[21], sessions[-1])
    by_session = ui.launch(dialog, partitions=20)

    dialog = ui.open_materialise_dialog("us/ohlcv_daily")
    ui.choose_sessions(dialog, first, last)
    ui.choose_tickers(dialog, TICKERS)
    return by_session, ui.launch(dialog, partitions=60)


def test_twenty_sessions_of_everything_tracked_are_one_green_run(
    backfills: tuple[str, str], ui: DagsterUi, checkout: Checkout, sessions: tuple[date, ...]
) -> None:
    backfill = ui.wait_until_green(backfills[0])
    assert backfill["numPartitions"] == 20
    assert [run["status"] for run in backfill["runs"]] == ["SUCCESS"]
    tracked = profile_named(DEFAULT_PROFILE).tickers
    stored = bars_between(checkout, sessions[21], sessions[-1], tracked)
    assert stored == [(ticker, 20) for ticker in sorted(tracked)]


def test_three_symbols_over_twenty_sessions_are_three_green_runs(
    backfills: tuple[str, str], ui: DagsterUi, checkout: Checkout, sessions: tuple[date, ...]
) -> None:
    backfill = ui.wait_until_green(backfills[1])
    assert backfill["numPartitions"] == 60
    assert [run["status"] for run in backfill["runs"]] == ["SUCCESS"] * 3
    assert bars_between(checkout, sessions[1], sessions[20], TICKERS) == [(ticker, 20) for ticker in TICKERS]


@pytest.mark.usefixtures("backfills")
def test_the_end_of_day_sensor_ticks_and_says_what_it_makes_of_the_latest_session(ui: DagsterUi) -> None:
    tick = ui.latest_tick("us_eod_sensor")
    latest = library_calendar("XNYS").latest_closed_session(datetime.now(UTC))
    if tick["status"] == "SKIPPED":
        assert str(latest) in tick["skipReason"]
    else:
        assert (tick["status"], len(tick["runIds"]), tick["error"]) == ("SUCCESS", 1, None)
