from datetime import date

import orjson
import polars as pl
import pytest

from tickstock_dagster.adapters.sources.massive.bars import grouped_page, range_page
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, validate_bars

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
        (answer([BAR], results={"t": 1}, resultsCount=1), "results is {'t': 1} instead of a list"),
        (answer([None]), "no row has a time: row 0: the row is None instead of an object"),
        (answer([{**BAR, "t": None}]), "row 0: t None is not a time"),
        (answer([{**BAR, "t": "1767589200000"}]), "row 0: t '1767589200000' is not a time"),
        (answer([{**BAR, "t": MON_T * 1_000_000}]), "is not a time in milliseconds"),
        (answer([{**BAR, "t": TUE_T + 3_600_000}]), "row 0: t 1767679200000 is not midnight in New York"),
        (answer([BAR, {**BAR, "t": MON_T - DAY}]), "a row of 2026-01-04, outside 2026-01-05..2026-01-09"),
        (answer([{**BAR, "t": MON_T - DAY}]), "a row of 2026-01-04, outside 2026-01-05..2026-01-09"),
        (answer([BAR], next_url="nowhere"), "next_url 'nowhere' leads nowhere"),
        (answer([BAR], next_url=7), "next_url 7 leads nowhere"),
        (answer([BAR], next_url="http://[::1?c"), r"next_url 'http://\[::1\?c' leads nowhere"),
        (answer([BAR], next_url="http://h:port/v2/x?cursor=1"), "leads nowhere"),
        (answer([BAR], next_url="https://massive.com/v2/../x?cursor=1"), "leads nowhere"),
        (answer([BAR], next_url="https://massive.com/v2/x?cursor=\n1"), "leads nowhere"),
        (answer([BAR], next_url="https://elsewhere.example/v2/x?cursor=1"), "leads to another host"),
        (answer([BAR], next_url="https://notmassive.com/v2/x?cursor=1"), "leads to another host"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_malformed_and_says_why(given, words):
    with pytest.raises(MalformedAnswerError, match=words):
        read(given)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"c": [1.5, [], []]}, "c is [1.5, [], []] instead of a number"),
        ({"o": {"a": 1}}, "o is {'a': 1} instead of a number"),
        ({"h": True}, "h is True instead of a number"),
        ({"l": "10.0"}, "l is '10.0' instead of a number"),
        ({"n": 1.5}, "n is 1.5 instead of a whole number"),
        ({"n": 1e300}, "n is 1e+300 instead of a whole number"),
        ({"vw": []}, "vw is [] instead of a number"),
        ({"t": None}, "t None is not a time in milliseconds"),
        ({"t": [MON_T]}, "is not a time in milliseconds"),
        ({"t": MON_T * 1_000_000}, "is not a time in milliseconds"),
        ({"t": TUE_T + 3_600_000}, "t 1767679200000 is not midnight in New York, so its day is unknown"),
        ({"t": 0}, "t 0 is not midnight in New York"),
        ({"t": MON_T - 70 * DAY}, "t 1761541200000 is not midnight"),
    ],
)
def test_a_row_that_is_odd_is_told_so_and_the_others_are_good(changed, words):
    frame = read(answer([BAR, {**BAR, "t": TUE_T, **changed}])).frame
    assert frame["odd"][0] is None
    assert words in frame["odd"][1]
    assert frame.row(0)[:9] == ("ABCD", MON, 10.1, 10.6, 10.0, 10.5, 1250000.0, 10.34, 8123)
    judged = validate_bars(frame)
    assert judged.good["session"].to_list() == [MON]
    assert judged.rejected["reason"][0].startswith(frame["odd"][1])
    assert judged.good.drop("volume_printed").schema == pl.Schema(BAR_SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1" + "0" * 400,
        '"1\\ud800"',
        '"\x01\x00"',
        '"\xff"',
        "[" * 40 + "]" * 40,
    ],
)
def test_a_value_that_strict_json_refuses_costs_its_row_alone(text):
    body = orjson.dumps(answer([BAR, {**BAR, "t": TUE_T, "c": "HERE"}])).replace(b'"HERE"', text.encode("latin-1"))
    frame = read(body).frame
    assert validate_bars(frame).good["session"].to_list() == [MON]
    assert "c is " in frame["odd"][1]
    assert frame["odd"][1].isprintable()


def test_a_row_far_outside_the_range_is_odd_alone():
    frame = read(answer([{**BAR, "t": MON_T - 28 * DAY}, BAR])).frame
    assert frame["odd"].to_list() == ["the row is of 2025-12-08, outside 2026-01-05..2026-01-09", None]
    assert validate_bars(frame).good["session"].to_list() == [MON]


@pytest.mark.parametrize("row", [None, 7, "text", [BAR], True])
def test_a_row_that_is_no_object_is_set_aside(row):
    frame = read(answer([BAR, row])).frame
    assert validate_bars(frame).good["session"].to_list() == [MON]
    assert "the row is " in frame["odd"][1]


def test_a_body_that_nests_without_end_is_malformed():
    body = orjson.dumps(answer([BAR, "HERE"])).replace(b'"HERE"', b"[" * 200_000 + b"]" * 200_000)
    with pytest.raises(MalformedAnswerError, match="cut or not JSON"):
        read(body)


def test_an_odd_row_contradicts_no_good_one_of_its_session():
    frame = read(answer([BAR, {**BAR, "c": []}, {**BAR, "c": {}}])).frame
    judged = validate_bars(frame)
    assert judged.good["close"].to_list() == [10.5]
    assert judged.rejected.height == 2


def test_a_delayed_plan_answers_well():
    assert read(answer([BAR], status="DELAYED")).rows == 1


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.massive.com/v2/aggs/x?cursor=abc&limit=2", "/v2/aggs/x?cursor=abc&limit=2"),
        ("https://api.polygon.io:443/v2/aggs/x?apiKey=secret&cursor=a%2Bb", "/v2/aggs/x?cursor=a%2Bb"),
        ("/v2/aggs/x?cursor=abc", "/v2/aggs/x?cursor=abc"),
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


@pytest.mark.parametrize(
    ("ticker", "shown"),
    [
        ("\x00HTLP^", "\\u0000HTLP^"),
        ("\u00d0\x16HTLD^", "\u00d0\\u0016HTLD^"),
        ("", "''"),
        (None, "None"),
        (True, "True"),
        (["A"], "['A']"),
        ("A B", "A B"),
        ("Z" * 5000, "Z" * 29 + "…"),
    ],
)
def test_a_ticker_that_is_none_is_set_aside_escaped_and_every_other_row_is_good(ticker, shown):
    rows = [{**BAR, "T": name, "t": GROUPED_T} for name in ("AAPL", ticker, "MSFT")]
    frame = grouped(answer(rows)).frame
    assert frame["ticker"].to_list() == ["AAPL", shown, "MSFT"]
    judged = validate_bars(frame)
    assert judged.good["ticker"].to_list() == ["AAPL", "MSFT"]
    assert "instead of a ticker" in judged.rejected["reason"][0]


def test_a_grouped_row_of_another_day_is_set_aside():
    rows = [{**BAR, "T": "A", "t": GROUPED_T}, {**BAR, "T": "B", "t": GROUPED_T - DAY}]
    assert validate_bars(grouped(answer(rows)).frame).good["ticker"].to_list() == ["A"]


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
