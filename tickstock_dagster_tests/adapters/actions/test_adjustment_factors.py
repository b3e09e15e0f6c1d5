"""The factors that are kept follow every change of actions and closes, in its transaction and in any order."""

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.table_checks import stale_factors, wrong_factors
from tickstock_dagster.core.actions.returns import action_factor
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, THU, TUE, WED, add_security, bar, batch, query

ACTION = """INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to,
    cash_amount, currency, close_before, source, known_from)
VALUES (%s, 'A', %s, 'recurring', %s, %s, %s, %s, %s, %s, 's', '2026-11-01') ON CONFLICT DO NOTHING"""
FACTORS = "SELECT session, split_factor * dividend_factor FROM ohlcv_daily_adjusted WHERE security_id = %s ORDER BY 1"
DAYS = [MON + timedelta(days=day) for day in range(12)]


@pytest.fixture
def url(migrated_database_url: str) -> Iterator[str]:
    """A store that is proven at the end of each test: by recomputing the series, and bar by bar."""
    yield migrated_database_url
    engine = open_engine(migrated_database_url)
    assert stale_factors(engine).sample == ()
    assert wrong_factors(engine).sample == ()


def split(url: str, security_id: int, ex_date: date, old: float, new: float) -> None:
    query(url, ACTION, (security_id, "split", ex_date, old, new, None, None, None))


def dividend(url: str, security_id: int, ex_date: date, cash: float, stated: float | None = None) -> None:
    query(url, ACTION, (security_id, "dividend", ex_date, None, None, cash, "USD", stated))


def store(url: str, security_id: int, closes: dict[date, float], **others: Any) -> None:
    rows = [bar(security_id, day, open=c, high=c, low=c, close=c, vwap=c, **others) for day, c in closes.items()]
    store_batch(open_engine(url), batch(*rows))


def factors(url: str, security_id: int) -> list[float]:
    return [round(float(factor), 9) for _, factor in query(url, FACTORS, (security_id,))]


@pytest.fixture
def payer(url: str) -> int:
    """A security with closes of 100 on Monday and Thursday, and a dividend of 10 on Thursday."""
    security_id = add_security(url, "AAA")
    store(url, security_id, {MON: 100, THU: 90})
    dividend(url, security_id, THU, 10)
    assert factors(url, security_id) == [0.9, 1]
    return security_id


def test_a_late_bar_becomes_the_close_before(url: str, payer: int) -> None:
    store(url, payer, {WED: 50})
    assert factors(url, payer) == [0.8, 0.8, 1]
    store(url, payer, {TUE: 20})
    assert factors(url, payer) == [0.8, 0.8, 0.8, 1]


def test_a_corrected_close_before_an_ex_date_changes_the_factor(url: str, payer: int) -> None:
    store(url, payer, {MON: 40})
    assert factors(url, payer) == [0.75, 1]


def test_a_fair_value_is_no_close_and_a_print_in_its_place_is(url: str, payer: int) -> None:
    query(
        url,
        "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, "
        "loaded_at) VALUES (%s, %s, 'AAA', now(), 0, 1000, true, 's', 'provisional', now())",
        (payer, TUE),
    )
    assert factors(url, payer) == [0.9, 1]
    store(url, payer, {TUE: 1000})
    assert factors(url, payer) == [0.99, 0.99, 1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE ohlcv_daily SET open = 20, high = 20, low = 20, close = 20 WHERE session = '2026-11-16'", [0.5, 1]),
        ("DELETE FROM ohlcv_daily WHERE session = '2026-11-16'", [1]),
        ("DELETE FROM ohlcv_daily WHERE session = '2026-11-19'", [1]),
        ("UPDATE ohlcv_daily SET session = '2026-11-20' WHERE session = '2026-11-19'", [0.9, 1]),
        ("UPDATE corporate_actions SET known_to = now()", [1, 1]),
        ("UPDATE corporate_actions SET ex_date = '2026-11-20'", [1, 1]),
        ("UPDATE corporate_actions SET currency = 'CAD'", [1, 1]),
        ("DELETE FROM corporate_actions", [1, 1]),
        ("TRUNCATE corporate_actions", [1, 1]),
    ],
)
def test_whoever_changes_actions_or_closes_by_hand_changes_the_factors(
    url: str, payer: int, change: str, expected: list[float]
) -> None:
    query(url, change)
    assert factors(url, payer) == expected


def test_an_action_takes_effect_with_the_first_session_of_its_market_that_anybody_has(url: str, payer: int) -> None:
    other = add_security(url, "BBB")
    split(url, payer, FRI, 1, 2)
    assert query(url, "SELECT pending_from FROM adjustment_factors") == [(FRI,)]
    assert factors(url, payer) == [0.9, 1]
    store(url, other, {FRI: 10})
    assert factors(url, payer) == [0.45, 0.5]


