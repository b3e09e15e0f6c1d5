from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster.core.loading.planning import (
    MARKET_ROWS,
    LoadPlan,
    SourceLimits,
    UnitKind,
    WorkUnit,
    earliest_session,
    plan_load,
)
from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
RANGE, GROUPED = UnitKind.RANGE, UnitKind.GROUPED
Cell = tuple[str, date]


def weekdays(count: int, last: date = date(2026, 11, 20)) -> list[date]:
    days = (last - timedelta(days=back) for back in range(2 * count + 7))
    return sorted([day for day in days if day.weekday() < 5][:count])


def limits(
    *, range_bars: bool = True, grouped_bars: bool = True, max_range_rows: int = 50_000, plan: PlanName | None = None
) -> SourceLimits:
    return SourceLimits("massive", range_bars, grouped_bars, max_range_rows, PLANS[plan] if plan else None)


def frame(cells: Sequence[Cell]) -> pl.DataFrame:
    numbers = {ticker: number for number, ticker in enumerate(sorted({ticker for ticker, _ in cells}))}
    rows = [(numbers[ticker], session, ticker) for ticker, session in cells]
    return pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row")


def plan(cells: Sequence[Cell], sessions: Sequence[date], source: SourceLimits | None = None) -> LoadPlan:
    return plan_load(frame(cells), sessions, "XNYS", source or limits(), now=NOW)


def kinds(made: LoadPlan) -> dict[str, int]:
    return {kind: sum(unit.kind == kind for unit in made.units) for kind in {unit.kind for unit in made.units}}


def covered(made: LoadPlan, cells: Sequence[Cell]) -> list[Cell]:
    return [
        (ticker, session)
        for ticker, session in cells
        if any(unit.subject in (ticker, "*") and unit.first <= session <= unit.last for unit in made.units)
    ]


SESSIONS = weekdays(9)
MATRICES = st.lists(st.sampled_from(list(product("ABCDEF", SESSIONS))), min_size=1, max_size=54, unique=True)


@given(MATRICES, st.integers(1, 12), st.sampled_from([(True, True), (True, False), (False, True)]))
def test_every_missing_cell_is_in_a_call_and_no_call_is_for_nothing(cells, max_rows, offers):
    source = limits(range_bars=offers[0], grouped_bars=offers[1], max_range_rows=max_rows)
    made = plan(cells, SESSIONS, source)
    assert covered(made, cells) == cells
    assert made.cells == len(cells) == sum(unit.cells for unit in made.units)
    assert all(unit.cells > 0 for unit in made.units)
    assert len({unit.unit_id for unit in made.units}) == made.calls
    for unit in made.units:
        assert SESSIONS.index(unit.last) - SESSIONS.index(unit.first) < (max_rows if unit.kind == "range" else 1)


@given(MATRICES, st.integers(1, 12))
def test_a_plan_makes_no_more_calls_than_ranges_alone_or_grouped_calls_alone(cells, max_rows):
    calls = plan(cells, SESSIONS, limits(max_range_rows=max_rows)).calls
    assert calls <= plan(cells, SESSIONS, limits(grouped_bars=False, max_range_rows=max_rows)).calls
    assert calls <= plan(cells, SESSIONS, limits(range_bars=False)).calls


@given(MATRICES, st.randoms(use_true_random=False))
def test_the_same_cells_in_any_order_give_the_same_plan(cells, random):
    shuffled = random.sample(cells, len(cells))
    assert plan(cells, SESSIONS).units == plan(shuffled, SESSIONS).units
    ranges = limits(grouped_bars=False)
    assert plan(cells, SESSIONS, ranges).units == plan(shuffled, SESSIONS, ranges).units


def fewest_calls(cells: Sequence[Cell], sessions: Sequence[date], max_rows: int) -> int:
    """Over every choice of tickers that go by range."""
    tickers = sorted({ticker for ticker, _ in cells})
    missing = {ticker: sorted(sessions.index(s) for t, s in cells if t == ticker) for ticker in tickers}

    def range_calls(positions: list[int]) -> int:
        calls, reach = 0, -1
        for position in positions:
            if position >= reach:
                calls, reach = calls + 1, position + max_rows
        return calls

    best = len(cells)
    for choice in product([True, False], repeat=len(tickers)):
        by_range = [ticker for ticker, chosen in zip(tickers, choice, strict=True) if chosen]
        rest = {position for ticker in tickers if ticker not in by_range for position in missing[ticker]}
        best = min(best, sum(range_calls(missing[ticker]) for ticker in by_range) + len(rest))
    return best


