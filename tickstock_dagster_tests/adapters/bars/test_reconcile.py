"""The second look: provisional becomes final, what the vendor corrected is restated once, the rest is not touched."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tickstock_dagster.adapters.bars.reconcile import ReconcileReport, pending_reconciles, reconcile_session
from tickstock_dagster.adapters.sources.protocol import NotEntitledError
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.bars.reconcile import PendingReconcile, reconcile_at
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, World
from tickstock_dagster_tests.adapters.store_helpers import MON

THU, FRI = date(2026, 11, 19), date(2026, 11, 20)
THURSDAY_EVENING = datetime(2026, 11, 19, 22, tzinfo=UTC)
FRIDAY_NOON = reconcile_at(CALENDAR, THU)
TICKERS = ("AAPL", "AMZN", "KO", "MSFT", "SPY")
VERSIONS = "SELECT ticker, xmin::text, status, loaded_at FROM ohlcv_daily WHERE session = %s ORDER BY ticker"
BARS = "SELECT ticker, open, high, low, close, volume, vwap FROM ohlcv_daily WHERE session = %s ORDER BY ticker"
RESTATED = """
SELECT b.ticker, r.old_close, b.close, r.old_status, r.known_from, r.known_to
FROM bar_restatements AS r JOIN ohlcv_daily AS b USING (security_id, session) ORDER BY b.ticker
"""


def versions(world: World, session: date = THU) -> dict[str, tuple[str, str, datetime]]:
    return {ticker: (xmin, status, at) for ticker, xmin, status, at in world.query(VERSIONS, (session,))}


def statuses(world: World) -> dict[str, int]:
    return dict(world.query("SELECT status, count(*) FROM ohlcv_daily WHERE session = %s GROUP BY 1", (THU,)))


def evening(world: World, now: datetime = THURSDAY_EVENING) -> None:
    """Load everything tracked an hour after the close."""
    write_universe(world.engine, "tests", "list", "tests", TICKERS, track_from=MON, now=now)
    at(world, now)
    assert world.load(TICKERS, THU, THU).failures == ()


def at(world: World, now: datetime) -> World:
    world.now = now
    world.simulator.set_now(now)
    return world


def morning(world: World, now: datetime = FRIDAY_NOON) -> ReconcileReport:
    at(world, now)
    return reconcile_session(world.loader(run_id="run-2"), THU)


def test_on_a_replaced_day_each_changed_bar_is_restated_once_and_the_others_only_become_final(world: World) -> None:
    for ticker in ("AAPL", "SPY"):
        world.simulator.install("replaced_day", day=THU, ticker=ticker, factor=1.01)
    evening(world)
    stored = len(versions(world))
    assert statuses(world) == {"provisional": stored}
    old_bars, loaded = {row[0]: row[1:] for row in world.query(BARS, (THU,))}, versions(world)
    report = morning(world)
    assert statuses(world) == {"final": stored}
    assert (report.load.stored.restated, report.finalised, report.left, report.late) == (2, stored, 0, 0)
    restated = world.query(RESTATED)
    assert [row[0] for row in restated] == ["AAPL", "SPY"]
    for ticker, old, new, old_status, known_from, known_to in restated:
        assert old == old_bars[ticker][3]
        assert float(new) == pytest.approx(float(old) * 1.01, abs=0.01)
        assert (old_status, known_from, known_to) == ("provisional", THURSDAY_EVENING, FRIDAY_NOON)
    now_bars = {row[0]: row[1:] for row in world.query(BARS, (THU,))}
    unchanged = set(now_bars) - {"AAPL", "SPY"}
    assert {ticker: now_bars[ticker] for ticker in unchanged} == {ticker: old_bars[ticker] for ticker in unchanged}
    assert all(versions(world)[ticker][2] == loaded[ticker][2] for ticker in unchanged), "known since they were loaded"
    assert report.load.plan.units[0].kind == "grouped"
    assert len(report.load.plan.units) == 1


def test_a_second_time_no_row_is_written(world: World) -> None:
    world.simulator.install("replaced_day", day=THU, ticker="AAPL", factor=1.01)
    evening(world)
    morning(world)
    before, tables = versions(world), world.tables("outbox", "work_units")
    again = morning(world, FRIDAY_NOON + timedelta(hours=1))
    assert versions(world) == before, "xmin shows it"
    assert world.tables("outbox", "work_units") == tables
    assert (again.load.stored.restated, again.finalised, again.load.plan.units) == (0, 0, ())


def test_a_bar_that_was_final_already_is_left_alone_beside_those_that_are_not(world: World) -> None:
    evening(world)
    world.query("UPDATE ohlcv_daily SET status = 'final' WHERE session = %s AND ticker IN ('KO', 'MSFT')", (THU,))
    world.simulator.replace_bar("MSFT", THU, volume=123_456)
    before = versions(world)
    report = morning(world)
    after = versions(world)
    assert after["KO"] == before["KO"], "final and unchanged: the very row"
    assert after["MSFT"][0] != before["MSFT"][0], "final and corrected: restated"
    assert [row[0] for row in world.query(RESTATED)] == ["MSFT"]
    assert (report.load.stored.restated, report.left) == (1, 0)


def test_a_bar_that_appears_closes_its_gap_and_an_absence_is_judged_anew(world: World) -> None:
    world.simulator.install("missing_symbols", path="*/grouped/*", day=THU, tickers=("KO", "MSFT"))
    evening(world)
    assert {(ticker, reason) for ticker, _, reason, _ in world.gaps()} == {
        ("KO", "vendor_late"),
        ("MSFT", "vendor_late"),
    }
    world.query("UPDATE bar_gaps SET reason = 'no_trade', retry_at = NULL WHERE ticker = 'MSFT'")
    world.simulator.clear_faults()
    world.simulator.install("missing_symbols", path="*/grouped/*", day=THU, tickers=("KO",))
    report = morning(world)
    assert [(ticker, reason) for ticker, _, reason, _ in world.gaps()] == [("KO", "vendor_missing")]
    assert "MSFT" in versions(world)
    assert (report.load.stored.inserted, report.left, report.late) == (1, 0, 0)


def test_before_the_corrections_are_in_a_second_look_leaves_bars_provisional(world: World) -> None:
    evening(world)
    report = morning(world, FRIDAY_NOON - timedelta(hours=2))
    assert set(statuses(world)) == {"provisional"}
    assert report.left == len(versions(world))


def test_a_bar_that_the_vendor_took_back_stays_and_stays_provisional(world: World) -> None:
    evening(world)
    world.simulator.install("missing_symbols", path="*/grouped/*", day=THU, tickers=("KO",))
    before = versions(world)["KO"]
    report = morning(world)
    assert versions(world)["KO"] == before
    assert report.left == 1
    assert world.gaps() == []


def test_a_vendor_that_is_away_changes_nothing_and_is_named(world: World) -> None:
    evening(world)
    before = versions(world)
    world.simulator.install("server_error", path="*/aggs/*")
    report = morning(world)
    assert versions(world) == before
    assert "502" in report.load.failures[0]
    world.simulator.clear_faults()
    world.simulator.install("not_entitled", path="*/aggs/*")
    with pytest.raises(NotEntitledError, match="403"):
        morning(world)
    assert versions(world) == before


def test_what_is_owed_is_counted_by_session(world: World) -> None:
    world.simulator.install("missing_symbols", path="*/grouped/*", day=THU, tickers=("KO",))
    evening(world)
    stored = len(versions(world))
    unasked = {day: PendingReconcile(0, 0, 5) for day in (*CALENDAR.sessions(MON, date(2026, 11, 18)), FRI)}
    first = date(2026, 11, 1)
    assert pending_reconciles(world.engine, CALENDAR, first, FRI) == {THU: PendingReconcile(stored, 1), **unasked}
    assert pending_reconciles(world.engine, CALENDAR, first, date(2026, 11, 13)) == {}, "nothing is expected yet"
    world.simulator.clear_faults()
    morning(world)
    assert pending_reconciles(world.engine, CALENDAR, first, FRI) == unasked


def test_where_nothing_is_tracked_there_is_nothing_to_look_at(world: World) -> None:
    with pytest.raises(BadInputError, match="a session with tracked securities"):
        morning(world)
