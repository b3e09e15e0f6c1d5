"""`tickstock load --source files:…`: a file is its content, and speaks for its own tickers and days alone."""

from datetime import date
from pathlib import Path

import pytest

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.cli.office import Answer, Office

HEADER = "ticker,date,open,high,low,close,volume"
WEEK = ("--from", "2026-11-18", "--to", "2026-11-20")
STORED = "SELECT ticker, count(*) FROM ohlcv_daily GROUP BY 1 ORDER BY 1"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def three_days(ticker: str) -> list[str]:
    return [f"{ticker},2026-11-{day},10,11,9,10.5,100000" for day in (18, 19, 20)]


def load(office: Office, path: Path, *arguments: str) -> Answer:
    return office.tickstock("load", *arguments, "--source", f"files:{path}")


def test_a_second_file_for_other_tickers_loses_no_row(office: Office, tmp_path: Path) -> None:
    for ticker in ("ZQA", "ZQB"):
        answer = load(office, write(tmp_path / f"{ticker}_bars.csv", *three_days(ticker)), "--symbols", ticker, *WEEK)
        assert answer.code == 0, answer.err
        assert "3 of 3 bars stored (3 new)" in answer.out
    assert office.rows(STORED) == [("ZQA", 3), ("ZQB", 3)]
    assert office.rows("SELECT count(*) FROM bar_gaps") == [0]
    assert len(office.rows("SELECT DISTINCT source FROM ohlcv_daily WHERE source ~ '^files:[0-9a-f]{12}$'")) == 2
    assert office.rows("SELECT count(*) FROM work_units WHERE kind = 'listings'") == [0]


