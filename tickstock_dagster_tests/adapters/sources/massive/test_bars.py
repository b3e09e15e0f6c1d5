from datetime import date

import orjson
import polars as pl
import pytest

from tickstock_dagster.adapters.sources.massive.bars import grouped_page, range_page
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA

MON, TUE, FRI = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 9)
MON_T, TUE_T, DAY = 1767589200000, 1767675600000, 86_400_000
BAR = {"o": 10.1, "h": 10.6, "l": 10.0, "c": 10.5, "v": 1250000.0, "vw": 10.34, "n": 8123, "t": MON_T}


def answer(rows, **changed):
    whole = {"ticker": "ABCD", "adjusted": False, "queryCount": len(rows), "resultsCount": len(rows), "status": "OK"}
    return {**whole, "results": rows, **changed}


def read(given, start=MON, end=FRI):
    body = given if isinstance(given, bytes) else orjson.dumps(given)
    return range_page(body, "ABCD", start, end)


def grouped(given, session=MON):
    return grouped_page(orjson.dumps(given), session)


def test_a_range_answer_becomes_bars_by_session():
    frame = read(answer([{**BAR, "t": TUE_T, "c": 10.6}, BAR])).frame
    assert frame.schema == pl.Schema(BAR_SCHEMA)
    assert frame["session"].to_list() == [MON, TUE]
    assert frame.row(0) == ("ABCD", MON, 10.1, 10.6, 10.0, 10.5, 1250000.0, 10.34, 8123)


def test_volumes_and_prices_come_in_every_notation_of_json():
    body = orjson.dumps(answer([BAR, {**BAR, "t": TUE_T}])).replace(b"1250000.0", b"1.25e+06", 1)
    body = body.replace(b'"h":10.6', b'"h":11', 1).replace(b'"n":8123', b'"n":8123.0', 1)
    frame = read(body).frame
    assert frame["volume"].to_list() == [1250000.0, 1250000.0]
    assert frame["high"].to_list() == [11.0, 10.6]
    assert frame["transactions"].to_list() == [8123, 8123]


def test_null_and_absent_values_stay_as_nulls_to_be_quarantined():
    bare = {key: value for key, value in BAR.items() if key not in ("vw", "n", "o")}
    frame = read(answer([{**bare, "h": None, "v": None}])).frame
    assert frame.select("open", "high", "volume", "vwap", "transactions").row(0) == (None,) * 5
    assert frame.height == 1


def test_a_row_on_a_saturday_inside_the_range_is_a_row():
    assert read(answer([BAR, {**BAR, "t": MON_T + 5 * DAY}]), end=date(2026, 1, 12)).frame["session"].to_list() == [
        MON,
        date(2026, 1, 10),
    ]


def test_days_that_are_all_off_by_one_are_malformed_even_inside_the_range():
    mondays_as_sundays = [{**BAR, "t": MON_T + (7 * week - 1) * DAY} for week in range(3)]
    with pytest.raises(MalformedAnswerError, match="bars on 3 weekend days, so the days of all are in doubt"):
        read(answer(mondays_as_sundays), date(2026, 1, 1), date(2026, 1, 31))


def test_repeated_rows_are_returned_as_they_are():
    assert read(answer([BAR, BAR])).frame.height == 2


@pytest.mark.parametrize(("stamp", "session"), [(1741579200000, date(2025, 3, 10)), (1741323600000, date(2025, 3, 7))])
def test_midnight_in_new_york_is_the_session_on_both_sides_of_a_clock_change(stamp, session):
    frame = read(answer([{**BAR, "t": stamp}]), date(2025, 3, 1), date(2025, 3, 31)).frame
    assert frame["session"].to_list() == [session]


