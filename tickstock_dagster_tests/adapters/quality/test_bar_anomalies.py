"""Prices and volumes of stored sessions: what is judged, against what, and what an early close excuses."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster_tests.adapters.quality.former_checks import (
    evaluated_moves,
    newest_session_bars,
    volume_anomalies,
)
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, add_security, bar, batch, query
from tickstock_dagster_tests.core.quality.former_rules import EvaluatedMove

CALENDAR = library_calendar("XNYS")
EARLY = CALENDAR.with_overrides(
    [CalendarOverride("XNYS", FRI, "close_at", closes_at=datetime(2026, 11, 20, 18, tzinfo=UTC), reason="a test")]
)
SESSIONS = CALENDAR.sessions(date(2026, 1, 2), FRI)[-40:]
SPY = 100 * np.exp(np.random.default_rng(3).normal(0, 0.01, 40).cumsum())
TRACKED = ("LONE", "PAIR", "SPY")


class Store:
    """Forty sessions of SPY, of PAIR that moves as SPY does, and of LONE that never moves."""

    def __init__(self, database_url: str, changed: Mapping[str, float], volume: int = 1_000_000) -> None:
        """`changed` is by what Friday's close is multiplied; `volume` is Friday's."""
        self.url, self.engine = database_url, open_engine(database_url)
        prices = {"SPY": SPY, "PAIR": SPY / 2, "LONE": np.full(40, 100.0)}
        rows = []
        for ticker, closes in prices.items():
            security = add_security(database_url, ticker)
            for session, price in zip(SESSIONS, closes, strict=True):
                times, shares = (changed.get(ticker, 1.0), volume) if session == FRI else (1.0, 1_000_000)
                ohlc = dict.fromkeys(("open", "high", "low", "close"), round(float(price) * times, 6))
                rows.append(bar(security, session, ticker, **ohlc, volume=shares))
        store_batch(self.engine, batch(*rows))
        write_universe(self.engine, "tests", "list", "tests", TRACKED, track_from=MON, now=NOW)

    def moves(self, calendar: SessionCalendar) -> dict[str, EvaluatedMove]:
        day = newest_session_bars(self.engine, calendar, NOW)
        return {move.ticker: move for move in evaluated_moves(self.engine, calendar, day)}

    def volumes(self, calendar: SessionCalendar) -> list[dict[str, Any]]:
        return volume_anomalies(calendar, newest_session_bars(self.engine, calendar, NOW)).to_dicts()


@pytest.fixture
def fallen(migrated_database_url: str) -> Store:
    """On Friday all three lose 30 %."""
    return Store(migrated_database_url, dict.fromkeys(TRACKED, 0.7))


def test_on_an_ordinary_day_a_move_counts_against_the_close_before(fallen: Store) -> None:
    found = fallen.moves(CALENDAR)
    assert {name: move.fair_value for name, move in found.items()} == dict.fromkeys(TRACKED)
    assert all(move.is_anomaly and move.last_session == THU for move in found.values())
    assert found["LONE"].off == pytest.approx(-0.3)


def test_on_an_early_close_what_followed_its_reference_is_excused_and_what_went_alone_is_not(fallen: Store) -> None:
    found = fallen.moves(EARLY)
    assert {name: move.is_anomaly for name, move in found.items()} == {"LONE": True, "PAIR": False, "SPY": True}
    assert found["PAIR"].fair_value == pytest.approx(SPY[-1] * 0.7 / 2, rel=1e-4)
    assert found["PAIR"].off == pytest.approx(0, abs=1e-4)
    assert found["SPY"].fair_value == pytest.approx(SPY[-2], rel=1e-6), "it has nothing to follow"


def test_after_sessions_without_a_print_the_fair_value_counts_on_any_day(fallen: Store) -> None:
    query(fallen.url, "DELETE FROM ohlcv_daily WHERE ticker = 'PAIR' AND session = %s", (THU,))
    found = fallen.moves(CALENDAR)
    assert {name: move.is_anomaly for name, move in found.items()} == {"LONE": True, "PAIR": False, "SPY": True}


def test_volumes_are_judged_by_the_minutes_that_were_traded(migrated_database_url: str) -> None:
    store = Store(migrated_database_url, {}, volume=150_000)
    assert [(row["ticker"], row["ratio"]) for row in store.volumes(CALENDAR)] == [
        ("LONE", pytest.approx(0.15)), ("PAIR", pytest.approx(0.15)), ("SPY", pytest.approx(0.15)),
    ]  # fmt: skip
    assert store.volumes(EARLY) == []


def test_only_what_is_tracked_is_judged_and_a_fair_value_is_no_print(fallen: Store) -> None:
    write_universe(fallen.engine, "tests", "list", "tests", ("LONE", "SPY"), track_from=MON, now=NOW)
    query(
        fallen.url,
        "UPDATE ohlcv_daily SET open = NULL, high = NULL, low = NULL, close = NULL, vwap = NULL, transactions = NULL, "
        "volume = 0, fmv = 1, is_fmv = true WHERE ticker = 'LONE' AND session = %s",
        (FRI,),
    )
    assert newest_session_bars(fallen.engine, CALENDAR, NOW).printed == 1
    assert set(fallen.moves(CALENDAR)) == {"SPY"}
    assert fallen.volumes(CALENDAR) == []


def test_a_session_of_which_nothing_is_stored_leaves_the_one_before(fallen: Store) -> None:
    at_five, at_six = datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert newest_session_bars(fallen.engine, CALENDAR, at_five).session == FRI
    query(fallen.url, "DELETE FROM ohlcv_daily WHERE session = %s", (FRI,))
    assert newest_session_bars(fallen.engine, CALENDAR, at_five).session == THU
    assert newest_session_bars(fallen.engine, CALENDAR, at_six).session == FRI


def test_an_empty_store_has_nothing_out_of_the_ordinary(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    day = newest_session_bars(engine, CALENDAR, NOW)
    assert (day.printed, evaluated_moves(engine, CALENDAR, day), volume_anomalies(CALENDAR, day).height) == (0, [], 0)
