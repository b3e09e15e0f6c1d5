"""Another source beside the stored bars: kept as it came, compared, told once; the stored bars stay."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.quality.analysis import analyze_symbol_quality
from tickstock_dagster.adapters.quality.comparison import Comparison, compare_source
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster_tests.adapters.events.outbox_helpers import wait_until
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import CALENDAR, SESSIONS, SPY, Store
from tickstock_dagster_tests.adapters.store_helpers import NOW, query

DAYS = SESSIONS[-15:]


@pytest.fixture
def store(migrated_database_url: str) -> Store:
    return Store(migrated_database_url, {})


def other(folder: Path, *, scale: float = 1.0, odd: float = 1.0, name: str = "other") -> FileSource:
    rows = []
    for session, price in zip(SESSIONS, SPY, strict=True):
        close = round(float(price) * scale * (odd if session == DAYS[-2] else 1.0), 6)
        rows.append(("SPY", session, *[close] * 4, 1_000_000 / scale))
        rows.append(("ELSE", session, *[10.0] * 4, 1_000_000))
    schema = ["ticker", "session", "open", "high", "low", "close", "volume"]
    path = folder / f"{name}.parquet"
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    return FileSource(path)


def compare(store: Store, source: FileSource, *, adjusted: bool = False) -> Comparison:
    return compare_source(store.engine, CALENDAR, source, DAYS, adjusted=adjusted, venue=None, run_id="cli", now=NOW)


def findings(store: Store) -> list[tuple[str, date, str]]:
    return query(store.url, "SELECT ticker, session, verdict FROM quality_anomalies WHERE rule = 'sources_differ'")


def test_what_agrees_is_kept_and_raises_nothing(store: Store, tmp_path: Path) -> None:
    found = compare(store, other(tmp_path))
    assert (found.compared, found.missing, found.unknown, found.findings.height) == (15, 0, ("ELSE",), 0)
    assert query(store.url, "SELECT count(*), count(DISTINCT source) FROM bar_candidates") == [(15, 1)]


def test_what_differs_is_found_once_and_the_stored_bar_stays(store: Store, tmp_path: Path) -> None:
    rows = "SELECT md5(string_agg(o::text, '' ORDER BY session, ticker)) FROM ohlcv_daily AS o"
    before = query(store.url, rows)
    source = other(tmp_path, odd=1.02)
    assert compare(store, source).stored.found == 1
    assert compare(store, source).stored.found == 0, "the same again changes nothing"
    assert findings(store) == [("SPY", DAYS[-2], "suspicious")]
    assert (
        query(store.url, "SELECT md5(string_agg(o::text, '' ORDER BY session, ticker)) FROM ohlcv_daily AS o") == before
    )
    corrected = other(tmp_path, name="corrected")
    assert compare(store, corrected).stored.found == 0
    assert findings(store) == [("SPY", DAYS[-2], "suspicious")], "the first source still differs: all candidates count"


def test_an_adjusted_source_is_compared_by_its_shape(store: Store, tmp_path: Path) -> None:
    assert compare(store, other(tmp_path, scale=0.5), adjusted=True).findings.is_empty()
    found = compare(store, other(tmp_path, scale=0.5, odd=1.02, name="odd"), adjusted=True)
    assert found.findings["cause"][0].endswith("differs in the shape of its prices")


def test_a_difference_is_scored_and_what_is_analyzed_is_what_is_stored(store: Store, tmp_path: Path) -> None:
    day = DAYS[-2]

    def analyzed() -> tuple[list[str], float, bool]:
        quality = analyze_symbol_quality(store.engine, CALENDAR, "SPY", day, NOW)
        return [one.key.rule for one in quality.findings], quality.scores.overall, quality.stored

    compare(store, other(tmp_path, odd=1.02))
    before = analyzed()
    assert before[0] == ["sources_differ"]
    assert before[2] is False, "judged now: it stands beside"
    [_] = report_sessions(store.engine, CALENDAR, [day], run_id="run-1", now=NOW)
    stored = query(store.url, "SELECT overall_score FROM quality_reports WHERE ticker = 'SPY'")
    assert analyzed() == (["sources_differ"], stored[0][0], True)
    assert stored[0][0] == before[1] < 100


def test_a_type_that_allows_more_finds_less(store: Store, tmp_path: Path) -> None:
    query(store.url, "UPDATE securities SET equity_type = 'ETF'")
    query(store.url, "UPDATE equity_types SET quality = '{\"sources_differ\": 0.05}' WHERE equity_type = 'ETF'")
    assert compare(store, other(tmp_path, odd=1.02)).findings.is_empty()
    assert compare(store, other(tmp_path, odd=1.1, name="odd")).stored.found == 1


def test_what_is_compared_is_the_bar_that_stands_when_its_turn_has_come(store: Store, tmp_path: Path) -> None:
    """A load that has the lock of bars corrects the bar; the comparison waits for it, and agrees."""
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    correct = "UPDATE ohlcv_daily SET (open, high, low, close) = (open * 2, high * 2, low * 2, close * 2)"
    with ThreadPoolExecutor(1) as pool, transaction(store.engine) as connection:
        lock(connection, Lock.BARS)
        comparison = pool.submit(compare, store, other(tmp_path, scale=2))
        wait_until(lambda: query(store.url, waits) == [(1,)])
        connection.execute(correct.encode())
        connection.commit()
        found = comparison.result(timeout=30)
    assert found.findings.filter(pl.col("cause").str.contains("prices")).is_empty()