def test_a_security_that_moves_abroad_is_adjusted_with_its_new_market(url: str, payer: int) -> None:
    tokyo = add_security(url, "7203.XTKS")
    query(url, "UPDATE securities SET primary_exchange = 'XTKS' WHERE security_id = %s", (tokyo,))
    store(url, tokyo, {FRI: 10})
    split(url, payer, FRI, 1, 2)
    assert factors(url, payer) == [0.9, 1]
    query(url, "UPDATE securities SET primary_exchange = 'XTKS' WHERE security_id = %s", (payer,))
    assert factors(url, payer) == [0.45, 0.5]


def test_a_security_that_moves_takes_its_markets_latest_session_along(url: str) -> None:
    """Until it moves abroad, the mover's Friday puts the payer's dividend of Friday into effect."""
    payer, mover = add_security(url, "AAA"), add_security(url, "BBB")
    store(url, payer, {WED: 100, THU: 100})
    store(url, mover, {FRI: 50})
    dividend(url, payer, FRI, 10)
    assert factors(url, payer) == [0.9, 0.9]
    query(url, "UPDATE securities SET primary_exchange = 'XTKS' WHERE security_id = %s", (mover,))
    assert factors(url, payer) == [1, 1]


def test_emptied_bars_leave_no_factor(url: str, payer: int) -> None:
    query(url, "TRUNCATE ohlcv_daily")
    assert query(url, "SELECT dividend_factors FROM adjustment_factors WHERE security_id = %s", (payer,)) in (
        [],
        [(None,)],
    )


def test_a_snapshot_from_before_others_changes_computes_no_factor(url: str) -> None:
    security_id = add_security(url, "AAA")
    store(url, security_id, {MON: 100, THU: 90})
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM securities")
        query(url, "UPDATE ohlcv_daily SET close = 99, low = 99 WHERE session = %s", (MON,))
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="read committed"):
            connection.execute(ACTION.encode(), (security_id, "dividend", THU, None, None, 10, "USD", None))


def test_what_is_stored_again_rebuilds_nothing(url: str, payer: int) -> None:
    rows = "SELECT xmin::text FROM adjustment_factors"
    before = query(url, rows)
    store(url, payer, {MON: 100, THU: 90, FRI: 91})
    split(url, add_security(url, "BBB"), THU, 1, 2)
    assert query(url, f"{rows} WHERE security_id = {payer}") == before


def test_an_action_and_the_close_before_it_in_two_transactions_at_once(url: str) -> None:
    """The load waits for the action that is not committed yet, and then sees it."""
    security_id = add_security(url, "AAA")
    store(url, security_id, {MON: 100, THU: 90})
    loading = threading.Thread(target=store, args=(url, security_id, {WED: 50}))
    with psycopg.connect(url) as connection:
        connection.execute(ACTION, (security_id, "dividend", THU, None, None, 10, "USD", None))
        loading.start()
        loading.join(0.3)
        assert loading.is_alive()
        connection.commit()
    loading.join(30)
    assert factors(url, security_id) == [0.8, 0.8, 1]


def test_the_intervals_say_what_the_series_says(url: str, payer: int) -> None:
    split(url, payer, TUE, 1, 2)
    rows = query(url, "SELECT valid_from, valid_to, split_factor, dividend_factor FROM adjustment_intervals ORDER BY 2")
    # 10 in new shares are 20 in Monday's
    assert [tuple(map(str, row)) for row in rows] == [
        ("None", "2026-11-17", "0.5", "0.8"), ("2026-11-17", "2026-11-19", "1", "0.8"),
        ("2026-11-19", "None", "1", "1"),
    ]  # fmt: skip


def test_a_factor_that_is_wrong_or_stale_is_found_and_rebuilt(migrated_database_url: str) -> None:
    engine, security_id = open_engine(migrated_database_url), add_security(migrated_database_url, "AAA")
    store(migrated_database_url, security_id, {MON: 100, THU: 90})
    dividend(migrated_database_url, security_id, THU, 10)
    query(migrated_database_url, "UPDATE adjustment_factors SET dividend_factors = '{0.95}'")
    [line] = wrong_factors(engine).sample
    assert line == "AAA 2026-11-16: split factor 1, dividend factor 0.95 instead of 1, 0.9"
    assert stale_factors(engine).sample == ("AAA: adjustment_factors are not what its actions and closes say",)
    assert query(migrated_database_url, "SELECT rebuild_adjustment_factors()") == [(1,)]
    query(migrated_database_url, "DELETE FROM adjustment_factors")
    assert (stale_factors(engine).count, wrong_factors(engine).count) == (1, 1)


