"""The view that adjusts on read, against figures worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.core.actions.returns import action_factor
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, THU, TUE, WED, add_security, bar, batch, query

ADJUSTED = """
SELECT session, open, high, low, close, volume, total_return_close, split_factor, dividend_factor
FROM ohlcv_daily_adjusted ORDER BY security_id, session
"""
DAYS = (MON, TUE, WED, THU, FRI)


def week(database_url: str, closes: tuple[float, ...], ticker: str = "AAA") -> int:
    """Stored bars of five sessions with these closes, 1,000 shares each."""
    security_id = add_security(database_url, ticker)
    rows = [
        bar(security_id, day, ticker, open=close, high=close + 1, low=close - 1, close=close, vwap=close)
        for day, close in zip(DAYS, closes, strict=True)
    ]
    store_batch(open_engine(database_url), batch(*rows))
    return security_id


def split(database_url: str, security_id: int, ex_date: date, old: float, new: float, *, ended: bool = False) -> None:
    query(
        database_url,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        "known_from, known_to) VALUES (%s, 'AAA', 'split', 'forward_split', %s, %s, %s, 's', '2026-11-01', %s)",
        (security_id, ex_date, old, new, "2026-11-02" if ended else None),
    )


def dividend(
    database_url: str,
    security_id: int,
    ex_date: date,
    cash: float,
    currency: str = "USD",
    kind: str = "recurring",
    close_before: float | None = None,
) -> None:
    query(
        database_url,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, cash_amount, currency, "
        "close_before, source, known_from) VALUES (%s, 'AAA', 'dividend', %s, %s, %s, %s, %s, 's', '2026-11-01')",
        (security_id, kind, ex_date, cash, currency, close_before),
    )


def closes(database_url: str) -> list[Decimal]:
    return [round(row[4], 6) for row in query(database_url, ADJUSTED)]


def total_returns(database_url: str) -> list[Decimal]:
    return [round(row[6], 6) for row in query(database_url, ADJUSTED)]


def test_without_actions_everything_is_as_printed(migrated_database_url: str) -> None:
    week(migrated_database_url, (100, 110, 54, 55, 56))
    assert closes(migrated_database_url) == [100, 110, 54, 55, 56]
    assert total_returns(migrated_database_url) == [100, 110, 54, 55, 56]


def test_a_split_counts_from_the_latest_session_of_its_own_market_on(migrated_database_url: str) -> None:
    """On Friday evening in New York, Tokyo has Monday's bars already; New York's split of Monday has not come."""
    url = migrated_database_url
    new_york = week(url, (100, 100, 100, 100, 100))
    tokyo = add_security(url, "7203.XTKS")
    query(url, "UPDATE securities SET primary_exchange = 'XTKS' WHERE security_id = %s", (tokyo,))
    monday = date(2026, 11, 23)
    rows = [bar(tokyo, day, "7203.XTKS", close=50, high=50, low=50, open=50, vwap=50) for day in (FRI, monday)]
    store_batch(open_engine(url), batch(*rows))
    split(url, new_york, monday, 1, 2)
    split(url, tokyo, monday, 1, 2)
    factors = "SELECT security_id, session, split_factor::float8 FROM ohlcv_daily_adjusted WHERE session >= %s"
    assert sorted(query(url, factors, (FRI,))) == [(new_york, FRI, 1), (tokyo, FRI, 0.5), (tokyo, monday, 1)]
    assert query(url, "SELECT latest_session(NULL), latest_session('XTKS')") == [(FRI, monday)]
    store_batch(open_engine(url), batch(bar(new_york, monday)))
    assert sorted(query(url, factors, (monday,))) == [(new_york, monday, 1), (tokyo, monday, 1)]
    assert query(url, factors + " AND security_id = %s", (FRI, new_york))[0][2] == 0.5


def test_the_view_knows_the_markets_outside_the_us(migrated_database_url: str) -> None:
    named = "SELECT adjusts_with(mic) FROM unnest(%s::text[]) AS mic"
    assert query(migrated_database_url, named, ([*ABROAD, "XNYS", "XNAS", None],)) == [
        *((mic,) for mic in ABROAD), (None,), (None,), (None,),
    ]  # fmt: skip


def test_a_two_for_one_split_halves_earlier_prices_and_doubles_earlier_volumes(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 110, 54, 55, 56))
    split(migrated_database_url, security_id, WED, 1, 2)
    rows = query(migrated_database_url, ADJUSTED)
    assert rows[1][1:6] == (55, Decimal("55.5"), Decimal("54.5"), 55, 2_000)
    assert rows[2][1:6] == (54, 55, 53, 54, 1_000)
    assert closes(migrated_database_url) == [50, 55, 54, 55, 56]


def test_a_reverse_split_multiplies_earlier_prices(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (1.5, 1.6, 15, 16, 17))
    split(migrated_database_url, security_id, WED, 10, 1)
    assert closes(migrated_database_url) == [15, 16, 15, 16, 17]
    assert [row[5] for row in query(migrated_database_url, ADJUSTED)] == [100, 100, 1_000, 1_000, 1_000]


def test_several_splits_multiply_up_exactly(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (90, 30, 30, 15, 15))
    split(migrated_database_url, security_id, TUE, 1, 3)
    split(migrated_database_url, security_id, THU, 1, 2)
    assert closes(migrated_database_url) == [15, 15, 15, 15, 15]
    assert [round(row[7], 8) for row in query(migrated_database_url, ADJUSTED)] == [
        Decimal("0.16666667"), Decimal("0.5"), Decimal("0.5"), 1, 1,
    ]  # fmt: skip


def test_a_dividend_scales_total_returns_by_the_raw_close_before_and_leaves_prices_alone(
    migrated_database_url: str,
) -> None:
    security_id = week(migrated_database_url, (100, 110, 50, 50, 49))
    split(migrated_database_url, security_id, WED, 1, 2)
    dividend(migrated_database_url, security_id, FRI, 1.0)  # 1 of 50: a factor of 0.98
    assert closes(migrated_database_url) == [50, 55, 50, 50, 49]
    assert total_returns(migrated_database_url) == [49, Decimal("53.9"), 49, 49, 49]


def test_a_dividend_before_a_split_is_measured_in_the_shares_of_its_day(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 98, 98, 49, 49))
    dividend(migrated_database_url, security_id, TUE, 2.0)
    split(migrated_database_url, security_id, THU, 1, 2)
    assert total_returns(migrated_database_url) == [49, 49, 49, 49, 49]


def test_dividends_of_one_day_multiply_and_another_currency_is_left_out(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 100, 100, 100, 100))
    dividend(migrated_database_url, security_id, TUE, 10)
    dividend(migrated_database_url, security_id, WED, 50, kind="special")
    dividend(migrated_database_url, security_id, THU, 50, currency="CAD")
    assert total_returns(migrated_database_url) == [45, 50, 100, 100, 100]


def test_a_dividend_of_more_than_the_price_is_not_believed(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 100, 100, 100, 100))
    dividend(migrated_database_url, security_id, TUE, 100)
    assert total_returns(migrated_database_url) == [100] * 5


def test_a_dividend_on_the_day_of_a_split_is_in_the_new_shares(migrated_database_url: str) -> None:
    """110 before; 2 for 1 makes 55 of it; 5.5 a new share leave 49.5, nine tenths."""
    security_id = week(migrated_database_url, (100, 110, 49.5, 50, 51))
    split(migrated_database_url, security_id, WED, 1, 2)
    dividend(migrated_database_url, security_id, WED, 5.5)
    assert closes(migrated_database_url) == [50, 55, Decimal("49.5"), 50, 51]
    assert total_returns(migrated_database_url) == [45, Decimal("49.5"), Decimal("49.5"), 50, 51]


def test_a_dividend_is_compared_with_a_close_from_before_a_split_in_the_shares_of_its_day(
    migrated_database_url: str,
) -> None:
    """100 on Monday, no bar until Friday: 1 for 10 on Tuesday makes 1,000, a dividend of 200 on Thursday leaves 800."""
    security_id = add_security(migrated_database_url, "AAA")
    rows = [
        bar(security_id, day, open=close, high=close + 1, low=close - 1, close=close, vwap=close)
        for day, close in ((MON, 100), (FRI, 800))
    ]
    store_batch(open_engine(migrated_database_url), batch(*rows))
    split(migrated_database_url, security_id, TUE, 10, 1)
    dividend(migrated_database_url, security_id, THU, 200)
    assert closes(migrated_database_url) == [1_000, 800]
    assert total_returns(migrated_database_url) == [800, 800]


def test_dividends_after_one_close_are_added_up(migrated_database_url: str) -> None:
    """A regular and a special one take 10 and 20 from the same 100."""
    security_id = week(migrated_database_url, (100, 100, 70, 70, 70))
    dividend(migrated_database_url, security_id, WED, 10)
    dividend(migrated_database_url, security_id, WED, 20, kind="special")
    assert total_returns(migrated_database_url) == [70] * 5


def test_dividends_that_together_take_the_whole_price_are_not_believed(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 100, 100, 100, 100))
    dividend(migrated_database_url, security_id, WED, 60)
    dividend(migrated_database_url, security_id, WED, 60, kind="special")
    dividend(migrated_database_url, security_id, FRI, 10)
    assert total_returns(migrated_database_url) == [90, 90, 90, 90, 100]


def test_a_dividend_is_a_share_of_the_close_that_its_source_states(migrated_database_url: str) -> None:
    """The bars before the ex-date are not there: the last stored close is another session's."""
    security_id = week(migrated_database_url, (100, 100, 70, 70, 70))
    dividend(migrated_database_url, security_id, WED, 10, close_before=40)
    dividend(migrated_database_url, security_id, FRI, 7)
    assert total_returns(migrated_database_url) == [Decimal("67.5"), Decimal("67.5"), 63, 63, 70]