def test_nearly_all_small_plans_are_the_least_possible():
    """Of 400 random matrices: blocks as loads have them, and gaps strewn over them."""
    random, plans, least, excess = Random(20261122), 0, 0, 0
    for _ in range(400):
        sessions = weekdays(random.randint(1, 9))
        tickers = [f"T{number}" for number in range(random.randint(1, 7))]
        whole, density = random.randint(0, len(tickers)), random.choice([0.0, 0.1, 0.3, 0.6])
        latest = sessions[-1] if random.random() < 0.5 else None
        cells = [
            (ticker, session)
            for number, ticker in enumerate(tickers)
            for session in sessions
            if number < whole or session == latest or random.random() < density
        ]
        if not cells:
            continue
        max_rows = random.choice([3, 50_000])
        made = plan(cells, sessions, limits(max_range_rows=max_rows)).calls
        best = fewest_calls(cells, sessions, max_rows)
        assert made >= best
        plans, least, excess = plans + 1, least + (made == best), max(excess, made - best)
    assert least / plans >= 0.97
    assert excess <= 1


def test_five_years_of_the_s_and_p_500_take_a_range_call_a_ticker():
    sessions = weekdays(1_259)
    made = plan(list(product([f"T{number:03}" for number in range(505)], sessions)), sessions)
    assert kinds(made) == {"range": 505}
    assert made.rows == made.cells == 505 * 1_259


def test_one_session_of_500_symbols_takes_one_grouped_call():
    made = plan([(f"T{number}", SESSIONS[-1]) for number in range(500)], SESSIONS)
    assert [unit.describe() for unit in made.units] == [f"grouped {SESSIONS[-1]}"]
    assert made.rows == MARKET_ROWS


def test_a_new_symbol_beside_one_session_of_500_takes_two_calls():
    sessions = weekdays(1_259)
    everyone = [(f"T{number}", sessions[-1]) for number in range(500)]
    made = plan(everyone + [("NEW", session) for session in sessions], sessions)
    assert {(unit.kind, unit.subject, unit.first, unit.last) for unit in made.units} == {
        ("range", "NEW", sessions[0], sessions[-1]),
        ("grouped", "*", sessions[-1], sessions[-1]),
    }


@pytest.mark.parametrize(("tickers", "sessions"), [(1, 1), (3, 3)])
def test_between_equal_plans_fewer_rows_decide(tickers, sessions):
    made = plan(list(product("ABC"[:tickers], SESSIONS[:sessions])), SESSIONS)
    assert kinds(made) == {"range": tickers}
    assert made.rows == tickers * sessions


def test_between_plans_of_equal_calls_and_rows_the_one_with_fewer_range_calls_is_taken():
    """A's range holds exactly as many rows as the one grouped call that it saves."""
    sessions = [date(1990, 1, 1) + timedelta(days=number) for number in range(MARKET_ROWS)]
    first, last = sessions[0], sessions[-1]
    cells = [("A", first), *((ticker, last) for ticker in "ABC")]
    made = plan(cells, sessions)
    assert [unit.describe() for unit in made.units] == [f"grouped {last}", f"grouped {first}"]
    assert (made.calls, made.rows) == (2, 2 * MARKET_ROWS)
    by_range = plan([cells[0], ("A", last)], sessions)
    assert (kinds(by_range), by_range.rows) == ({"range": 1}, MARKET_ROWS), "no dearer"


def test_rows_count_what_a_range_brings_besides():
    made = plan([("A", SESSIONS[0]), ("A", SESSIONS[-1])], SESSIONS)
    assert (made.calls, made.cells, made.rows) == (1, 2, len(SESSIONS))


