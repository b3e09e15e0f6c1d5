"""Findings on a replayed month say what the former checks said, stored or made now; and they follow the store."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.etf_tracking import read_tracking
from tickstock_dagster.adapters.quality.gap_alerts import publish_long_gaps, read_long_gaps, standing_stale
from tickstock_dagster.adapters.quality.judged import SessionFindings, current_findings
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster_tests.adapters.quality.former_checks import (
    evaluated_moves,
    newest_session_bars,
    volume_anomalies,
)
from tickstock_dagster_tests.adapters.store_helpers import add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")
HOMES = {key: library_calendar(key) for key in ("XTKS", "XLON", "XETR")}
SESSIONS = CALENDAR.sessions(date(2025, 8, 1), date(2025, 12, 29))
MONTH = CALENDAR.sessions(date(2025, 11, 26), date(2025, 12, 29))
"""Thanksgiving, two half days and two holidays are among them."""


def evening(session: date) -> datetime:
    return CALENDAR.closes_at(session) + timedelta(hours=6)


class Replayed:
    """Eighteen securities over five months; in the month moves, volumes, splits, funds astray and holes."""

    def __init__(self, database_url: str) -> None:
        self.url, self.engine = database_url, open_engine(database_url)
        random = np.random.default_rng(12)
        market = random.normal(0, 0.01, len(SESSIONS))
        market[SESSIONS.index(date(2025, 11, 28))] = -0.3  # on a half day, so that who followed is excused
        minutes = np.array([210.0 if CALENDAR.is_early_close(day) else 390.0 for day in SESSIONS])
        rows = []
        for number in range(18):
            ticker = "SPY" if number == 0 else f"T{number:03d}"
            security = add_security(database_url, ticker)
            own = market + random.normal(0, 0.002 if number < 6 else 0.01, len(SESSIONS))
            odd = random.random(len(SESSIONS)) < (0.08 if number >= 6 else 0)
            own[SESSIONS.index(date(2025, 12, 8))] += 0.1 if number in (1, 2) else 0
            own[odd] += random.choice([-0.35, -0.22, 0.25, 0.6], odd.sum())
            prices = 50 * np.exp(own.cumsum())
            volumes = 1e6 * minutes / 390 * random.lognormal(0, 0.3, len(SESSIONS))
            volumes[random.random(len(SESSIONS)) < 0.05] *= random.choice([0.1, 8])
            if 0 < number < 6:
                query(
                    database_url,
                    "UPDATE securities SET correlation_reference = 'SPY', etf_type = 'broad_market', name = %s"
                    " WHERE security_id = %s",
                    ("A Japan fund" if number == 1 else "A fund", security),
                )
            if number == 7:
                query(
                    database_url,
                    "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to,"
                    " source, known_from) VALUES (%s, %s, 'split', 'forward_split', '2025-12-10', 1, 2, 's',"
                    " '2025-08-01')",
                    (security, ticker),
                )
                after = np.array([day >= date(2025, 12, 10) for day in SESSIONS])
                prices, volumes = np.where(after, prices / 2, prices), np.where(after, volumes * 2, volumes)
            lacks = {date(2025, 12, 3), date(2025, 12, 4), date(2025, 12, 24)} if number in (8, 9) else set()
            rows += [
                bar(
                    security,
                    day,
                    ticker,
                    **dict.fromkeys(("open", "high", "low", "close"), round(float(price), 6)),
                    volume=int(volume),
                )
                for day, price, volume in zip(SESSIONS, prices, volumes, strict=True)
                if day not in lacks
            ]
        store_batch(self.engine, batch(*rows, now=evening(SESSIONS[0])))
        tickers = ["SPY", *(f"T{number:03d}" for number in range(1, 18))]
        write_universe(self.engine, "tests", "list", "tests", tickers, track_from=MONTH[0], now=evening(SESSIONS[0]))


@pytest.fixture
def replayed(migrated_database_url: str) -> Iterator[Replayed]:
    return Replayed(migrated_database_url)


def of_checks(found: SessionFindings) -> dict[str, object]:
    """What the rules behind the checks have found, whatever it came to."""
    return {
        "moves": {one.ticker for one in found.of_rule("price_move")},
        "volumes": {one.ticker: round(one.value, 6) for one in found.of_rule("volume_spike", "volume_drought")},
        "far": {one.ticker: round(one.value, 3) for one in found.of_rule("reference_gap")},
        "printed": found.printed,
    }


def of_old(replayed: Replayed, session: date) -> dict[str, object]:
    """What the former checks computed."""
    day = newest_session_bars(replayed.engine, CALENDAR, evening(session))
    assert day.session == session
    moves = evaluated_moves(replayed.engine, CALENDAR, day)
    volumes = volume_anomalies(CALENDAR, day)
    funds = read_tracking(replayed.engine, CALENDAR, HOMES, session)
    return {
        "moves": {move.ticker for move in moves},
        "volumes": {ticker: round(ratio, 6) for ticker, ratio in volumes.select("ticker", "ratio").iter_rows()},
        "far": {fund.ticker: round(fund.sigmas, 3) for fund in funds if fund.far},
        "printed": day.printed,
    }


def without(found: dict[str, object], tickers: set[str]) -> dict[str, object]:
    """The same without some securities."""
    return {
        name: {one: value[one] for one in value if one not in tickers}
        if isinstance(value, dict)
        else value - tickers
        if isinstance(value, set)
        else value
        for name, value in found.items()
    }


def test_a_replayed_month_of_findings_is_what_the_former_checks_said(replayed: Replayed) -> None:
    expected = {session: of_old(replayed, session) for session in MONTH}
    assert sum(len(day["moves"]) for day in expected.values()) > 20  # type: ignore[arg-type]
    assert sum(len(day["volumes"]) for day in expected.values()) > 15  # type: ignore[arg-type]
    assert sum(len(day["far"]) for day in expected.values()) > 0  # type: ignore[arg-type]
    made = {session: current_findings(replayed.engine, CALENDAR, session) for session in MONTH}
    assert {found.stored for found in made.values()} == {False}
    # What is wrong counts for nothing afterwards: the former checks compared with it.
    wrong = {one.ticker for found in made.values() for one in found.findings if one.verdict is Verdict.WRONG}
    assert 1 <= len(wrong) <= 3
    said = {day: without(found, wrong) for day, found in expected.items()}
    assert {day: without(of_checks(found), wrong) for day, found in made.items()} == said

    now = evening(MONTH[-1])
    reports = list(report_sessions(replayed.engine, CALENDAR, MONTH, run_id="run-1", now=now))
    assert [one.session for one in reports] == list(MONTH)
    read = {session: current_findings(replayed.engine, CALENDAR, session) for session in MONTH}
    assert {found.stored for found in read.values()} == {True}
    assert {day: without(of_checks(found), wrong) for day, found in read.items()} == {
        day: {**found, "printed": read[day].printed} for day, found in said.items()
    }, "bars were set aside"

    gaps = read_long_gaps(replayed.engine, CALENDAR, evening(MONTH[-1]))
    stale = standing_stale(replayed.engine, gaps, "XNYS")
    told = [(one.ticker, one.key.session, one.value) for one in stale]
    assert told == [(gap.symbol, gap.first, gap.sessions) for gap in gaps]
    assert len(told) == 2
    publish_long_gaps(replayed.engine, CALENDAR, market="XNYS", run_id="run-1", now=evening(MONTH[-1]))
    stored = query(
        replayed.url,
        "SELECT ticker, session, value FROM quality_anomalies WHERE rule = 'data_stale' AND withdrawn_at IS NULL"
        " ORDER BY session DESC, ticker",
    )
    assert stored == told


def test_stored_findings_are_read_until_something_by_which_they_were_made_changes(replayed: Replayed) -> None:
    session, now = MONTH[-1], evening(MONTH[-1])
    list(report_sessions(replayed.engine, CALENDAR, [session], run_id="run-1", now=now))
    assert current_findings(replayed.engine, CALENDAR, session).stored
    later = now + timedelta(minutes=1)
    query(replayed.url, "UPDATE ohlcv_daily SET loaded_at = %s WHERE session = %s", (later, MONTH[-20]))
    assert not current_findings(replayed.engine, CALENDAR, session).stored
    list(report_sessions(replayed.engine, CALENDAR, [session], run_id="run-2", now=later))
    assert current_findings(replayed.engine, CALENDAR, session).stored
    add_security(replayed.url, "NEW")
    write_universe(replayed.engine, "more", "list", "more", ["NEW"], track_from=session, now=now)
    assert not current_findings(replayed.engine, CALENDAR, session).stored, "one that was not reported on is tracked"
