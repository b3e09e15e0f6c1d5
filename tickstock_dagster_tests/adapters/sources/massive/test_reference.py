from datetime import date

import orjson
import polars as pl
import pytest

from tickstock_dagster.adapters.sources.massive.reference import (
    dividends_page,
    listings_page,
    splits_page,
    ticker_changes,
)
from tickstock_dagster.adapters.sources.protocol import (
    DIVIDEND_SCHEMA,
    LISTING_SCHEMA,
    SPLIT_SCHEMA,
    MalformedAnswerError,
    TickerChange,
)

START, END = date(2026, 1, 1), date(2026, 1, 31)
SPLIT = {
    "id": "S1",
    "ticker": "ABCD",
    "execution_date": "2026-01-05",
    "split_from": 1,
    "split_to": 2.5,
    "adjustment_type": "forward_split",
    "historical_adjustment_factor": 0.4,
}
DIVIDEND = {
    "id": "D1",
    "ticker": "ABCD",
    "ex_dividend_date": "2026-01-05",
    "declaration_date": "2025-12-01",
    "record_date": "",
    "cash_amount": 0.25,
    "currency": "USD",
    "distribution_type": "recurring",
}


def body(results, **changed):
    return orjson.dumps({"status": "OK", "request_id": "0a", "results": results, **changed})


def test_a_listing_keeps_what_the_vendor_knows_and_nulls_what_it_does_not():
    known = {"ticker": "ABCD", "name": "Abcd Corp", "type": "CS", "primary_exchange": "XNAS", "cik": "0001234567"}
    known |= {"composite_figi": "BBG000000001", "share_class_figi": "BBG001000001", "active": True, "market": "stocks"}
    frame = listings_page(body([known, {"ticker": "NA"}], count=2)).frame
    assert frame.schema == pl.Schema(LISTING_SCHEMA)
    assert frame.row(0) == ("ABCD", "Abcd Corp", "CS", "XNAS", "0001234567", "BBG000000001", "BBG001000001", True, None)
    assert frame.row(1) == ("NA",) + (None,) * 8


def test_the_next_page_of_a_list_is_found():
    page = listings_page(body([{"ticker": "A"}], next_url="https://api.massive.com/v3/reference/tickers?cursor=x"))
    assert page.next_path == "/v3/reference/tickers?cursor=x"


@pytest.mark.parametrize("instant", ["2019-10-07T04:00:00Z", "2019-10-07T00:00:00Z", "2019-10-07"])
def test_a_delisting_holds_from_the_date_the_vendor_names(instant):
    frame = listings_page(body([{"ticker": "AABA", "active": False, "delisted_utc": instant}])).frame
    assert frame["delisted_on"].to_list() == [date(2019, 10, 7)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (body([{"ticker": "A"}], count=2), "1 results, but count 2"),
        (orjson.dumps({"status": "OK"}), "no results, and count None"),
        (body([{"ticker": None}]), "row 0: ticker is None instead of a ticker"),
        (body([{"ticker": "ZZZZ"}]), "a row of 'ZZZZ' instead of ABCD"),
    ],
)
def test_a_listing_that_cannot_be_trusted_is_malformed_and_says_why(given, words):
    with pytest.raises(MalformedAnswerError, match=words):
        listings_page(given, "ABCD" if b"ZZZZ" in given else None)


def test_an_explicitly_empty_list_is_an_empty_frame():
    assert listings_page(body([], count=0)).frame.schema == pl.Schema(LISTING_SCHEMA)
    assert listings_page(orjson.dumps({"status": "OK", "count": 0})).frame.is_empty()


def test_splits_and_dividends_become_frames():
    splits = splits_page(body([SPLIT]), START, END).frame
    assert splits.schema == pl.Schema(SPLIT_SCHEMA)
    assert splits.row(0) == ("S1", "ABCD", date(2026, 1, 5), 1.0, 2.5, "forward_split")
    dividends = dividends_page(body([DIVIDEND]), START, END).frame
    assert dividends.schema == pl.Schema(DIVIDEND_SCHEMA)
    assert dividends.row(0) == (
        "D1", "ABCD", date(2026, 1, 5), date(2025, 12, 1), None, None, 0.25, "USD", "recurring",
    )  # fmt: skip


def test_an_odd_listing_keeps_its_ticker_and_a_row_without_one_is_set_aside():
    rows = [
        {"ticker": "A", "delisted_utc": "soon", "name": ["x"], "active": "yes", "cik": 320193},
        {"ticker": "\x00HTLP^", "name": "NUL"},
        {"ticker": "B", "name": "a\x00b"},
        7,
        {"ticker": "C", "type": "CS"},
    ]
    page = listings_page(body(rows, count=5))
    found = page.frame.select("ticker", "name", "cik", "active", "equity_type", "delisted_on").rows()
    assert found == [
        ("A", None, "0000320193", None, None, None),
        ("B", "a\\u0000b", None, None, None, None),
        ("C", None, None, None, "CS", None),
    ]
    assert len(page.odd) == 3
    assert page.odd[1] == "row 1 ('\\x00HTLP^'): ticker is '\\x00HTLP^' instead of a ticker"


