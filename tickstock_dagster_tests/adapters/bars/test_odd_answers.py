"""One odd row of an answer ends that row: the others are stored, and the odd one is kept escaped."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, QUICK, SATURDAY, World, plan_without_rate
from tickstock_dagster_tests.adapters.sources.tampering_vendor import TamperingVendor, tampering_vendor

pytestmark = pytest.mark.usefixtures("few_listed")

MON, FRI = date(2026, 11, 16), date(2026, 11, 20)
MANY = "AAPL MSFT NVDA AMZN GOOGL JPM XOM UNH TSLA AVGO LLY V MA HD PG COST JNJ WMT ABBV BAC"
QUARANTINED = "SELECT ticker, reason, row FROM quarantined_bars ORDER BY ticker"
Row = dict[str, Any]


@pytest.fixture
def vendor(world: World) -> Iterator[TamperingVendor]:
    with tampering_vendor(world.simulator.url) as between:
        plan = plan_without_rate()
        world.source = MassiveSource(
            world.simulator.key, between.url, plan, LocalRateLimiter(plan), name="simulator", policy=QUICK
        )
        yield between


def rows_of(path: str, change: Callable[[list[Any]], None]) -> Callable[[str, bytes], bytes]:
    """Changes the rows of the answers on some path, and states as many as there are."""

    def changed(asked: str, body: bytes) -> bytes:
        if not re.search(path, asked):
            return body
        answer = orjson.loads(body)
        change(answer["results"])
        counts = {name: len(answer["results"]) for name in ("count", "resultsCount") if name in answer}
        return orjson.dumps({**answer, **counts})

    return changed


GROUPED_CASES: list[tuple[Any, str]] = [
    ({"T": "\x00HTLP^", "v": 2794368142, "o": 8903334989143.225, "c": 8903334989143.225}, "\\u0000HTLP^"),
    ({"T": "Ð\x16HTLD^", "v": 100, "o": 1, "h": 1, "l": 1, "c": 1}, "Ð\\u0016HTLD^"),
    ({"T": None}, "None"),
    (7, "None"),
]


@pytest.mark.parametrize(("row", "shown"), GROUPED_CASES)
def test_an_odd_row_among_a_whole_session_is_set_aside_escaped(
    world: World, vendor: TamperingVendor, row: Any, shown: str
) -> None:
    def add(rows: list[Any]) -> None:
        rows.insert(3, {"t": rows[0]["t"], **row} if isinstance(row, dict) else row)

    vendor.change = rows_of("/grouped/", add)
    report = world.load(MANY, FRI, FRI)
    assert [(state.expected, state.stored) for state in report.states] == [(20, 20)]
    assert report.failures == ()
    [(ticker, reason, kept)] = world.query(QUARANTINED)
    assert ticker == shown
    assert "instead of" in reason
    assert kept["ticker"] == shown
    before = world.tables("vendor_calls", "work_units")
    world.load(MANY, FRI, FRI, ask_again=True)
    assert world.tables("vendor_calls", "work_units") == before


@pytest.mark.parametrize("value", [[1.5, [], []], {"a": 1}, True, "10.5"])
def test_a_price_that_is_no_number_costs_its_row_and_no_other_ticker(
    world: World, vendor: TamperingVendor, value: Any
) -> None:
    def spoil(rows: list[Any]) -> None:
        rows[2]["c"] = value

    vendor.change = rows_of("/ticker/MSFT/range", spoil)
    report = world.load("AAPL MSFT NVDA", MON, FRI)
    assert [len(world.sessions_of(ticker)) for ticker in ("AAPL", "MSFT", "NVDA")] == [5, 4, 5]
    assert [(row[0], row[1], row[2]) for row in world.gaps()] == [("MSFT", date(2026, 11, 18), "quarantined")]
    [(ticker, reason, _)] = world.query(QUARANTINED)
    assert (ticker, reason.split(";")[0]) == ("MSFT", f"c is {value!r} instead of a number")
    assert report.failures == ()
    assert any("MSFT" in words for words in report.quarantined)
    vendor.change = lambda _path, body: body
    world.load("AAPL MSFT NVDA", MON, FRI, ask_again=True)
    assert len(world.sessions_of("MSFT")) == 5
    assert world.gaps() == []


@pytest.mark.parametrize("number", ["NaN", "1e400", "-Infinity"])
def test_a_number_beyond_json_costs_its_row(world: World, vendor: TamperingVendor, number: str) -> None:
    vendor.change = lambda path, body: (
        re.sub(rb'"c":[0-9.]+', f'"c":{number}'.encode(), body, count=1) if "/ticker/MSFT/range" in path else body
    )
    world.load("AAPL MSFT", MON, FRI)
    assert [len(world.sessions_of(ticker)) for ticker in ("AAPL", "MSFT")] == [5, 4]


def test_an_answer_that_is_clipped_at_a_plans_edge_says_nothing_of_the_days_before(
    world: World, vendor: TamperingVendor
) -> None:
    edge = date(2024, 11, 22)
    midnight = datetime(2024, 11, 22, 5, tzinfo=UTC).timestamp() * 1000

    def clip(rows: list[Any]) -> None:
        rows[:] = [row for row in rows if row["t"] >= midnight]

    vendor.change = rows_of("/ticker/AAPL/range", clip)
    world.load("AAPL MSFT", date(2024, 9, 3), date(2024, 12, 31))
    assert world.sessions_of("AAPL")[0] == edge
    assert world.sessions_of("MSFT")[0] == date(2024, 9, 3)
    gaps = world.gaps()
    assert {(ticker, reason) for ticker, _, reason, _ in gaps} == {("AAPL", "not_entitled")}
    assert len(gaps) == len(CALENDAR.sessions(date(2024, 9, 3), date(2024, 11, 21)))
    assert "taken for clipped; is MASSIVE_PLAN the key's plan?" in gaps[0][3]


def test_a_rough_market_loads_as_a_kind_one(migrated_database_url: str) -> None:
    with RunningSimulator(plan="business", rough=True, now=SATURDAY, rate=(100_000, 1)) as rough:
        world = World(rough, migrated_database_url)
        report = world.load(MANY, MON, FRI)
        assert [(state.expected, state.stored) for state in report.states] == [(20, 20)] * 5
        again = world.load(MANY, MON, FRI, ask_again=True)
    assert (again.stored.inserted, again.stored.restated, report.failures) == (0, 0, ())
    assert world.query("SELECT count(*) FROM quarantined_bars") == [(0,)]


def test_an_odd_listing_costs_no_load(world: World, vendor: TamperingVendor, caplog: pytest.LogCaptureFixture) -> None:
    odd: list[Any] = [
        {"ticker": "\x00HTLP^"},
        7,
        {"ticker": "LEN.Bw/x"},
        {"ticker": "ZZQ", "name": "a\x00b", "cik": []},
    ]
    vendor.change = rows_of("/reference/tickers", lambda rows: rows.extend(odd))
    report = world.load("AAPL MSFT", MON, FRI)
    assert [state.stored for state in report.states] == [2] * 5
    assert "rows with something odd: row" in caplog.text
    assert "\x00" not in caplog.text
    assert world.query("SELECT name FROM securities WHERE name LIKE 'a%b'") == [("a\\u0000b",)]


def test_a_ticker_of_a_list_that_cannot_be_asked_for_is_set_aside_alone(world: World, vendor: TamperingVendor) -> None:
    vendor.change = rows_of("/reference/tickers", lambda rows: rows.append({"ticker": "LEN!Bw", "active": True}))
    report = world.load(("AAPL", "LEN!Bw"), MON, FRI)
    assert len(world.sessions_of("AAPL")) == 5
    assert (report.failures, report.unknown) == ((), ("LEN!Bw",))
