"""The control plane, driven over HTTP as a user does."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tickstock_dagster.simulator.options import SimulatorOptions
from tickstock_dagster.simulator.server import build_app, build_vendor
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import FRIDAY, SUNDAY, Reply, ask, day_range, grouped

WEEK = day_range("AAPL", "2026-11-16", "2026-11-20")


def control(simulator: RunningSimulator, path: str, body: Any = None, method: str | None = None) -> Reply:
    return ask(
        simulator, f"/_control/{path}", key=None, method=method or ("POST" if body is not None else "GET"), body=body
    )


def test_health_needs_no_key_and_is_not_counted(own: RunningSimulator) -> None:
    assert ask(own, "/health", key=None).json == {"status": "ok"}
    assert control(own, "stats").json == {"total": 0, "by_endpoint": {}, "by_status": {}}


def test_stats_count_calls_by_endpoint_and_status_until_reset(own: RunningSimulator) -> None:
    ask(own, WEEK)
    ask(own, WEEK, key="wrong")
    ask(own, "/v9/nothing")
    stats = control(own, "stats?calls=true").json
    assert stats["total"] == 3
    assert stats["by_status"] == {"200": 1, "401": 1, "404": 1}
    assert stats["by_endpoint"] == {"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}": 2, "other": 1}
    assert stats["calls"][0] == {"path": WEEK, "status": 200}
    assert "simulator" not in str(stats)
    assert control(own, "stats", method="DELETE").json["total"] == 0
    ask(own, WEEK)
    own.reset_stats()
    assert own.stats()["total"] == 0


def test_faults_are_installed_listed_and_cleared(own: RunningSimulator) -> None:
    installed = control(own, "faults", [{"fault": "server_error", "times": 2}, {"fault": "delayed_status"}])
    assert [entry["fault"] for entry in installed.json["faults"]] == ["server_error", "delayed_status"]
    assert ask(own, WEEK).status == 502
    first = control(own, "faults").json["faults"][0]
    assert (first["hits"], first["left"]) == (1, 1)
    assert control(own, "faults", method="DELETE").json == {"faults": []}
    assert ask(own, WEEK).json["status"] == "OK"


def test_the_clock_is_set_and_let_go(own: RunningSimulator) -> None:
    assert control(own, "clock", {"now": "2026-11-18T22:00:00Z"}).json == {"now": "2026-11-18T22:00:00+00:00"}
    assert ask(own, WEEK).json["resultsCount"] == 3
    assert control(own, "clock", {"now": None}).json["now"] > "2026-11-18"


def test_the_rate_is_changed_and_what_was_counted_forgotten(own: RunningSimulator) -> None:
    control(own, "rate", {"calls": 1, "per_seconds": 60})
    assert [ask(own, WEEK).status for _ in range(2)] == [200, 429]
    control(own, "rate", {"calls": 1, "per_seconds": 60})
    assert ask(own, WEEK).status == 200
    own.reset_rates()
    assert [ask(own, WEEK).status for _ in range(3)] == [200, 200, 200]


SPLITS, DIVIDENDS = "/stocks/v1/splits", "/stocks/v1/dividends"


def test_the_feed_of_splits_is_changed_and_restored(own: RunningSimulator) -> None:
    def told() -> list[tuple[str, str, float, float]]:
        names = ("id", "execution_date", "split_from", "split_to")
        rows = sorted(ask(own, SPLITS, ticker="SPLT").rows, key=lambda row: row["split_from"])
        return [tuple(row[name] for name in names) for row in rows]  # type: ignore[misc]

    [(number, *_)] = before = told()
    control(own, "actions", {"feed": "splits", "ticker": "SPLT", "ex_date": "2026-09-14", "move_to": "2026-09-15"})
    assert told() == [(number, "2026-09-15", 1, 3)]
    own.edit_action("splits", "SPLT", date(2026, 9, 15), move_to="2026-09-16")
    own.edit_action("splits", "SPLT", date(2026, 9, 16), split_from=2, split_to=6, id="E2")
    assert told() == [(number, "2026-09-16", 1, 3), ("E2", "2026-09-16", 2, 6)]
    own.edit_action("splits", "SPLT", date(2026, 9, 16), remove=True)
    assert told() == []
    assert control(own, "actions", method="DELETE").json == {"restored": True}
    assert told() == before


def test_a_dividend_is_told_late(own: RunningSimulator) -> None:
    own.edit_action("dividends", "SPLT", FRIDAY, cash_amount=0.5, not_before="2026-11-21T12:00:00Z")
    former = ask(own, DIVIDENDS, ticker="AAPL").rows[0]
    day = date.fromisoformat(former["ex_dividend_date"])
    own.edit_action("dividends", "AAPL", day, not_before="2026-11-21T12:00:00Z")
    own.set_now(datetime(2026, 11, 21, 11, tzinfo=UTC))
    assert former not in ask(own, DIVIDENDS, ticker="AAPL", limit=5000).rows
    query = {"ticker": "SPLT", "ex_dividend_date": str(FRIDAY)}
    assert ask(own, DIVIDENDS, **query).rows == []
    own.set_now(datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert [row["cash_amount"] for row in ask(own, DIVIDENDS, **query).rows] == [0.5]
    assert former in ask(own, DIVIDENDS, ticker="AAPL", limit=5000).rows


def test_a_bar_is_replaced_removed_added_and_restored(own: RunningSimulator) -> None:
    before = ask(own, WEEK, adjusted="false").rows
    control(own, "bars/replace", {"ticker": "AAPL", "session": "2026-11-18", "close": 1.25, "low": 1.0})
    changed = ask(own, WEEK, adjusted="false").rows
    assert (changed[2]["c"], changed[2]["l"], changed[2]["o"]) == (1.25, 1.0, before[2]["o"])
    own.replace_bar("AAPL", FRIDAY, volume=77)
    own.remove_bar("AAPL", FRIDAY.replace(day=16))
    own.replace_bar("AAPL", FRIDAY.replace(day=14), open=1, high=2, low=1, close=2, volume=10)
    rows = ask(own, day_range("AAPL", "2026-11-14", "2026-11-20"), adjusted="false").rows
    assert [row["c"] for row in rows] == [2, before[1]["c"], 1.25, before[3]["c"], before[4]["c"]]
    assert rows[0]["vw"] is None
    assert rows[-1]["v"] == 77
    day = {row["T"]: row for row in ask(own, grouped(FRIDAY), adjusted="false").rows}
    assert day["AAPL"]["v"] == 77
    assert control(own, "bars", method="DELETE").json == {"restored": True}
    assert ask(own, WEEK, adjusted="false").rows == before


def test_a_whole_day_is_scaled(own: RunningSimulator) -> None:
    before = {row["T"]: row["c"] for row in ask(own, grouped(FRIDAY), adjusted="false").rows}
    own.scale_day(FRIDAY, 1.1)
    after = {row["T"]: row["c"] for row in ask(own, grouped(FRIDAY), adjusted="false").rows}
    assert all(after[ticker] == pytest.approx(close * 1.1, abs=0.006) for ticker, close in before.items())
    own.scale_day(FRIDAY, 1 / 1.1)
    again = {row["T"]: row["c"] for row in ask(own, grouped(FRIDAY), adjusted="false").rows}
    assert again["AAPL"] == before["AAPL"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("faults", {"fault": "nonsense"}, "nonsense"),
        ("faults", ["nonsense"], "a JSON object"),
        ("clock", {"now": "noon"}, "an ISO 8601 instant"),
        ("clock", {}, "null for the real clock"),
        ("rate", {"calls": 0}, "calls: 1 or more"),
        ("rate", {"per_seconds": "x"}, "per_seconds: above 0"),
        ("bars/replace", {"ticker": "AAPL", "session": "Friday", "close": 1}, "session"),
        ("actions", {"feed": "spinoffs", "ticker": "AAPL", "ex_date": "2026-11-20", "remove": True}, "feed"),
        ("actions", {"feed": "splits", "ticker": "AAPL", "ex_date": "Friday", "remove": True}, "ex_date"),
        ("actions", {"feed": "splits", "ticker": "AAPL", "ex_date": "2026-11-20", "remove": True}, "a row of splits"),
        ("actions", {"feed": "splits", "ticker": "AAPL", "ex_date": "2026-11-20", "split_to": 2}, "split_from of"),
        ("actions", {"feed": "splits", "ticker": "AAPL", "ex_date": "2026-11-20", "cash_amount": 2}, "cash_amount"),
        ("bars/replace", {"ticker": "AAPL", "session": "2026-11-20", "closing": 1}, "closing"),
        ("bars/replace", {"ticker": "AAPL", "session": "2026-11-20", "close": "1"}, "a number"),
        ("bars/replace", {"ticker": "AAPL", "session": "2026-11-20"}, "a ticker with prices"),
        ("bars/replace", {"session": "2026-11-20", "close": 1}, "a ticker with prices"),
        ("bars/replace", {"ticker": "AAPLE", "session": "2026-11-20", "close": 1}, "listed on 2026-11-20"),
        ("bars/replace", {"ticker": "IPOX", "session": "2026-10-14", "close": 1}, "listed on 2026-10-14"),
    ],
)
def test_wrong_commands_are_refused_and_change_nothing(
    shared: RunningSimulator, path: str, body: object, words: str
) -> None:
    before = ask(shared, WEEK).rows
    reply = control(shared, path, body)
    assert reply.status == 400
    assert words in reply.json["error"]
    assert ask(shared, WEEK).rows == before


def test_a_body_that_is_not_json_is_refused(shared: RunningSimulator) -> None:
    reply = control(shared, "faults", b"{")
    assert (reply.status, reply.json) == (400, {"error": "the body is not JSON"})


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403), ("unknown", 403)])
def test_only_loopback_callers_may_drive_it(host: str, status: int) -> None:
    app = build_app(build_vendor(SimulatorOptions(port=0)))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/_control/stats", "query_string": b"", "headers": []}
    asyncio.run(app(scope | {"client": (host, 1)}, receive, send))
    assert sent[0]["status"] == status


def test_without_control_the_paths_are_the_vendors_business() -> None:
    with RunningSimulator(now=SUNDAY, control=False) as simulator:
        assert ask(simulator, "/_control/stats", key=None).status == 401
        assert ask(simulator, "/_control/stats").status == 404
