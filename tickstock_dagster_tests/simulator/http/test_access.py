"""Keys, rates and plans: who may ask how often for what."""

from datetime import UTC, date, datetime

import pytest

from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName
from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.http.access import Gate, RateWindow, oldest_day
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import FRIDAY, SUNDAY, ask, day_range, eastern_day, grouped

NOTHING = {"queryCount": 0, "resultsCount": 0, "adjusted": True, "status": "OK"}


class Seconds:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_window_slides_and_refused_calls_do_not_count() -> None:
    clock = Seconds()
    window = RateWindow(2, 10, clock)
    assert window.accept()
    clock.now = 6
    assert window.accept()
    clock.now = 9.9
    assert not window.accept()
    clock.now = 10
    assert window.accept()
    clock.now = 15.9
    assert not window.accept()
    clock.now = 16
    assert window.accept()


def test_every_key_has_its_own_window_and_plan() -> None:
    clock = Seconds()
    gate = Gate({"poor": PlanName.FREE, "rich": PlanName.ADVANCED}, clock)
    for _ in range(5):
        assert gate.admit("Bearer poor", None, "/v1/x") is PLANS[PlanName.FREE]
    with pytest.raises(wire.Refusal) as refused:
        gate.admit("Bearer poor", None, "/v1/x")
    assert refused.value.status == 429
    for _ in range(100):
        assert gate.admit(None, "rich", "/v1/x") is PLANS[PlanName.ADVANCED]
    with pytest.raises(wire.Refusal):
        gate.admit(None, "rich", "/v1/x")
    clock.now = 60
    assert gate.admit("Bearer poor", None, "/v1/x") is PLANS[PlanName.FREE]


def test_history_reaches_back_whole_years_from_today_in_new_york() -> None:
    starter = PLANS[PlanName.STARTER]
    assert oldest_day(starter, SUNDAY) == date(2021, 11, 22)
    assert oldest_day(starter, datetime(2026, 11, 22, 4, 59, tzinfo=UTC)) == date(2021, 11, 21)
    assert oldest_day(starter, datetime(2028, 2, 29, 12, tzinfo=UTC)) == date(2023, 2, 28)


def test_the_edge_of_history_is_inside_and_the_day_before_is_not() -> None:
    with RunningSimulator(now=SUNDAY) as simulator:
        assert ask(simulator, day_range("AAPL", "2021-11-22", "2021-11-30")).json["resultsCount"] == 6
        assert ask(simulator, day_range("AAPL", "2021-11-21", "2021-11-30")).status == 403
        assert ask(simulator, grouped("2021-11-19")).status == 403
        assert ask(simulator, "/v1/open-close/AAPL/2021-11-19").status == 403


def test_the_free_plan_waits_for_the_next_day() -> None:
    evening = datetime(2026, 11, 20, 23, tzinfo=UTC)
    with RunningSimulator(plan="free", now=evening, rate=(1000, 1)) as simulator:
        for path in (grouped(FRIDAY), "/v1/open-close/AAPL/2026-11-20", day_range("AAPL", FRIDAY, FRIDAY)):
            reply = ask(simulator, path)
            assert reply.status == 403
            assert reply.json["message"].startswith("Attempted to request today's data before end of day")
        assert ask(simulator, day_range("AAPL", "2026-11-16", FRIDAY)).json["resultsCount"] == 4
        simulator.set_now(datetime(2026, 11, 21, 5, tzinfo=UTC))  # midnight in New York
        assert ask(simulator, grouped(FRIDAY)).json["resultsCount"] > 100


def test_the_free_plans_ticker_lists_reach_back_two_years_and_others_to_the_beginning() -> None:
    path = "/v3/reference/tickers"
    with RunningSimulator(api_keys=("poor=free", "rich=starter"), now=SUNDAY) as simulator:
        assert ask(simulator, path, key="poor", date="2024-11-21").status == 403
        assert ask(simulator, f"{path}/AAPL", key="poor", date="2024-11-21").status == 403
        assert ask(simulator, path, key="poor", date="2024-11-22").status == 200
        assert ask(simulator, path, key="poor", date="2026-11-22").status == 200
        assert len(ask(simulator, path, key="rich", date="2003-09-10").rows) > 50
        assert ask(simulator, path, key="rich", date="2003-09-09").rows == []


def test_the_free_plan_lacks_snapshots_and_paid_ones_do_not() -> None:
    path = "/v2/snapshot/locale/us/markets/stocks/tickers"
    with RunningSimulator(api_keys=("poor=free", "rich=business")) as simulator:
        assert ask(simulator, path, key="poor").status == 403
        assert ask(simulator, path, key="rich").status == 404  # entitled, but not simulated
        assert ask(simulator, "/etf-global/v1/profiles", key="rich").status == 403