def test_one_ticker_of_two_securities_is_asked_for_once():
    rows = [(1, SESSIONS[0], "META"), (2, SESSIONS[5], "META")]
    made = plan_load(pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row"), SESSIONS, "XNYS", limits(), now=NOW)
    assert [(unit.subject, unit.cells) for unit in made.units] == [("META", 2)]


@pytest.mark.parametrize(
    ("missing", "spans"),
    [
        (range(9), [(0, 3), (4, 7), (8, 8)]),
        ([0, 3], [(0, 3)]),
        ([0, 4], [(0, 0), (4, 4)]),
        ([1, 2, 4, 5, 8], [(1, 4), (5, 8)]),
    ],
)
def test_a_range_is_parted_where_an_answer_would_be_too_long(missing, spans):
    cells = [("A", SESSIONS[number]) for number in missing]
    made = plan(cells, SESSIONS, limits(grouped_bars=False, max_range_rows=4))
    found = [(SESSIONS.index(unit.first), SESSIONS.index(unit.last)) for unit in made.units]
    assert found == spans


def test_grouped_calls_begin_with_the_newest_session():
    made = plan(list(product("ABCDEFGHIJ", SESSIONS)), SESSIONS, limits(range_bars=False))
    assert [unit.first for unit in made.units] == SESSIONS[::-1]


def test_grouped_calls_replace_ranges_that_would_need_many_answers():
    made = plan(list(product("AB", SESSIONS)), SESSIONS, limits(max_range_rows=1))
    assert kinds(made) == {"grouped": 9}


def test_nothing_missing_is_nothing_asked():
    made = plan([], SESSIONS, limits(plan=PlanName.FREE))
    assert (made.calls, made.cells, made.rows, made.seconds) == (0, 0, 0, 0.0)


def test_a_source_that_offers_neither_call_is_refused_by_name():
    with pytest.raises(BadInputError, match=r"source 'massive' is not accepted: .*range or grouped"):
        plan([("A", SESSIONS[0])], SESSIONS, limits(range_bars=False, grouped_bars=False))


# What the vendor's plan allows


def test_cells_older_than_the_plan_reaches_are_named_and_not_asked_for():
    sessions = weekdays(800)
    made = plan([("A", session) for session in sessions], sessions, limits(plan=PlanName.FREE))
    reach = date(2024, 11, 25)  # the 22nd is the edge itself, the 23rd a Saturday
    assert made.out_of_history["session"].to_list() == [day for day in sessions if day < reach]
    assert [(unit.first, unit.last) for unit in made.units] == [(reach, sessions[-1])]
    assert made.cells + made.out_of_history.height == 800


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 22, 18, tzinfo=UTC), date(2024, 11, 23)),
        (datetime(2026, 11, 23, 3, tzinfo=UTC), date(2024, 11, 23)),  # still the 22nd in New York
        (datetime(2028, 2, 29, 18, tzinfo=UTC), date(2026, 3, 1)),
    ],
)
def test_history_is_counted_in_calendar_years_from_the_vendors_today_with_a_day_of_slack(now, expected):
    assert earliest_session(PLANS[PlanName.FREE], now) == expected


def test_without_a_plan_history_has_no_end():
    assert earliest_session(None, NOW) == date.min


@pytest.mark.parametrize(
    ("name", "calls", "seconds"),
    [
        (PlanName.FREE, 5, 0),
        (PlanName.FREE, 6, 60),
        (PlanName.FREE, 10, 60),
        (PlanName.FREE, 11, 120),
        (PlanName.STARTER, 5, 0),
        (PlanName.STARTER, 91, 1),
        (PlanName.STARTER, 505, 100 / 18),
        (None, 505, 0),
    ],
)
def test_the_least_time_follows_from_the_plans_rate(name, calls, seconds):
    cells = [(f"T{number}", SESSIONS[-1]) for number in range(calls)]
    made = plan(cells, SESSIONS, limits(grouped_bars=False, plan=name))
    assert (made.calls, made.seconds) == (calls, pytest.approx(seconds))
    assert made.monthly_usd == (PLANS[name].monthly_usd if name else None)


# Units


def test_a_units_id_is_that_of_its_request_alone():
    unit = WorkUnit(RANGE, "XNYS", "massive", "AAPL", date(2026, 1, 2), date(2026, 1, 9), cells=5)
    assert unit.unit_id == WorkUnit(RANGE, "XNYS", "massive", "AAPL", date(2026, 1, 2), date(2026, 1, 9)).unit_id
    assert unit.unit_id == "0617f5f7b612bbec7f177f8557268845"  # stored ids must be found again by later releases
    others = {
        WorkUnit(GROUPED, "XNYS", "massive", "AAPL", date(2026, 1, 2), date(2026, 1, 9)).unit_id,
        WorkUnit(RANGE, "XLON", "massive", "AAPL", date(2026, 1, 2), date(2026, 1, 9)).unit_id,
        WorkUnit(RANGE, "XNYS", "files", "AAPL", date(2026, 1, 2), date(2026, 1, 9)).unit_id,
        WorkUnit(RANGE, "XNYS", "massive", "MSFT", date(2026, 1, 2), date(2026, 1, 9)).unit_id,
        WorkUnit(RANGE, "XNYS", "massive", "AAPL", date(2026, 1, 5), date(2026, 1, 9)).unit_id,
        WorkUnit(RANGE, "XNYS", "massive", "AAPL", date(2026, 1, 2), date(2026, 1, 8)).unit_id,
        unit.unit_id,
    }
    assert len(others) == 7


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (WorkUnit(RANGE, "XNYS", "s", "AAPL", SESSIONS[0], SESSIONS[0]), f"range AAPL {SESSIONS[0]}"),
        (
            WorkUnit(RANGE, "XNYS", "s", "AAPL", SESSIONS[0], SESSIONS[2]),
            f"range AAPL {SESSIONS[0]}..{SESSIONS[2]}",
        ),
        (WorkUnit(GROUPED, "XNYS", "s", "*", SESSIONS[0], SESSIONS[0]), f"grouped {SESSIONS[0]}"),
    ],
)
def test_a_unit_describes_its_request(unit, words):
    assert unit.describe() == words