@pytest.mark.parametrize("counts", [{"resultsCount": 0, "queryCount": 0}, {"resultsCount": 0}])
def test_no_results_with_a_count_of_zero_is_an_empty_frame(counts):
    frame = read({"ticker": "ABCD", "status": "OK", **counts}).frame
    assert frame.is_empty()
    assert frame.schema == pl.Schema(BAR_SCHEMA)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "status None instead of OK"),
        ([], "a JSON list instead of an object"),
        (b"", r"cut or not JSON \(0 bytes\)"),
        (orjson.dumps(answer([BAR]))[:90], r"cut or not JSON \(90 bytes\)"),
        (b"<html><title>502</title></html>", "a web page instead of data"),
        (answer([BAR], status="ERROR"), "status 'ERROR' instead of OK"),
        (answer([BAR], ticker="ZZZZ"), "an answer about 'ZZZZ' instead of ABCD"),
        ({"status": "OK", "resultsCount": 0}, "an answer about None"),
        (answer([BAR], adjusted=True), "adjusted prices"),
        (answer([BAR], resultsCount=2), "1 results, but resultsCount 2"),
        (answer([BAR], resultsCount=None), "1 results, but resultsCount None"),
        (answer([], results=None, resultsCount=3, queryCount=3), "no results, and resultsCount 3"),
        ({"ticker": "ABCD", "status": "OK"}, "no results, and resultsCount None"),
        ({"ticker": "ABCD", "status": "OK", "resultsCount": 0, "queryCount": 4}, "no results"),
        (answer([BAR], results={"t": 1}), "results is not a list of objects"),
        (answer([BAR, None]), "results is not a list of objects"),
        (answer([{**BAR, "t": None}]), "row 0: t None is not a time"),
        (answer([{**BAR, "t": "1767589200000"}]), "row 0: t '1767589200000' is not a time"),
        (answer([{**BAR, "t": MON_T * 1_000_000}]), "is not a time in milliseconds"),
        (answer([BAR, {**BAR, "t": TUE_T + 3_600_000}]), "row 1: t 1767679200000 is not midnight in New York"),
        (answer([{**BAR, "t": MON_T - DAY}]), "a row of 2026-01-04, outside 2026-01-05..2026-01-09"),
        (answer([BAR], next_url="nowhere"), "next_url 'nowhere' leads nowhere"),
        (answer([BAR], next_url=7), "next_url 7 leads nowhere"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_malformed_and_says_why(given, words):
    with pytest.raises(MalformedAnswerError, match=words):
        read(given)


def test_a_delayed_plan_answers_well():
    assert read(answer([BAR], status="DELAYED")).rows == 1


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.massive.com/v2/aggs/x?cursor=abc&limit=2", "/v2/aggs/x?cursor=abc&limit=2"),
        ("https://elsewhere.example/v2/aggs/x?apiKey=secret&cursor=a%2Bb", "/v2/aggs/x?cursor=a%2Bb"),
        ("", None),
        (None, None),
    ],
)
def test_the_next_page_is_a_path_on_the_same_server_without_any_key(url, path):
    assert read(answer([BAR], next_url=url)).next_path == path


GROUPED_T = MON_T + 16 * 3_600_000
"""16:00 in New York."""


def test_a_grouped_answer_becomes_bars_of_the_day_asked_for():
    rows = [{**BAR, "T": "BRK.B", "t": GROUPED_T}, {**BAR, "T": "BACpL", "t": GROUPED_T, "c": None}]
    frame = grouped(answer(rows, ticker=None)).frame
    assert frame.schema == pl.Schema(BAR_SCHEMA)
    assert frame["ticker"].to_list() == ["BRK.B", "BACpL"]
    assert frame["session"].to_list() == [MON, MON]
    assert frame["close"].to_list() == [10.5, None]


def test_a_closed_day_is_an_explicitly_empty_grouped_answer():
    empty = {"queryCount": 0, "resultsCount": 0, "adjusted": False, "count": 0, "status": "OK"}
    assert grouped(empty).frame.is_empty()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "status None"),
        ({"status": "OK"}, "no results, and resultsCount None"),
        (answer([{**BAR, "T": "A", "t": GROUPED_T - DAY}]), "a row of 2026-01-04, outside 2026-01-05..2026-01-05"),
        (answer([{**BAR, "t": GROUPED_T}]), "row 0: T is None instead of a ticker"),
        (answer([{**BAR, "T": True, "t": GROUPED_T}]), "row 0: T is True instead of a ticker"),
    ],
)
def test_a_grouped_answer_of_another_day_or_without_tickers_is_malformed(given, words):
    with pytest.raises(MalformedAnswerError, match=words):
        grouped(given)


def test_an_error_repeats_no_more_of_an_answer_than_a_line():
    with pytest.raises(MalformedAnswerError) as caught:
        read(answer([BAR], ticker="Z" * 5000))
    assert len(str(caught.value)) < 200
