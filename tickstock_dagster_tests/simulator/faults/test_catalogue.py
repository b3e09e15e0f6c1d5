"""Every fault, as it looks on the wire."""

import time
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest
import urllib3

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.faults.catalogue import FAULTS, parse_fault
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import FRIDAY, ask, day_range, eastern_day, grouped

WEEK = day_range("AAPL", "2026-11-16", "2026-11-20")
DAY = grouped(FRIDAY)


def closes(simulator: RunningSimulator, path: str = WEEK) -> list[float]:
    return [row["c"] for row in ask(simulator, path, adjusted="false").rows]


@pytest.mark.parametrize("retry_after", [None, 3])
def test_a_rate_limit_storm_is_429_with_or_without_retry_after(own: RunningSimulator, retry_after: int | None) -> None:
    own.install("rate_limit_storm", times=2, retry_after=retry_after)
    replies = [ask(own, WEEK) for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert replies[0].headers.get("retry-after") == (str(retry_after) if retry_after else None)
    assert replies[0].json["status"] == "ERROR"
    assert replies[0].json["error"].startswith("You've exceeded the maximum requests per minute")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_a_gateways_page(own: RunningSimulator, status: int) -> None:
    own.install("server_error", status=status)
    reply = ask(own, WEEK)
    assert reply.status == status
    assert reply.headers["content-type"] == "text/html"
    assert b"<html>" in reply.body


def test_a_timeout_answers_rightly_but_too_late(own: RunningSimulator) -> None:
    own.install("timeout", seconds=0.6, times=2)
    with pytest.raises(urllib3.exceptions.TimeoutError):
        ask(own, WEEK, timeout=0.2)
    started = time.monotonic()
    assert ask(own, WEEK).json["resultsCount"] == 5
    assert time.monotonic() - started >= 0.6


def test_a_dropped_connection_has_no_answer(own: RunningSimulator) -> None:
    own.install("connection_drop", times=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(own, WEEK)
    assert ask(own, WEEK).status == 200
    assert own.stats()["by_status"] == {"dropped": 1, "200": 1}


def test_a_cut_body_is_broken_json_of_the_promised_length(own: RunningSimulator) -> None:
    own.install("cut_body")
    reply = ask(own, DAY)
    assert reply.status == 200
    assert int(reply.headers["content-length"]) == len(reply.body)
    with pytest.raises(orjson.JSONDecodeError):
        _ = reply.json


def test_a_short_body_ends_before_the_promised_length(own: RunningSimulator) -> None:
    own.install("cut_body", short=True, times=1)
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        ask(own, DAY)
    assert ask(own, DAY).json["resultsCount"] > 100


@pytest.mark.parametrize("path", [WEEK, DAY, "/v3/reference/tickers", "/stocks/v1/splits", "/v2/aggs/ticker/AAPL/prev"])
def test_an_empty_200_and_null_results(own: RunningSimulator, path: str) -> None:
    own.install("empty_200", times=1)
    empty = ask(own, path)
    own.install("null_results", times=1)
    null = ask(own, path)
    assert (empty.status, null.status) == (200, 200)
    assert "next_url" not in empty.json
    counts = [empty.json[name] for name in ("resultsCount", "count") if name in empty.json]
    assert set(counts) <= {0}
    assert empty.json.get("results", "none") == ("none" if counts else [])
    assert null.json["results"] is None
    assert ask(own, path).rows


def test_an_answer_about_another_ticker(own: RunningSimulator) -> None:
    own.install("other_ticker", answers="WRNG", ticker="AAPL")
    assert ask(own, WEEK).json["ticker"] == "WRNG"
    assert ask(own, "/v2/aggs/ticker/AAPL/prev").rows[0]["T"] == "WRNG"
    assert ask(own, "/v3/reference/tickers/AAPL").json["results"]["ticker"] == "WRNG"
    assert ask(own, "/v1/open-close/AAPL/2026-11-20").json["symbol"] == "WRNG"
    assert ask(own, day_range("MSFT", FRIDAY, FRIDAY)).json["ticker"] == "MSFT"
    market = {row["T"] for row in ask(own, DAY).rows}
    assert "WRNG" in market
    assert "AAPL" not in market


def test_bars_of_another_day(own: RunningSimulator) -> None:
    own.install("other_day", shift_days=-7)
    assert {eastern_day(row["t"]) for row in ask(own, DAY).rows} == {date(2026, 11, 13)}
    assert eastern_day(ask(own, WEEK).rows[0]["t"]) == date(2026, 11, 9)


def test_rows_that_come_twice(own: RunningSimulator) -> None:
    own.install("duplicate_rows", ticker="AAPL", day=FRIDAY)
    week = ask(own, WEEK).json
    assert week["resultsCount"] == len(week["results"]) == 6
    assert week["results"][4] == week["results"][5]
    rows = [row for row in ask(own, DAY).rows if row["T"] == "AAPL"]
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert len([row for row in ask(own, DAY).rows if row["T"] == "MSFT"]) == 1


def test_rows_that_contradict_each_other(own: RunningSimulator) -> None:
    own.install("contradicting_rows", day=date(2026, 11, 18), by=1.1)
    rows = ask(own, WEEK).rows
    assert [eastern_day(row["t"]).day for row in rows] == [16, 17, 18, 18, 19, 20]
    assert rows[3]["c"] == pytest.approx(rows[2]["c"] * 1.1)
    assert rows[3]["h"] >= rows[3]["c"]


def test_a_bar_on_a_saturday(own: RunningSimulator) -> None:
    own.install("saturday_bar")
    days = [eastern_day(row["t"]) for row in ask(own, day_range("AAPL", "2026-11-12", "2026-11-17")).rows]
    assert date(2026, 11, 14) in days
    assert days == sorted(days)
    (row,) = ask(own, grouped("2026-11-21")).rows
    assert eastern_day(row["t"]) == date(2026, 11, 21)
    assert "results" not in ask(own, grouped("2026-11-22")).json


def test_a_late_day_comes_after_its_minutes_or_when_cleared(own: RunningSimulator) -> None:
    own.set_now(datetime(2026, 11, 20, 22, tzinfo=UTC))
    own.install("late_day", day=FRIDAY, minutes=60)
    assert ask(own, DAY).json["resultsCount"] == 0
    assert len(closes(own)) == 4
    own.set_now(datetime(2026, 11, 20, 22, 15, tzinfo=UTC))
    assert ask(own, DAY).json["resultsCount"] > 100
    own.clear_faults()
    own.install("late_day", day=date(2026, 11, 18))
    assert [eastern_day(row["t"]).day for row in ask(own, WEEK).rows] == [16, 17, 19, 20]
    assert ask(own, grouped("2026-11-18")).json["resultsCount"] == 0
    own.clear_faults()
    assert len(closes(own)) == 5


def test_a_replaced_day_changes_after_the_first_read(own: RunningSimulator) -> None:
    own.install("replaced_day", day=FRIDAY, factor=1.05)
    first, second = closes(own), closes(own)
    assert second[:4] == first[:4]
    assert second[4] == pytest.approx(first[4] * 1.05, abs=1e-3)
    assert closes(own) == second


def test_a_grouped_day_that_lacks_symbols(own: RunningSimulator) -> None:
    whole = [row["T"] for row in ask(own, DAY).rows]
    own.install("missing_symbols", tickers=["AAPL", "SPY"], times=1)
    reply = ask(own, DAY).json
    assert set(whole) - {row["T"] for row in reply["results"]} == {"AAPL", "SPY"}
    assert reply["resultsCount"] == len(whole) - 2
    own.install("missing_symbols", count=5)
    assert [row["T"] for row in ask(own, DAY).rows] == whole[5:]
    assert len(closes(own)) == 5


def test_a_half_applied_split_contradicts_itself(own: RunningSimulator) -> None:
    own.install("half_applied_split", ticker="AAPL", day=FRIDAY, ratio=2)
    for rows in (ask(own, WEEK).rows[-1:], [row for row in ask(own, DAY).rows if row["T"] == "AAPL"]):
        assert rows[0]["h"] < rows[0]["l"]
        assert rows[0]["o"] < rows[0]["l"]
    assert all(row["h"] >= row["l"] for row in ask(own, WEEK).rows[:-1])


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("not_entitled", "You are not entitled to this data"),
        ("out_of_history", "Your plan doesn't include this data timeframe"),
        ("before_end_of_day", "Attempted to request today's data before end of day"),
    ],
)
def test_the_three_403_texts(own: RunningSimulator, fault: str, text: str) -> None:
    own.install(fault)
    reply = ask(own, WEEK)
    assert reply.status == 403
    assert reply.json["status"] == "NOT_AUTHORIZED"
    assert reply.json["message"].startswith(text)


