"""`us/ohlcv_daily` executed for real: rectangles of tickers × sessions, what is free, what is missing."""

from datetime import UTC, datetime

import pytest

from tickstock_dagster_tests.defs.factory import FEW, MON, TUE, Factory, facts_of, failure_of

pytestmark = pytest.mark.usefixtures("few_listed")


def cells(first: str, last: str, *tickers: str) -> set[str]:
    days = [day for day in (f"2026-11-{number}" for number in (16, 17, 18, 19, 20)) if first <= day <= last]
    return {f"{day}|{ticker}" for day in days for ticker in tickers}


@pytest.fixture
def keyed(factory: Factory) -> Factory:
    """Three tickers have a key in the grid."""
    factory.instance.add_dynamic_partitions("tickers", list(FEW))
    return factory


def test_a_rectangle_of_three_symbols_and_five_sessions_is_one_run_and_the_second_one_is_free(keyed: Factory) -> None:
    result = keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY")
    assert result.success
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-16", "2026-11-20", *FEW)
    facts = facts_of(result)
    assert facts["tracking"].startswith("nothing by this load")
    assert (facts["bars_expected"], facts["bars_stored"], facts["sessions"]) == (15, 15, 5)
    assert keyed.rows("SELECT count(*) FROM ohlcv_daily") == [15], "three ranges: nothing but what was asked for"

    keyed.vendor.reset_stats()
    again = keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY")
    assert again.success
    assert keyed.vendor.stats()["total"] == 0
    assert facts_of(again)["rows_unchanged"] == facts_of(again)["rows_inserted"] == 0


def test_what_the_session_door_stored_is_free_for_the_grid(keyed: Factory) -> None:
    keyed.track()
    assert keyed.run("us_eod", MON, TUE).success
    keyed.vendor.reset_stats()
    assert keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-17|SPY").success
    assert keyed.vendor.stats()["total"] == 0
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-16", "2026-11-17", *FEW)


def test_only_the_missing_cell_is_asked_for(keyed: Factory) -> None:
    assert keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY").success
    keyed.execute("DELETE FROM ohlcv_daily WHERE ticker = 'MSFT' AND session = '2026-11-18'")
    keyed.vendor.reset_stats()
    assert keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY").success
    assert keyed.vendor.stats()["total"] == 1


def test_a_partial_failure_keeps_the_stored_cells_and_fails_for_the_rest(keyed: Factory) -> None:
    keyed.vendor.install("server_error", path="*/aggs/ticker/MSFT/*")
    result = keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY")
    words = failure_of(result)
    assert words.startswith("5 of 15 bars are missing. Gaps: ")
    assert "range MSFT 2026-11-16..2026-11-20" in words
    assert "502" in words
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-16", "2026-11-20", "AAPL", "SPY")

    keyed.vendor.clear_faults()
    keyed.vendor.reset_stats()
    assert keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-20|SPY").success
    assert keyed.vendor.stats()["total"] == 1, "only the symbol that failed is asked for"
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-16", "2026-11-20", *FEW)
    assert keyed.rows("SELECT count(*) FROM bar_gaps") == [0]


def test_an_inverted_rectangle_fails(keyed: Factory) -> None:
    for first, last in (("2026-11-20|AAPL", "2026-11-16|SPY"), ("2026-11-16|SPY", "2026-11-20|AAPL")):
        assert failure_of(keyed.run("us_symbols", first, last)) == ("no partition is selected: is the range inverted?")


def test_cells_of_a_session_that_has_not_closed_stay_missing(keyed: Factory) -> None:
    now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    assert keyed.run("us_symbols", "2026-11-19|AAPL", "2026-11-20|SPY", now=now).success
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-19", "2026-11-19", *FEW)
    words = failure_of(keyed.run("us_symbols", "2026-11-20|AAPL", "2026-11-20|SPY", now=now))
    assert words == "session 2026-11-20 closes at 2026-11-20 16:00 EST: the latest closed one is 2026-11-19"


def test_a_cell_outside_a_tickers_life_is_settled_without_a_bar_on_both_paths(factory: Factory) -> None:
    factory.instance.add_dynamic_partitions("tickers", ["OLDC", "NEWC"])  # one company, renamed on 2026-08-17
    assert factory.run("us_symbols", "2026-08-14|OLDC", "2026-08-17|NEWC").success
    everything = {f"{day}|{ticker}" for day in ("2026-08-14", "2026-08-17") for ticker in ("OLDC", "NEWC")}
    assert factory.materialised("ohlcv_daily") == everything
    assert factory.rows("SELECT session::text, ticker FROM ohlcv_daily ORDER BY 1") == [
        ("2026-08-14", "OLDC"),
        ("2026-08-17", "NEWC"),
    ]
    assert factory.rows("SELECT count(*) FROM bar_gaps") == [0]

    factory.vendor.install("server_error", path="*/aggs/*")
    assert failure_of(factory.run("us_symbols", "2026-08-13|OLDC", "2026-08-13|NEWC")).startswith("1 of 1 bars")
    assert factory.materialised("ohlcv_daily") == everything | {"2026-08-13|NEWC"}


def test_a_cancelled_session_is_settled_without_a_bar(keyed: Factory) -> None:
    keyed.override(TUE, "remove")
    assert keyed.run("us_symbols", "2026-11-16|AAPL", "2026-11-17|AAPL").success
    assert keyed.materialised("ohlcv_daily") == cells("2026-11-16", "2026-11-17", "AAPL")
    assert keyed.rows("SELECT session::text FROM ohlcv_daily") == ["2026-11-16"]


def test_a_key_that_no_list_has_is_refused(factory: Factory) -> None:
    factory.instance.add_dynamic_partitions("tickers", ["APPL"])
    words = failure_of(factory.run("us_symbols", "2026-11-16|APPL"))
    assert words.startswith("symbol 'APPL' is not accepted: did you mean AAPL?")
    assert factory.materialised("ohlcv_daily") == set()
