"""Another source beside the stored bars: kept as it came, compared, told once; the stored bars stay."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.quality.comparison import Comparison, compare_source
from tickstock_dagster.adapters.sources.file_source import FileSource
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
