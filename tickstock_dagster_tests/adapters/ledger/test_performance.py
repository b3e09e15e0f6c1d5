"""Processing time and success rate by type: what is whose, and that a missed target and its end are published once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.ledger.performance import measure_performance, processing_day, record_performance
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.core.loading.ledger import ErrorClass
from tickstock_dagster.core.loading.performance import TypePerformance
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, add_security, bar, batch, query

TODAY = processing_day(NOW)


class Books:
    """A store in which units end."""

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, open_engine(url)

    def add(self, ticker: str, code: str) -> int:
        security = add_security(self.url, ticker)
        query(self.url, "UPDATE securities SET equity_type = %s WHERE security_id = %s", (code, security))
        return security

    def end(self, kind: UnitKind, subject: str, ms: float, *, rows: int = 1, now: datetime = NOW, **error: Any) -> None:
        unit = WorkUnit(kind, "XNYS", "simulator", subject, FRI, FRI)
        with transaction(self.engine) as connection, connection.cursor() as cursor:
            finish_units(cursor, [FinishedUnit(unit, rows, now, elapsed_ms=ms, **error)], run_id="cli", now=now)

    def measured(self, day: date = TODAY) -> dict[str, TypePerformance]:
        return {one.equity_type: one for one in measure_performance(self.engine, day)}

    def told(self) -> list[tuple[str, str]]:
        events = query(
            self.url,
            "SELECT event -> 'data' ->> 'equity_type', event -> 'data' ->> 'state' FROM outbox"
            " WHERE channel = 'tickstock.equity.performance' ORDER BY position",
        )
        return [(code, state) for code, state in events]


@pytest.fixture
def books(migrated_database_url: str) -> Books:
    return Books(migrated_database_url)


def test_a_ticker_is_its_types_and_a_call_for_a_session_is_shared_by_its_rows(books: Books) -> None:
    stocks = [books.add(ticker, "CS") for ticker in ("AAA", "BBB", "CCC")]
    fund, odd = books.add("FFF", "ETF"), books.add("OOO", "NEW")
    bars = [bar(security, FRI, f"T{security}") for security in (*stocks, fund, odd)]
    store_batch(books.engine, batch(*bars))
    books.end(UnitKind.GROUPED, "*", 1_000.0, rows=5)
    for ticker, ms in (("AAA", 300.0), ("BBB", 100.0)):
        books.end(UnitKind.DETAILS, ticker, ms)
    books.end(UnitKind.RANGE, "FFF", 700.0, error="no such ticker", error_class=ErrorClass.PERMANENT, rows=0)
    books.end(UnitKind.DETAILS, "CCC", 9.0, error="down")
    books.end(UnitKind.LISTINGS, "*", 9_000.0, rows=5)
    found = books.measured()
    assert set(found) == {"CS", "ETF", "OTHER"}
    cs, etf, other = found["CS"], found["ETF"], found["OTHER"]
    assert (cs.units, cs.symbols, cs.rows, cs.dead, cs.success_rate) == (3, 5, 5, 0, 100.0), "retried: not over"
    assert (cs.p50_ms, cs.p95_ms) == (200.0, 300.0), "1,000 ms for five rows are 200 ms for each"
    assert (etf.units, etf.symbols, etf.dead, etf.success_rate, etf.p95_ms) == (2, 2, 1, 50.0, 700.0)
    assert (other.symbols, other.p50_ms) == (1, 200.0)
    assert [one.breached for one in (cs, etf, other)] == [False, True, False]
    assert etf.missed == ("50.00 % succeeded, target 99.5 %",)
    assert books.measured(TODAY - timedelta(days=1)) == {}


def test_a_missed_target_is_told_once_and_its_end_once(books: Books) -> None:
    books.add("AAA", "CS")
    books.end(UnitKind.DETAILS, "AAA", 900.0)
    for minute in range(3):
        record_performance(books.engine, now=NOW + timedelta(minutes=minute))
    assert books.told() == [("CS", "breached")]
    kept = "SELECT day, p95_ms, target_ms, breached, measured_at FROM processing_performance ORDER BY day"
    assert query(books.url, kept) == [(TODAY, 900.0, 500.0, True, NOW)], "the same again writes nothing"
    tomorrow = NOW + timedelta(days=1)
    books.add("BBB", "CS")
    books.end(UnitKind.DETAILS, "BBB", 100.0, now=tomorrow)
    for _ in range(2):
        record_performance(books.engine, now=tomorrow)
    assert books.told() == [("CS", "breached"), ("CS", "kept")], "yesterday stays what it was"
    query(
        books.url, """UPDATE equity_types SET performance_targets = '{"processing_time_ms": 50, "success_rate": 99}'"""
    )
    record_performance(books.engine, now=tomorrow)
    assert books.told()[2:] == [("CS", "breached")], "the target as it is at that moment"
    assert [row[0] for row in query(books.url, kept)] == [TODAY, TODAY + timedelta(days=1)]


def test_a_day_is_one_of_new_york(books: Books) -> None:
    books.add("AAA", "CS")
    books.end(UnitKind.DETAILS, "AAA", 1.0, now=datetime(2026, 11, 21, 4, 59, tzinfo=UTC))
    assert books.measured(FRI)["CS"].units == 1
    assert books.measured(TODAY) == {}
