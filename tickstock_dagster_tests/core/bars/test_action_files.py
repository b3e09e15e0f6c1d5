"""Splits, dividends and renames beside the bars of a file."""

from datetime import date, timedelta

import pytest

from tickstock_dagster.core.bars.action_files import FileAction, read_actions
from tickstock_dagster.core.bars.listing_files import DeclaredListing, TickerDays, by_key, read_listings

FACTORS = (
    b"19980102,0.9,0.142857\n20140606,0.9,0.142857,645.57\n20140806,0.95,1,95\n20150105,0.98,1,70\n20501231,1,1,0\n"
)


def next_day(day: date) -> date:
    return day + timedelta(days=1)


def actions(text: bytes, name: str = "factor_files/aapl.csv", maps: dict[str, bytes] | None = None) -> list[FileAction]:
    closes = {"AAPL": {date(2014, 6, 6): 645.0, date(2014, 8, 6): 100.0}}
    listings = by_key(read_listings(list((maps or {}).items())))
    return read_actions([(name, text)], listings, lambda ticker: closes.get(ticker, {}), next_day)


def test_steps_of_the_factors_are_actions_of_the_next_session() -> None:
    split, first, second, third = actions(FACTORS)
    assert (split.ticker, split.ex_date, split.split_from, split.split_to) == ("AAPL", date(2014, 6, 7), 0.142857, 1.0)
    # In the shares of the ex-date: the close before, times 1 / 7.
    assert (first.ex_date, first.cash_amount) == (date(2014, 6, 7), pytest.approx(645 * 0.142857 * (1 - 0.9 / 0.95)))
    assert (second.ex_date, second.cash_amount) == (date(2014, 8, 7), pytest.approx(100 * (1 - 0.95 / 0.98)))
    assert {first.currency, second.currency} == {"USD"}
    assert (first.close_before, second.close_before) == (pytest.approx(645 * 0.142857), 100)
    # No bar of that day: a share of the close that the file states.
    assert (third.cash_amount, third.close_before) == (pytest.approx(70 * 0.02), 70)


def test_without_a_stated_close_a_dividend_is_a_share_of_the_last_close_before() -> None:
    [dividend] = actions(b"20140901,0.9,1\n20501231,1,1\n")
    assert (dividend.cash_amount, dividend.close_before) == (pytest.approx(10), 100)
    assert actions(b"20140901,0.9,1\n20501231,1,1\n", "none.csv") == []


def test_a_factor_file_is_of_the_security_with_its_name() -> None:
    maps = {"map_files/aapl.1.csv": b"19980102,aapl\n20140701,aapl\n20501231,appl\n"}
    split, _, dividend, _ = actions(FACTORS, "aapl.1.csv", maps)
    assert [(one.ticker, one.on_day) for one in (split, dividend)] == [("AAPL", True), ("APPL", True)]


def test_an_action_of_a_table_may_be_a_split_a_dividend_or_both() -> None:
    text = (
        b"Ticker,Ex Date,ratio,cash_amount,currency\naapl,2014-06-09,7,,\nBRK-B,20140610,,0.5,\nX,2014-06-11,2,1,eur\n"
    )
    assert actions(text, "actions.csv") == [
        FileAction("AAPL", date(2014, 6, 9), 1.0, 7.0),
        FileAction("BRK.B", date(2014, 6, 10), cash_amount=0.5, currency="USD"),
        FileAction("X", date(2014, 6, 11), 1.0, 2.0),
        FileAction("X", date(2014, 6, 11), cash_amount=1.0, currency="EUR"),
    ]


def test_a_map_file_is_one_security_under_all_its_tickers() -> None:
    text = b"19990310,qqq\n20041130,qqq\n20110322,qqqq\n20501231,qqq\n"
    assert read_listings([("map_files/qqq.csv", text)]) == [
        DeclaredListing(
            "qqq",
            (
                TickerDays("QQQ", date(1999, 3, 10), date(2004, 11, 30)),
                TickerDays("QQQQ", date(2004, 12, 1), date(2011, 3, 22)),
                TickerDays("QQQ", date(2011, 3, 23), None),
            ),
        )
    ]


def test_a_map_file_with_the_exchange_and_an_end_is_read() -> None:
    [listing] = read_listings([("goog.csv", b"20140327,goocv,Q\n20140402,goocv,Q\n20180402,goog,Q\n")])
    assert listing.spans == (
        TickerDays("GOOCV", date(2014, 3, 27), date(2014, 4, 2)),
        TickerDays("GOOG", date(2014, 4, 3), date(2018, 4, 2)),
    )
    assert (listing.latest, listing.ticker_on(date(2014, 4, 2)), listing.ticker_on(date(2019, 1, 2))) == (
        "GOOG", "GOOCV", None
    )  # fmt: skip


def test_a_table_joins_renames_by_identity_or_by_the_ticker_before() -> None:
    text = (
        b"ticker,first,last,identity,renamed_from,name\nFB,2012-05-18,,,,Facebook\nMETA,2022-06-09,,,FB,Meta\n"
        b"QQQ,1999-03-10,2004-11-30,q,,\nQQQQ,2004-12-01,2011-03-22,q,,\nQQQ,2011-03-23,,q,,Trust\n"
    )
    found = {listing.latest: listing for listing in read_listings([("names.csv", text)])}
    assert [span.ticker for span in found["META"].spans] == ["FB", "META"]
    assert found["META"].spans[0].last == date(2022, 6, 8)
    assert found["META"].name == "Meta"
    assert [span.ticker for span in found["QQQ"].spans] == ["QQQ", "QQQQ", "QQQ"]