def test_the_same_content_is_read_once_and_another_is_read(office: Office, tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", *three_days("ZQA"), "ZQB,2026-11-18,10,11,9,10.5,100000")
    arguments = ("--symbols", "ZQA,ZQB", *WEEK)
    assert "4 of 6 bars stored (4 new)" in load(office, path, *arguments).out
    units = office.rows("SELECT unit_id, attempts FROM work_units WHERE kind IN ('range', 'grouped') ORDER BY 1")
    copy = tmp_path / "renamed.csv"
    copy.write_bytes(path.read_bytes())
    answer = load(office, copy, *arguments)
    assert answer.code == 0, answer.err
    assert "4 of 6 bars stored (0 new)" in answer.out
    assert (
        office.rows("SELECT unit_id, attempts FROM work_units WHERE kind IN ('range', 'grouped') ORDER BY 1") == units
    )
    write(path, *three_days("ZQA"), *three_days("ZQB"))
    assert "6 of 6 bars stored (2 new)" in load(office, path, *arguments).out


def test_broken_rows_of_the_same_content_are_asked_for_once_and_tell_dagster_nothing_new(
    office: Office, tmp_path: Path
) -> None:
    calendar = library_calendar("XNYS")
    days = calendar.sessions(date(2026, 8, 3), date(2026, 11, 20))
    rows = [f"ZQA,{day},10,{8 if day in (days[0], days[-1]) else 11},9,10.5,100000" for day in days]
    path = write(tmp_path / "bars.csv", *rows)
    arguments = ("--symbols", "ZQA", "--from", str(days[0]), "--to", str(days[-1]))
    first = load(office, path, *arguments)
    assert f"{len(days) - 2} of {len(days)} bars stored" in first.out + first.err
    kept = "SELECT unit_id, attempts FROM work_units ORDER BY 1", "SELECT count(*) FROM quarantined_bars"
    before, books = [office.rows(query) for query in kept], office.dagster_rows()
    again = load(office, path, *arguments)
    assert again.code == first.code, again.err
    assert [office.rows(query) for query in kept] == before
    assert office.dagster_rows() - books <= 50
    mended = write(path, *(row.replace(",8,9,", ",11,9,") for row in rows))
    assert f"{len(days)} of {len(days)} bars stored (2 new)" in load(office, mended, *arguments).out


def test_a_corrected_file_restates_what_the_former_content_said_and_no_vendors_bar(
    office: Office, tmp_path: Path
) -> None:
    assert office.tickstock("load", "--symbols", "AAPL", *WEEK).code == 0
    closes = "SELECT ticker, array_agg(close::float8 ORDER BY session) FROM ohlcv_daily GROUP BY 1 ORDER BY 1"
    [(_, apple)] = office.rows(closes)
    arguments = ("--symbols", "ZQA,AAPL", *WEEK)
    former = [*three_days("ZQA"), *three_days("AAPL")]
    path = write(tmp_path / "bars.csv", *former)
    assert load(office, path, *arguments).code == 0
    corrected = [*former[:1], "ZQA,2026-11-19,10,12,9,11.5,100000", *former[2:]]
    answer = load(office, write(path, *corrected), *arguments)
    assert answer.code == 0, answer.err
    assert "6 of 6 bars stored (0 new, 1 restated)" in answer.out
    assert office.rows(closes) == [("AAPL", apple), ("ZQA", [10.5, 11.5, 10.5])]
    assert office.rows("SELECT changed, old_close::float8 FROM bar_restatements") == [(["high", "close"], 10.5)]
    units = office.rows("SELECT unit_id, attempts FROM work_units ORDER BY 1")
    # Content that was read before is not read again, the former one either: the newest stays.
    for rows in (corrected, former):
        assert load(office, write(path, *rows), *arguments).code == 0
    assert office.rows(closes) == [("AAPL", apple), ("ZQA", [10.5, 11.5, 10.5])]
    assert office.rows("SELECT unit_id, attempts FROM work_units ORDER BY 1") == units


def test_rows_of_days_without_a_session_are_said_and_show_no_listing(office: Office, tmp_path: Path) -> None:
    rows = [*three_days("ZQA"), "ZQA,2026-11-21,1,1,1,1,1", "ZQA,2026-12-24,1,1,1,1,1", "ZQB,2026-11-22,1,1,1,1,1"]
    answer = load(office, write(tmp_path / "bars.csv", *rows), "--universe", "us_listed", "--from", "2026-11-16")
    assert answer.code == 0, answer.err
    assert "rows of days without a session left out: 2026-11-21 (1), 2026-11-22 (1)" in answer.out
    assert office.rows("SELECT ticker, seen_to::text FROM ticker_intervals") == [("ZQA", "2026-11-20")]
    weekend = write(tmp_path / "weekend.csv", *three_days("ZQC"), "ZQC,2026-11-15,1,1,1,1,1")
    answer = load(office, weekend, "--symbols", "ZQC", "--from", "2026-11-13", "--to", "2026-11-20")
    assert "rows of days without a session left out: 2026-11-15 (1)" in answer.out


@pytest.mark.parametrize("rows", [[], ["ZQA,2026-11-21,1,1,1,1,1"]], ids=["header only", "a Saturday only"])
def test_a_file_without_a_row_of_a_session_is_refused(office: Office, tmp_path: Path, rows: list[str]) -> None:
    answer = load(office, write(tmp_path / "none.csv", *rows), "--universe", "us_listed", *WEEK)
    assert (answer.code, "none.csv' is not accepted: a file with at least one row of a session" in answer.err) == (
        2,
        True,
    )
    assert office.rows("SELECT count(*) FROM ticker_intervals") == [0]


def test_a_load_that_fails_names_what_was_quarantined(office: Office, tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", "ZQA,2026-11-19,10,11,9,-3,100000", "ZQA,2026-11-20,10,8,9,9,100000")
    answer = load(office, path, "--symbols", "ZQA", *WEEK)
    assert answer.code == 1
    assert "Quarantined: ZQA 2026-11-19" in answer.err


def test_what_becomes_of_the_actions_beside_the_bars_is_said(office: Office, tmp_path: Path) -> None:
    bars = write(tmp_path / "bars.csv", *three_days("ZQA"))
    current = "SELECT split_to::float8 FROM corporate_actions WHERE known_to IS NULL"
    header = "ticker,ex_date,split_from,split_to,cash_amount"
    write(tmp_path / "actions.csv", "ZQA,2026-11-19,1,2,", header=header)
    arguments = ("--symbols", "ZQA", *WEEK, "--actions", "actions.csv")
    assert load(office, bars, *arguments).code == 0
    rows = ("ZQA,2026-11-19,1,2,", "ZQA,2026-11-19,1,3,", "ZQX,2026-11-19,1,3,", "ZQA,2026-11-20,1,1,")
    write(tmp_path / "actions.csv", *rows, header=header)
    answer = load(office, bars, *arguments)
    assert answer.code == 0, answer.err
    assert "2 splits or dividends were not stored: ZQA 2026-11-19: split 2 for 1 contradicts another" in answer.out
    assert "1 splits or dividends are of a ticker that no known security held on the day" in answer.out
    assert "1 splits or dividends change nothing: ZQA 2026-11-20: split of 1 for 1" in answer.out
    assert office.rows(current) == [2.0], "what contradicts itself ends nothing"


def test_a_file_of_an_older_day_belongs_to_the_security_that_the_vendor_lists(office: Office, tmp_path: Path) -> None:
    assert office.tickstock("load", "--symbols", "AAPL", *WEEK).code == 0
    [apple] = office.rows("SELECT security_id FROM ticker_intervals WHERE ticker = 'AAPL'")
    lists = office.rows("SELECT * FROM work_units WHERE kind = 'listings' ORDER BY unit_id")
    others = "SELECT * FROM ticker_intervals WHERE security_id <> %s ORDER BY security_id, valid_from"
    before = office.rows(others, apple)
    days = ("2024-11-18,226.02,229.74,225.17,228.02,44686020", "2024-11-19,226.98,230.16,226.66,228.28,36211770",
            "2024-11-20,228.06,229.93,225.89,229,35169570")  # fmt: skip
    path = write(tmp_path / "readme_aapl.csv", *(f"AAPL,{day}" for day in days))
    office.calls()
    answer = load(office, path, "--symbols", "AAPL", "--from", "2024-11-18", "--to", "2024-11-20")
    assert answer.code == 0, answer.err
    assert "3 of 3 bars stored (3 new)" in answer.out
    assert office.calls() == 0
    assert office.rows("SELECT DISTINCT security_id FROM ohlcv_daily WHERE ticker = 'AAPL'") == [apple]
    assert office.rows("SELECT seen_from::text FROM ticker_intervals WHERE security_id = %s", apple) == ["2024-11-18"]
    assert office.rows("SELECT * FROM work_units WHERE kind = 'listings' ORDER BY unit_id") == lists
    assert office.rows(others, apple) == before


def test_what_only_a_file_has_shown_no_list_is_expected_to_contain(office: Office, tmp_path: Path) -> None:
    own = [f"Z{letter}{other}" for letter in "ABCDEFGH" for other in "ABCDEFGH"]
    path = write(tmp_path / "bars.csv", *(row for ticker in own for row in three_days(ticker)), *three_days("AAPL"))
    assert load(office, path, "--universe", "us_listed", *WEEK).code == 0
    [apple] = office.rows("SELECT security_id FROM ticker_intervals WHERE ticker = 'AAPL'")
    intervals = (
        "SELECT i.* FROM ticker_intervals AS i JOIN securities USING (security_id) WHERE NOT on_lists ORDER BY 1"
    )
    assert office.rows("SELECT count(*) FROM securities WHERE NOT on_lists") == [65]
    answer = office.tickstock("load", "--symbols", "AAPL,MSFT", *WEEK)
    assert answer.code == 0, answer.err
    assert "6 of 6 bars stored" in answer.out
    assert office.rows("SELECT DISTINCT security_id FROM ohlcv_daily WHERE ticker = 'AAPL'") == [apple]
    assert office.rows("SELECT on_lists, composite_figi IS NOT NULL FROM securities WHERE security_id = %s", apple) == [
        (True, True)
    ]
    assert len(office.rows(intervals)) == 64
    assert office.rows("SELECT count(*) FROM ticker_intervals WHERE ticker LIKE 'Z__' AND valid_to IS NOT NULL") == [0]


def test_what_only_a_file_has_shown_is_owed_to_the_end_of_the_file_and_fails_no_vendors_day(
    office: Office, tmp_path: Path
) -> None:
    path = write(tmp_path / "own.csv", *three_days("ZQA")[:2], *three_days("ZQB")[:1])
    assert load(office, path, "--universe", "us_listed", *WEEK, "--track").code == 0
    answer = office.tickstock("run")
    assert answer.code == 0, answer.err
    expected = "SELECT ticker, expected_to::text FROM ticker_intervals WHERE ticker ~ '^ZQ' ORDER BY 1"
    assert office.rows(expected) == [("ZQA", "2026-11-20"), ("ZQB", "2026-11-20")]
    assert office.rows("SELECT ticker, session::text FROM bar_gaps WHERE ticker ~ '^ZQ'") == [("ZQB", "2026-11-19")]
    # Another content goes further.
    longer = write(tmp_path / "own.csv", *three_days("ZQA"))
    assert load(office, longer, "--symbols", "ZQA", "--from", "2026-11-18").code == 0
    assert office.rows(expected)[0] == ("ZQA", "2026-11-21")


def test_a_file_whose_series_end_on_different_days_is_loaded_whole(office: Office, tmp_path: Path) -> None:
    rows = [*three_days("AAA"), *three_days("BBB")[:2], *three_days("CCC")[:2]]
    path = write(tmp_path / "uneven_ends.csv", *rows)
    answer = load(office, path, "--universe", "us_listed", *WEEK, "--track")
    assert answer.code == 0, answer.err
    assert "7 of 9 bars stored (7 new), 0 explained by a final reason, 2 missing" in answer.out
    gaps = office.rows("SELECT ticker, session::text, reason, evidence FROM bar_gaps ORDER BY 1")
    assert [gap[:3] for gap in gaps] == [
        ("BBB", "2026-11-20", "vendor_missing"),
        ("CCC", "2026-11-20", "vendor_missing"),
    ]
    assert all(gap[3].startswith("files:") and gap[3].endswith("'s answer ends with 2026-11-19") for gap in gaps)
    [members] = office.rows("SELECT value FROM cache_entries WHERE key = 'us_listed' AND track")
    assert members == ["AAA", "BBB", "CCC"]
    assert [run.is_success for run in office.runs()] == [True]


def test_series_that_end_can_be_declared_ended(office: Office, tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", *three_days("AAA"), *three_days("BBB")[:2])
    answer = load(office, path, "--universe", "us_listed", *WEEK, "--ended")
    assert answer.code == 0, answer.err
    assert "5 of 5 bars stored (5 new), 0 explained by a final reason, 0 missing" in answer.out
    assert office.rows("SELECT ticker, valid_to::text FROM ticker_intervals ORDER BY 1") == [
        ("AAA", None), ("BBB", "2026-11-20")
    ]  # fmt: skip
    later = write(tmp_path / "later.csv", *three_days("BBB"))
    assert "3 of 3 bars stored (1 new)" in load(office, later, "--symbols", "BBB", *WEEK).out
    assert office.rows("SELECT count(*) FROM securities") == [2]


def test_no_vendors_history_limits_a_file(office: Office, tmp_path: Path) -> None:
    rows = ("IBM,1998-01-02,104.75,106,104.44,105.63,4600000", "IBM,1998-01-05,106.75,107.25,104.5,106.38,6500000")
    path = write(tmp_path / "old1998.csv", *rows)
    answer = load(office, path, "--symbols", "IBM", "--from", "1998-01-02", "--to", "1998-01-05")
    assert answer.code == 0, answer.err
    assert "2 of 2 bars stored (2 new)" in answer.out
    assert office.rows("SELECT count(*) FROM bar_gaps") == [0]
    assert office.rows("SELECT session::text, (closes_at AT TIME ZONE 'America/New_York')::text FROM ohlcv_daily") == [
        ("1998-01-02", "1998-01-02 16:00:00"), ("1998-01-05", "1998-01-05 16:00:00")
    ]  # fmt: skip
    answer = load(office, path, "--symbols", "IBM", "--from", "1901-01-02", "--to", "1998-01-05")
    assert answer.code == 2
    assert "the calendar of XNYS" in answer.error


def test_what_was_set_aside_and_quarantined_is_named(office: Office, tmp_path: Path) -> None:
    rows = [*three_days("AAA")[:2], "AAA,2026-11-20,10,11,9,null,100000", *three_days("^GSPC"), *three_days("VOD.L")]
    answer = load(office, write(tmp_path / "bars.csv", *rows), "--symbols", "AAA", *WEEK)
    assert answer.code == 0, answer.err
    assert "2 of 3 bars stored (2 new)" in answer.out
    assert "6 rows of 2 tickers set aside: '^GSPC' (3: no ticker); 'VOD.L' (3: .L marks XLON" in answer.out
    assert "1 row quarantined: AAA 2026-11-20: a price is missing" in answer.out


def test_dates_are_read_as_declared(office: Office, tmp_path: Path) -> None:
    path = write(tmp_path / "us.csv", "AAA,11/18/2026,10,11,9,10.5,100000")
    answer = load(office, path, "--symbols", "AAA", *WEEK)
    assert answer.code == 2
    assert "line 2, column date: '11/18/2026' is not accepted" in answer.error
    assert "date-format=%m/%d/%Y" in answer.error
    answer = load(office, path, "--symbols", "aaa", *WEEK, "--date-format", "%m/%d/%Y")
    assert answer.code == 0, answer.err
    assert office.rows(STORED) == [("AAA", 1)]


@pytest.mark.parametrize("written", ["BAC-PE", "BAC/PE", "BAC^E", "BAC.PR.E", "BAC PRE", "BACpE"])
def test_every_spelling_is_found_by_every_other(office: Office, tmp_path: Path, written: str) -> None:
    path = write(tmp_path / "bars.csv", f"{written},2026-11-18,10,11,9,10.5,100000")
    answer = load(office, path, "--symbols", "BAC-PE", "--from", "2026-11-18", "--to", "2026-11-18")
    assert answer.code == 0, answer.err
    assert office.rows("SELECT ticker FROM ohlcv_daily") == ["BACpE"]


def test_a_ticker_that_the_file_lacks_is_refused_by_the_files_name(office: Office, tmp_path: Path) -> None:
    answer = load(office, write(tmp_path / "bars.csv", *three_days("AAA")), "--symbols", "MSFT", *WEEK)
    assert answer.code == 2
    assert "--symbols 'MSFT' is not accepted: tickers of bars.csv (files:" in answer.error
    assert office.untouched()
