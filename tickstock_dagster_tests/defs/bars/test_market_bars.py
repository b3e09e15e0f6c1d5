"""`xtks/session_bars` executed for real: Tokyo from a local file, by its own sessions, beside a US market."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.defs.bars.market_bars import MARKETS, START
from tickstock_dagster.defs.session_windows import session_partitions
from tickstock_dagster_tests.defs.bars.bar_file import write_bars
from tickstock_dagster_tests.defs.factory import FRI, MON, THU, Factory, failure_of
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of

TOKYO = library_calendar("XTKS")
ASSET = ["xtks/session_bars"]
LATER = datetime(2026, 11, 29, 15, tzinfo=UTC)


@pytest.fixture
def tokyo(factory: Factory, tmp_path: Path) -> Factory:
    """Two weeks of Tokyo in a file."""
    path = write_bars(tmp_path / "tokyo.parquet", TOKYO.sessions(date(2026, 11, 16), date(2026, 11, 27)))
    factory.configure(TICKSTOCK_FILES_XTKS=f"files:{path}")
    return factory


def test_tokyo_is_loaded_by_its_own_sessions_and_closes(tokyo: Factory) -> None:
    result = materialise(tokyo, ASSET, "2026-11-16", "2026-11-27", now=LATER)
    assert result.success
    facts = metadata_of(result, "xtks/session_bars")
    # Monday the 23rd is Labor Thanksgiving Day in Tokyo and a session in New York; the 26th is the reverse.
    sessions = TOKYO.sessions(date(2026, 11, 16), date(2026, 11, 27))
    assert date(2026, 11, 23) not in sessions
    assert date(2026, 11, 26) in sessions
    assert (facts["bars_expected"], facts["bars_stored"], facts["rows_inserted"]) == (27, 27, 27)
    assert facts["tracking"] == "listed_xtks from 2026-11-16 on"
    assert tokyo.rows("SELECT DISTINCT session FROM ohlcv_daily ORDER BY 1") == sessions
    assert tokyo.rows("SELECT DISTINCT ticker FROM ohlcv_daily ORDER BY 1") == ["285A.XTKS", "6758.XTKS", "7203.XTKS"]
    # 15:30 in Tokyo, since 2024-11-05.
    assert tokyo.rows("SELECT DISTINCT (closes_at AT TIME ZONE 'UTC')::time::text FROM ohlcv_daily") == ["06:30:00"]
    assert tokyo.rows("SELECT DISTINCT primary_exchange, currency FROM securities") == [("XTKS", "JPY")]

    again = materialise(tokyo, ASSET, "2026-11-16", "2026-11-27", now=LATER)
    assert metadata_of(again, "xtks/session_bars")["rows_inserted"] == 0
    assert tokyo.rows("SELECT count(*) FROM securities") == [3]
    assert tokyo.rows("SELECT count(*) FROM bar_restatements") == [0]


def test_before_the_longer_day_tokyo_closed_at_three(tokyo: Factory, tmp_path: Path) -> None:
    days = TOKYO.sessions(date(2024, 11, 1), date(2024, 11, 6))
    tokyo.configure(TICKSTOCK_FILES_XTKS=f"files:{write_bars(tmp_path / 'old.parquet', days)}")
    assert materialise(tokyo, ASSET, days[0], days[-1], now=LATER).success
    closes = "SELECT DISTINCT session, (closes_at AT TIME ZONE 'Asia/Tokyo')::time::text FROM ohlcv_daily ORDER BY 1"
    assert tokyo.rows(closes) == [
        (date(2024, 11, 1), "15:00:00"), (date(2024, 11, 5), "15:30:00"), (date(2024, 11, 6), "15:30:00")
    ]  # fmt: skip


def test_tokyo_and_new_york_in_one_store_leave_each_other_alone(tokyo: Factory) -> None:
    tokyo.track("AAPL", "MSFT", "SPY")
    assert tokyo.run("us_eod", MON, THU).success
    us = tokyo.rows("SELECT * FROM ticker_intervals ORDER BY security_id, valid_from")
    assert materialise(tokyo, ASSET, MON, FRI).success
    assert tokyo.rows("SELECT * FROM ticker_intervals WHERE ticker NOT LIKE '%%.XTKS' ORDER BY 1, 3") == us
    # The US market neither expects Tokyo's bars nor counts them.
    assert tokyo.run("us_eod", FRI).success
    assert tokyo.rows("SELECT count(*) FROM bar_gaps") == [0]
    # A new list of US tickers lacks Tokyo's, and ends nothing.
    tokyos = "SELECT * FROM ticker_intervals WHERE ticker LIKE '%%.XTKS' ORDER BY 1"
    before = tokyo.rows(tokyos)
    assert materialise(tokyo, ["reference/symbols"], "2026-11-27", now=LATER).success
    assert tokyo.rows(tokyos) == before
    per_day = "SELECT session, count(*) FROM ohlcv_daily WHERE ticker LIKE '%%.XTKS' GROUP BY 1 ORDER BY 1"
    assert tokyo.rows(per_day) == [(day, 3) for day in TOKYO.sessions(MON, FRI)]


def test_what_the_file_lacks_is_missing_and_fails_by_name(tokyo: Factory, tmp_path: Path) -> None:
    full = pl.read_parquet(write_bars(tmp_path / "full.parquet", TOKYO.sessions(MON, FRI)))
    full.filter(~((pl.col("symbol") == "7203") & (pl.col("date") == THU))).write_parquet(tmp_path / "holed.parquet")
    tokyo.configure(TICKSTOCK_FILES_XTKS=f"files:{tmp_path / 'holed.parquet'}")
    words = failure_of(materialise(tokyo, ASSET, MON, FRI))
    assert words == "1 of 5 sessions stay incomplete; worst 2026-11-19: 2 of 3 bars. Gaps: 1 vendor_missing."
    assert tokyo.rows("SELECT session, ticker FROM bar_gaps") == [(THU, "7203.XTKS")]
    write_bars(tmp_path / "holed.parquet", TOKYO.sessions(MON, FRI))
    assert materialise(tokyo, ASSET, MON, FRI, now=LATER).success
    assert tokyo.rows("SELECT count(*) FROM bar_gaps") == [0]


def test_a_session_to_come_and_a_file_that_is_not_there_fail_by_name(tokyo: Factory, tmp_path: Path) -> None:
    assert failure_of(materialise(tokyo, ASSET, "2026-11-24")) == (
        "session 2026-11-24 closes at 2026-11-24 15:30 JST: the latest closed one is 2026-11-20"
    )
    tokyo.configure(TICKSTOCK_FILES_XTKS=f"files:{tmp_path / 'nothing.parquet'}")
    assert "TICKSTOCK_FILES_XTKS 'files:" in failure_of(materialise(tokyo, ASSET, FRI))


@pytest.mark.parametrize("suffix", ["", ".L"])
def test_codes_of_london_are_read_with_and_without_the_data_vendors_suffix(
    factory: Factory, tmp_path: Path, suffix: str
) -> None:
    rows = [
        f"{code}{suffix},2026-11-20,90,91,89,90.5,1000000" for code in ("VOD", "BP." if not suffix else "BP", "BT.A")
    ]
    path = tmp_path / "london.csv"
    path.write_text("\n".join(["ticker,date,open,high,low,close,volume", *rows]) + "\n")
    factory.configure(TICKSTOCK_FILES_XLON=f"files:{path}")
    assert materialise(factory, ["xlon/session_bars"], FRI, now=LATER).success
    assert factory.rows("SELECT ticker FROM ohlcv_daily ORDER BY 1") == ["BP..XLON", "BT.A.XLON", "VOD.XLON"]
    assert factory.rows("SELECT DISTINCT primary_exchange FROM securities") == ["XLON"]


@pytest.mark.parametrize("mic", MARKETS)
def test_partitions_are_the_sessions_of_the_markets_own_calendar(mic: str) -> None:
    keys = session_partitions(mic, START).get_partition_keys(current_time=datetime(2027, 1, 4, tzinfo=UTC))
    calendar = library_calendar(mic)
    found = [date.fromisoformat(key) for key in keys if key >= "2015-01-06" and key < "2027-01-01"]
    assert found == calendar.sessions(date(2015, 1, 6), date(2026, 12, 31))
