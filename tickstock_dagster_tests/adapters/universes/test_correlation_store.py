"""Correlations in the store: the view's returns, only changes written, and an event where one moved."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tickstock_dagster.adapters.actions.return_inputs import read_closes, read_payouts
from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.universes.correlation_store import (
    refresh_correlation_history,
    sessions_without_correlations,
    update_correlations,
)
from tickstock_dagster.core.actions.returns import total_returns
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, add_security, bar, batch, query

SESSIONS = library_calendar("XNYS").sessions(date(2026, 1, 2), FRI)[-80:]
PRICES = np.random.default_rng(3).normal(0, 0.01, (4, 80)).cumsum(axis=1)
"""Logarithms of prices: SPY, IWM, XLK, which follows SPY, and KO, which is no ETF."""
PRICES[2] = PRICES[0] + PRICES[2] / 5


@pytest.fixture
def store(migrated_database_url: str) -> str:
    """Eighty sessions of three ETFs and a stock; XLK splits and pays."""
    ids = [add_security(migrated_database_url, ticker) for ticker in ("SPY", "IWM", "XLK", "KO")]
    query(migrated_database_url, "UPDATE securities SET equity_type = 'ETF' WHERE security_id = ANY (%s)", (ids[:3],))
    raw = 100 * np.exp(PRICES)
    raw[2, 40:] /= 2
    rows = [
        bar(security, session, ticker, **dict.fromkeys(("open", "high", "low", "close"), round(float(price), 4)))
        for security, ticker, prices in zip(ids, ("SPY", "IWM", "XLK", "KO"), raw, strict=True)
        for session, price in zip(SESSIONS, prices, strict=True)
    ]
    store_batch(open_engine(migrated_database_url), batch(*rows))
    action(migrated_database_url, "split", SESSIONS[40], split_from=1, split_to=2)
    action(migrated_database_url, "dividend", SESSIONS[60], cash_amount=0.75, currency="USD")
    action(migrated_database_url, "dividend", SESSIONS[61], cash_amount=30, currency="EUR")
    return migrated_database_url


def action(database_url: str, kind: str, ex_date: date, **values: Any) -> None:
    """An action of XLK."""
    columns = ", ".join(values)
    query(
        database_url,
        f"INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, source, known_from, {columns}) "  # noqa: S608
        f"SELECT security_id, ticker, %s, 'x', %s, 'tests', now(), {', '.join(['%s'] * len(values))} "
        "FROM ticker_intervals WHERE ticker = 'XLK'",
        (kind, ex_date, *values.values()),
    )


def update(database_url: str, days: int = 1, *, until: int = 80, now: datetime = NOW) -> tuple[int, int, int]:
    """Values, values written and events of a computation of the last `days` of the first `until` sessions."""
    span = SESSIONS[:until]
    report = update_correlations(open_engine(database_url), span, first=span[-days], now=now)
    return report.values.height, report.written, report.published


def told(database_url: str) -> list[Any]:
    """Subject, session, value and the one before of every event, in the order of writing."""
    rows = query(
        database_url,
        "SELECT subject, event -> 'data' FROM outbox WHERE channel LIKE '%correlation_update' ORDER BY position",
    )
    return [
        (subject, date.fromisoformat(data["session"]), data["correlation"], data["previous"]) for subject, data in rows
    ]


def test_returns_are_those_of_the_adjusted_view(store: str) -> None:
    engine = open_engine(store)
    closes, payouts = (read(engine, SESSIONS[0], FRI) for read in (read_closes, read_payouts))
    assert set(closes["ticker"]) == {"SPY", "IWM", "XLK"}
    securities, returns = total_returns(closes, payouts, SESSIONS)
    rows = query(
        store,
        "SELECT total_return_close::float8 FROM ohlcv_daily_adjusted WHERE ticker = 'XLK' ORDER BY session",
    )
    adjusted = np.array([row[0] for row in rows])
    [(xlk,)] = query(store, "SELECT security_id FROM ticker_intervals WHERE ticker = 'XLK'")
    found = returns[securities.index(xlk), 1:]
    assert np.abs(found - (adjusted[1:] / adjusted[:-1] - 1)).max() < 1e-13
    assert np.abs(found).max() < 0.06, "neither the split nor the euro dividend is a return"


def test_only_what_is_new_or_other_is_written(store: str) -> None:
    assert update(store, days=5) == (4 * 5, 20, 4)
    before = fingerprint(open_engine(store))
    assert update(store, days=5, now=NOW + timedelta(hours=1)) == (20, 0, 0)
    assert update(store, days=1, now=NOW + timedelta(hours=1)) == (4, 0, 0)
    assert fingerprint(open_engine(store)) == before
    assert query(store, "SELECT DISTINCT known_at FROM etf_correlations") == [(NOW,)]
    assert query(
        store,
        "SELECT count(*), min(correlation) > 0.9 FROM etf_correlations WHERE ticker = 'XLK' AND reference = 'SPY'",
    ) == [(5, True)]
    # Another close of the last session changes that session's values alone.
    xlk = query(store, "SELECT security_id FROM ticker_intervals WHERE ticker = 'XLK'")[0][0]
    close = query(store, "SELECT close::float8 FROM ohlcv_daily WHERE ticker = 'XLK' AND session = %s", (FRI,))[0][0]
    prices = dict.fromkeys(("open", "high", "low", "close"), close + 0.5)
    store_batch(open_engine(store), batch(bar(xlk, FRI, "XLK", **prices)))
    assert update(store, days=5, now=NOW + timedelta(hours=2))[:2] == (20, 2)
    assert query(store, "SELECT DISTINCT session, ticker FROM etf_correlations WHERE known_at > %s", (NOW,)) == [
        (FRI, "XLK")
    ]


def test_the_first_value_is_told_and_then_every_move_beyond_the_step(store: str) -> None:
    assert update(store, until=61) == (4, 4, 4)
    first = told(store)
    assert [(subject, session, previous) for subject, session, _, previous in first] == [
        (f"{pair}/60", SESSIONS[60], None) for pair in ("IWM/SPY", "SPY/IWM", "XLK/IWM", "XLK/SPY")
    ]
    for until in range(62, 81):
        update(store, until=until)
    last = {subject: value for subject, _, value, _ in first}
    later = told(store)[4:]
    assert later, "some moved"
    for subject, session, value, previous in later:
        assert previous == last[subject]
        assert abs(value - previous) > 0.05
        assert [(value,)] == query(
            store,
            "SELECT correlation FROM etf_correlations "
            "WHERE session = %s AND concat_ws('/', ticker, reference, sessions) = %s",
            (session, subject),
        )
        last[subject] = value
    stored = query(
        store,
        "SELECT concat_ws('/', ticker, reference, sessions), correlation FROM etf_correlations WHERE session = %s",
        (FRI,),
    )
    assert all(abs(value - last[subject]) <= 0.05 for subject, value in stored)


def test_the_past_is_stored_and_not_told(store: str) -> None:
    assert update(store)[2] == 4
    assert update(store, days=10, until=75) == (40, 40, 0)
    assert [session for _, session, _, _ in told(store)] == [FRI] * 4


def test_a_store_without_etfs_has_no_correlations(migrated_database_url: str) -> None:
    assert update(migrated_database_url) == (0, 0, 0)


def test_sessions_that_were_passed_over_get_their_correlations(store: str) -> None:
    engine, calendar = open_engine(store), library_calendar("XNYS")
    assert sessions_without_correlations(engine, "XNYS", FRI) == []
    query(
        store,
        "INSERT INTO work_units (unit_id, dataset, kind, market, source, subject, first_session, last_session, status, "
        "run_id, planned_at, started_at, finished_at) SELECT 'session/' || day, 'ohlcv_daily', 'session', 'XNYS', 's', "
        "'*', day, day, 'done', 'r', now(), now(), now() FROM unnest(%s::date[]) AS day",
        (list(SESSIONS),),
    )
    now = datetime(2026, 11, 21, 15, tzinfo=UTC)
    steps: list[tuple[int, int]] = []
    report = refresh_correlation_history(engine, calendar, "XNYS", now, lambda *step: steps.append(step))
    assert report.sessions == tuple(SESSIONS)
    assert report.written > 0
    assert steps == [(80, 80)]
    query(store, "DELETE FROM etf_correlations WHERE session IN (%s, %s)", (MON, FRI))
    before = query(store, "SELECT count(*) FROM etf_correlations")[0][0]
    again = refresh_correlation_history(engine, calendar, "XNYS", now)
    # The first sixty have no whole window before them, and nothing to be written.
    assert again.sessions == (*SESSIONS[:60], MON, FRI)
    assert query(store, "SELECT count(*) FROM etf_correlations") == [(before + again.written,)]
    assert refresh_correlation_history(engine, calendar, "XNYS", now).written == 0
    assert sessions_without_correlations(engine, "XNYS", FRI) == SESSIONS[:60]