def test_a_listed_text_that_is_no_us_ticker_is_set_aside_by_name_and_no_other_row_is():
    listed = ["BP.", "AAPL", "BACpL", "7203.T", "ABCw", "A#B", "ABC.WS.A"]
    page = listings_page(body([{"ticker": ticker} for ticker in listed], count=len(listed)))
    assert page.frame["ticker"].to_list() == ["AAPL", "BACpL", "ABCw", "ABC.WS.A"]
    assert page.odd[0] == "row 0 ('BP.'): ticker is 'BP.' instead of one of a US security"
    assert len(page.odd) == 3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"execution_date": "2026-02-30"}, "execution_date '2026-02-30' is not a date"),
        ({"ticker": ""}, "ticker is '' instead of a ticker"),
        ({"split_to": [2, []]}, "split_to is [2, []] instead of a number"),
        ({"split_to": True}, "split_to is True instead of a number"),
        ({"adjustment_type": 7}, "adjustment_type is 7 instead of text"),
    ],
)
def test_an_odd_split_is_passed_on_without_the_odd_value_and_named(changed, words):
    page = splits_page(body([SPLIT, {**SPLIT, **changed}]), START, END)
    name = {"execution_date": "ex_date", "adjustment_type": "kind"}.get(next(iter(changed)), next(iter(changed)))
    assert page.frame.height == 2
    assert page.frame[name].null_count() == 1
    assert words in page.odd[0]


def test_a_split_outside_the_range_is_set_aside_unless_all_are():
    outside = {**SPLIT, "execution_date": "2025-12-31"}
    page = splits_page(body([outside, SPLIT]), START, END)
    assert page.frame.height == 1
    assert "outside 2026-01-01..2026-01-31" in page.odd[0]
    with pytest.raises(MalformedAnswerError, match=r"a row of 2025-12-31, outside 2026-01-01\.\.2026-01-31"):
        splits_page(body([outside]), START, END)


def test_only_the_kind_of_an_action_is_required_in_a_row():
    page = splits_page(body([{"adjustment_type": "forward_split"}, SPLIT]), START, END)
    assert page.frame["ticker"].to_list() == [None, "ABCD"]
    page = dividends_page(body([{"ticker": "X", "distribution_type": "special"}, DIVIDEND]), START, END)
    assert page.frame["cash_amount"].to_list() == [None, 0.25]


def test_a_row_without_an_ex_date_is_passed_on_for_validation():
    page = dividends_page(body([{**DIVIDEND, "ex_dividend_date": None}, DIVIDEND]), START, END).frame
    assert page["ex_date"].to_list() == [None, date(2026, 1, 5)]


def test_an_unreadable_date_of_a_dividend_is_left_out_and_named():
    page = dividends_page(body([{**DIVIDEND, "pay_date": "x"}]), START, END)
    assert (page.frame["pay_date"][0], page.frame["cash_amount"][0]) == (None, 0.25)
    assert page.odd == ("row 0 ('ABCD'): pay_date 'x' is not a date",)


@pytest.mark.parametrize("kind", ["type", "event_type"])
def test_ticker_changes_come_oldest_first_under_either_name_of_their_kind(kind):
    events = [
        {kind: "ticker_change", "date": "2022-06-09", "ticker_change": {"ticker": "META"}},
        {kind: "ticker_change", "date": "2012-05-18", "ticker_change": {"ticker": "FB"}},
        {kind: "name_change", "date": "2013-01-01"},
    ]
    answer = ticker_changes(body({"name": "Meta", "events": events}))
    assert answer.changes == [TickerChange("FB", date(2012, 5, 18)), TickerChange("META", date(2022, 6, 9))]
    assert answer.rows == 2


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (None, "no list of events"),
        ([], "no list of events"),
        ({"events": None}, "no list of events"),
        ({"events": [7]}, "an event that cannot be read: 7"),
        ({"events": [{"type": "ticker_change"}]}, "an event that cannot be read"),
        ({"events": [{"type": "ticker_change", "date": "x", "ticker_change": {"ticker": "A"}}]}, "cannot be read"),
        (
            {"events": [{"type": "ticker_change", "date": "2020-01-02", "ticker_change": {"ticker": None}}]},
            "without ticker",
        ),
    ],
)
def test_ticker_changes_that_cannot_be_read_are_malformed(results, words):
    with pytest.raises(MalformedAnswerError, match=words):
        ticker_changes(body(results))