@pytest.mark.parametrize(
    ("now", "published"),
    [
        ("2026-11-20T20:59:00+00:00", False),
        ("2026-11-20T21:14:59+00:00", False),
        ("2026-11-20T21:15:00+00:00", True),
    ],
)
def test_a_session_is_out_a_quarter_of_an_hour_after_its_close(now: str, published: bool) -> None:
    with RunningSimulator(now=datetime.fromisoformat(now)) as simulator:
        reply = ask(simulator, grouped(FRIDAY))
        days = ask(simulator, day_range("AAPL", "2026-11-19", "2026-11-20")).json["resultsCount"]
        previous = ask(simulator, "/v2/aggs/ticker/AAPL/prev").rows[0]
    if published:
        assert reply.json["resultsCount"] > 100
    else:
        assert {name: value for name, value in reply.json.items() if name != "request_id"} == NOTHING
    assert days == 1 + published
    assert previous["t"] == wire.grouped_stamp(FRIDAY if published else date(2026, 11, 19))


def test_a_half_day_is_out_at_a_quarter_past_one() -> None:
    with RunningSimulator(now=datetime(2026, 11, 27, 18, 14, tzinfo=UTC)) as simulator:
        assert ask(simulator, grouped("2026-11-27")).json["resultsCount"] == 0
        simulator.set_now(datetime(2026, 11, 27, 18, 15, tzinfo=UTC))
        assert ask(simulator, grouped("2026-11-27")).json["resultsCount"] > 100


def test_the_future_is_empty(shared: RunningSimulator) -> None:
    assert ask(shared, grouped("2026-11-23")).json["resultsCount"] == 0
    assert ask(shared, grouped("2033-11-23")).json["resultsCount"] == 0
    assert ask(shared, day_range("AAPL", "2026-11-23", "2027-11-23")).json["resultsCount"] == 0


def test_refusals_come_in_the_vendors_order() -> None:
    path = day_range("AAPL", "2001-01-02", "2001-01-01")
    with RunningSimulator(now=SUNDAY, rate=(2, 60)) as simulator:
        simulator.install("server_error", times=1)
        statuses = [ask(simulator, path, key="wrong", limit="x").status for _ in range(2)]
        statuses += [ask(simulator, path, limit="x").status]
        statuses += [ask(simulator, day_range("AAPL", "2026-11-20", "2026-11-16"), limit="x").status]
        statuses += [ask(simulator, path).status]
    assert statuses == [502, 401, 403, 400, 429]


def test_paths_outside_the_api_and_other_methods_are_refused(shared: RunningSimulator) -> None:
    assert ask(shared, "/v9/nothing").json["status"] == "NOT_FOUND"
    assert ask(shared, grouped(FRIDAY), method="POST").status == 405
    assert ask(shared, "/v9/nothing", key=None).status == 401


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (grouped("tomorrow"), {}),
        (day_range("AAPL", "2026-11-16", "x"), {}),
        (day_range("AAPL", "2026-11-16", "2026-11-20"), {"sort": "up"}),
        (day_range("AAPL", "2026-11-16", "2026-11-20"), {"adjusted": "perhaps"}),
        ("/v2/aggs/ticker/AAPL/range/0/day/2026-11-16/2026-11-20", {}),
        ("/v2/aggs/ticker/AAPL/range/1/fortnight/2026-11-16/2026-11-20", {}),
    ],
)
def test_wrong_parameters_of_bars_are_refused(shared: RunningSimulator, path: str, query: dict[str, str]) -> None:
    reply = ask(shared, path, **query)
    assert reply.status == 400
    assert set(reply.json) == {"status", "request_id", "error"}


def test_a_range_may_be_given_in_milliseconds(shared: RunningSimulator) -> None:
    first, last = wire.range_stamp(date(2026, 11, 16)), wire.grouped_stamp(FRIDAY)
    by_stamp = ask(shared, f"/v2/aggs/ticker/AAPL/range/1/day/{first}/{last}").rows
    assert by_stamp == ask(shared, day_range("AAPL", "2026-11-16", FRIDAY)).rows
    assert len(by_stamp) == 5


def test_bars_of_a_ticker_are_those_of_whoever_held_it(shared: RunningSimulator) -> None:
    days = [row["t"] for row in ask(shared, day_range("RUSE", "2019-06-03", "2026-03-31")).rows]
    held = {eastern_day(stamp).year for stamp in days}
    assert held == {2019, 2026}
    assert ask(shared, day_range("OLDC", "2026-08-10", "2026-08-21")).json["resultsCount"] == 5
    assert ask(shared, day_range("NEWC", "2026-08-10", "2026-08-21")).json["resultsCount"] == 5
    assert ask(shared, day_range("GONE", "2026-09-28", "2026-10-05")).json["resultsCount"] == 2


def test_every_answer_has_the_headers_of_the_vendors(shared: RunningSimulator) -> None:
    reply = ask(shared, grouped(FRIDAY))
    assert reply.headers["content-type"] == "application/json"
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert reply.headers["x-request-id"] == reply.json["request_id"]