# -- any order ---------------------------------------------------------------------------------------------------------

WHO = st.integers(0, 1)
DAY = st.sampled_from(DAYS)
CLOSES = st.dictionaries(DAY, st.sampled_from([7.0, 33.3, 99.99, 250.0]), min_size=1, max_size=6)
AMOUNT = st.sampled_from([0.1, 3.333333, 40.0, 99.99])
STEPS = st.one_of(
    st.tuples(st.just("bars"), WHO, CLOSES),
    st.tuples(st.just("bars"), WHO, CLOSES),
    st.tuples(st.just("split"), WHO, DAY, st.sampled_from([(1, 2), (3, 7), (10, 1)])),
    st.tuples(st.just("dividend"), WHO, DAY, AMOUNT, st.sampled_from([None, None, None, 50.0])),
    st.tuples(st.just("dividend"), WHO, DAY, AMOUNT, st.just(None)),
    st.tuples(st.just("withdrawn"), WHO, DAY),
    st.tuples(st.just("moved"), WHO, DAY, st.integers(-2, 2)),
    st.tuples(st.just("removed"), WHO, DAY),
)


def _take(url: str, ids: tuple[int, int], step: tuple[Any, ...]) -> None:
    what, security_id, values = step[0], ids[step[1]], step[2:]
    steps: dict[str, Callable[..., Any]] = {
        "bars": lambda closes: store(url, security_id, closes),
        "split": lambda day, ratio: split(url, security_id, day, *ratio),
        "dividend": lambda day, cash, stated: dividend(url, security_id, day, cash, stated),
        "withdrawn": lambda day: query(
            url,
            "UPDATE corporate_actions SET known_to = now() "
            "WHERE security_id = %s AND ex_date = %s AND known_to IS NULL",
            (security_id, day),
        ),
        "moved": lambda day, by: query(
            url,
            "UPDATE corporate_actions AS a SET ex_date = ex_date + %s WHERE security_id = %s AND ex_date = %s"
            " AND NOT EXISTS (SELECT FROM corporate_actions AS o WHERE (o.security_id, o.action, o.ex_date)"
            " = (a.security_id, a.action, a.ex_date + %s))",
            (by, security_id, day, by),
        ),
        "removed": lambda day: query(
            url, "DELETE FROM ohlcv_daily WHERE security_id = %s AND session = %s", (security_id, day)
        ),
    }
    steps[what](*values)


def _expected(url: str, security_id: int) -> dict[date, float]:
    """The factors of the core, from one print to the next, with the actions in effect by anybody's latest session."""
    prints = query(
        url, "SELECT session, close::float8 FROM ohlcv_daily WHERE security_id = %s ORDER BY 1", (security_id,)
    )
    known = query(
        url,
        "SELECT ex_date, (split_from / split_to)::float8, cash_amount::float8, close_before::float8 "
        "FROM corporate_actions WHERE security_id = %s AND known_to IS NULL "
        "AND ex_date <= (SELECT max(session) FROM ohlcv_daily) ORDER BY ex_date, action DESC",
        (security_id,),
    )
    expected = {}
    ends = [*prints, (date.max, 0.0)]
    following = 1.0
    for (before, close), (after, _) in reversed(list(pairwise(ends))):
        following *= action_factor(close, [action for ex_date, *action in known if before < ex_date <= after])
        expected[before] = following
    return expected


def _holds_after_every_step(url: str, steps: list[tuple[Any, ...]]) -> None:
    query(url, "TRUNCATE securities, ohlcv_daily, ohlcv_1min, bar_gaps, bar_restatements CASCADE")
    ids = (add_security(url, "AAA"), add_security(url, "BBB"))
    for step in steps:
        _take(url, ids, step)
        for security_id in ids:
            found = {day: float(factor) for day, factor in query(url, FACTORS, (security_id,))}
            assert found == pytest.approx(_expected(url, security_id), rel=1e-12), step
    assert wrong_factors(open_engine(url)).sample == ()


ANY_ORDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@settings(ANY_ORDER, max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(st.lists(STEPS, min_size=8, max_size=14))
def test_any_order_of_changes_leaves_what_the_core_computes(url: str, steps: list[tuple[Any, ...]]) -> None:
    _holds_after_every_step(url, steps)


@pytest.mark.slow
@settings(ANY_ORDER, max_examples=300)
@given(st.lists(STEPS, min_size=8, max_size=30))
def test_any_long_order_of_changes_leaves_what_the_core_computes(url: str, steps: list[tuple[Any, ...]]) -> None:
    _holds_after_every_step(url, steps)