AMOUNTS = st.sampled_from([None, 0.01, 0.5, 3.0, 40.0, 99.0])
WEEKS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from([0.5, 3.0, 1.0, 10.0, None]), AMOUNTS, st.sampled_from([None, 2.0, 120.0])
    ),
    min_size=5,
    max_size=5,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(WEEKS)
def test_the_view_says_what_the_core_computes(migrated_database_url: str, days: Any) -> None:
    """Any week of prints, splits and dividends: from the first print to the last, factor by factor."""
    query(migrated_database_url, "TRUNCATE securities, ohlcv_daily, bar_gaps, bar_restatements CASCADE")
    security_id = add_security(migrated_database_url, "AAA")
    printed = [(day, 100.0 - place) for place, (day, (prints, *_)) in enumerate(zip(DAYS, days, strict=True)) if prints]
    printed = [(MON - timedelta(days=3), 100.0), *printed, (FRI + timedelta(days=3), 80.0)]
    store_batch(
        open_engine(migrated_database_url),
        batch(*(bar(security_id, day, open=c, high=c, low=c, close=c, vwap=c) for day, c in printed)),
    )
    actions = []
    for day, (_, ratio, cash, close_before) in zip(DAYS, days, strict=True):
        if ratio:
            split(migrated_database_url, security_id, day, ratio, 1)
            actions.append((day, ratio, None, None))
        if cash:
            dividend(migrated_database_url, security_id, day, cash, close_before=close_before)
            actions.append((day, None, cash, close_before))
    expected = {printed[-1][0]: 1.0}
    for (before, close), (after, _) in reversed(list(pairwise(printed))):
        between = [action for day, *action in actions if before < day <= after]
        expected[before] = expected[after] * action_factor(close, between)
    found = {row[0]: float(row[7] * row[8]) for row in query(migrated_database_url, ADJUSTED)}
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_version_that_has_ended_counts_no_more(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 110, 54, 55, 56))
    split(migrated_database_url, security_id, WED, 1, 4, ended=True)
    split(migrated_database_url, security_id, WED, 1, 2)
    assert closes(migrated_database_url) == [50, 55, 54, 55, 56]