def test_a_delayed_status_is_a_good_answer(own: RunningSimulator) -> None:
    own.install("delayed_status")
    assert ask(own, WEEK).json["status"] == "DELAYED"
    assert ask(own, WEEK).json["resultsCount"] == 5


def test_faults_choose_calls_by_path_ticker_and_day(own: RunningSimulator) -> None:
    own.install("server_error", path="*/grouped/*")
    own.install("not_entitled", ticker="MSFT")
    own.install("out_of_history", day=date(2026, 11, 18))
    assert ask(own, DAY).status == 502
    assert ask(own, day_range("MSFT", FRIDAY, FRIDAY)).status == 403
    assert ask(own, "/stocks/v1/splits", ticker="MSFT").status == 403
    assert ask(own, "/vX/reference/tickers/MSFT/events").status == 403
    assert ask(own, "/stocks/v1/splits").status == 200
    assert ask(own, WEEK).status == 403
    assert ask(own, day_range("AAPL", "2026-11-19", "2026-11-20")).status == 200
    assert ask(own, day_range("AAPL", "x", "y")).status == 400


def test_faults_add_up_and_are_gone_when_cleared(own: RunningSimulator) -> None:
    own.install({"fault": "duplicate_rows", "day": "2026-11-20"})
    own.install(parse_fault({"fault": "delayed_status", "times": 1}))
    answer = ask(own, WEEK).json
    assert (answer["status"], answer["resultsCount"]) == ("DELAYED", 6)
    assert ask(own, WEEK).json["status"] == "OK"
    own.clear_faults()
    assert ask(own, WEEK).json["resultsCount"] == 5


def test_a_fault_that_finds_nothing_to_spoil_is_not_used_up(own: RunningSimulator) -> None:
    own.install("duplicate_rows", times=1)
    assert ask(own, grouped("2026-11-22")).json["resultsCount"] == 0
    assert ask(own, "/v1/marketstatus/now").status == 200
    assert ask(own, WEEK).json["resultsCount"] == 10


def test_every_fault_has_a_test() -> None:
    source = Path(__file__).read_text()
    assert [name for name in FAULTS if f'"{name}"' not in source] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fault": "rate_limit_strom"}, "did you mean rate_limit_storm?"),
        ({"fault": "server_error", "status": 418}, "server_error.status"),
        ({"fault": "late_day"}, "late_day.day"),
        ({"fault": "cut_body", "half": True}, "parameters: day, path, share, short, ticker, times"),
        ({"fault": "empty_200", "times": 0}, "empty_200.times"),
        ({}, "accepted: before_end_of_day"),
    ],
)
def test_a_wrong_fault_is_named(given: dict[str, object], words: str) -> None:
    with pytest.raises(BadInputError) as refused:
        parse_fault(given)
    assert words in str(refused.value)