def test_an_announced_action_changes_nothing_before_a_session_of_its_ex_date_is_stored(
    migrated_database_url: str,
) -> None:
    security_id = week(migrated_database_url, (100, 101, 102, 103, 104))
    ex_date = FRI + timedelta(days=3)
    split(migrated_database_url, security_id, ex_date, 1, 2)
    dividend(migrated_database_url, security_id, ex_date, 5)
    assert closes(migrated_database_url) == [100, 101, 102, 103, 104]
    assert total_returns(migrated_database_url) == [100, 101, 102, 103, 104]
    store_batch(
        open_engine(migrated_database_url), batch(bar(security_id, ex_date, open=51, high=52, low=50, close=51))
    )
    assert closes(migrated_database_url) == [50, Decimal("50.5"), 51, Decimal("51.5"), 52, 51]


def test_another_securitys_actions_do_not_count_and_market_values_are_left_out(migrated_database_url: str) -> None:
    security_id = week(migrated_database_url, (100, 100, 100, 100, 100))
    other = week(migrated_database_url, (10, 10, 10, 10, 10), "BBB")
    split(migrated_database_url, other, WED, 1, 2)
    query(
        migrated_database_url,
        "UPDATE ohlcv_daily SET is_fmv = true, open = NULL, high = NULL, low = NULL, close = NULL, volume = 0, "
        "fmv = 99 WHERE security_id = %s AND session = %s",
        (security_id, WED),
    )
    dividend(migrated_database_url, security_id, THU, 10)
    assert closes(migrated_database_url) == [100, 100, 100, 100, 5, 5, 10, 10, 10]
    assert total_returns(migrated_database_url)[:4] == [90, 90, 100, 100]
