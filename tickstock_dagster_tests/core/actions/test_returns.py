"""Factors of splits and dividends in the shares of one day, against figures worked out by hand."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from tickstock_dagster.core.actions.returns import (
    CLOSE_SCHEMA,
    PAYOUT_SCHEMA,
    action_factor,
    in_order,
    price_factors,
    total_returns,
)

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
NAN = float("nan")


@pytest.mark.parametrize(
    ("actions", "factor"),
    [
        ([], 1.0),
        ([(0.5, None, None)], 0.5),
        ([(None, 2.0, None)], 0.98),
        # 100 before; 2 for 1 makes 50; 1 a new share is paid: 49 is left.
        ([(0.5, None, None), (None, 1.0, None)], 0.49),
        # 10 a share are paid: 90 are left; 2 for 1 makes 45.
        ([(None, 10.0, None), (0.5, None, None)], 0.45),
        # 1 for 10 makes 1,000; 200 a new share are paid: 800 is left.
        ([(10.0, None, None), (None, 200.0, None)], 8.0),
        # Two payments from one price take their sum: 100 - 10 - 20.
        ([(None, 10.0, None), (None, 20.0, None)], 0.7),
        # 100, less 10, is 90; 2 for 1 is 45; less 5 is 40.
        ([(None, 10.0, None), (0.5, None, None), (None, 5.0, None)], 0.4),
        # The whole price or more is not believed, alone or together; a new share's price is half.
        ([(None, 100.0, None)], 1.0),
        ([(0.5, None, None), (None, 50.0, None)], 0.5),
        ([(None, 60.0, None), (None, 60.0, None)], 1.0),
        # Shares of stated closes count one after the other, whatever the stored close.
        ([(None, 10.0, 200.0), (0.5, None, None), (None, 10.0, 40.0)], 0.95 * 0.5 * 0.75),
        ([(None, 10.0, None), (None, 10.0, 40.0), (None, 50.0, 50.0)], 0.9 * 0.75),
    ],
)
def test_a_close_of_one_hundred_is_worth_so_much_after_the_actions(actions, factor):
    assert action_factor(100.0, actions) == pytest.approx(factor, abs=1e-15)


def test_without_a_close_splits_count_and_dividends_do_not():
    assert action_factor(NAN, [(0.5, None, None), (None, 1.0, None)]) == 0.5
    assert action_factor(NAN, [(0.5, None, None), (None, 1.0, 4.0)]) == 0.375


def payouts(*rows: tuple[date, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame([(1, *row, None) for row in rows], schema=PAYOUT_SCHEMA, orient="row")


def test_on_one_day_the_split_comes_first_however_the_rows_lie():
    rows = payouts((TUE, None, 1.0), (TUE, 0.5, None), (MON, None, 2.0))
    assert in_order(rows).select("ex_date", "split_ratio", "cash").rows() == [
        (MON, None, 2.0), (TUE, 0.5, None), (TUE, None, 1.0),
    ]  # fmt: skip


def test_returns_compare_a_dividend_in_the_shares_of_its_ex_date():
    """100 on Monday; on Tuesday 2 for 1, and 1 a new share: 49 is no return."""
    closes = pl.DataFrame(
        [(1, day, "AAA", close) for day, close in ((MON, 100.0), (TUE, 49.0), (WED, 49.0))],
        schema=CLOSE_SCHEMA,
        orient="row",
    )
    _, returns = total_returns(closes, payouts((TUE, None, 1.0), (TUE, 0.5, None)), [MON, TUE, WED])
    assert returns[0, 1:].tolist() == [0.0, 0.0]


def test_factors_over_sessions_without_a_print_stay_in_the_shares_of_the_last_close():
    """100 on Monday, no print until Friday; 10 on Tuesday, 2 for 1 on Wednesday, 5 a new share on Thursday."""
    prices = np.array([100.0, NAN, NAN, NAN, 40.0])
    steps = [(1, (None, 10.0, None)), (2, (0.5, None, None)), (3, (None, 5.0, None))]
    assert price_factors(prices, steps).tolist() == pytest.approx([1.0, 0.9, 0.45, 0.4, 0.4])


def test_factors_after_another_print_compare_with_that_one():
    prices = np.array([100.0, 50.0, 25.0])
    assert price_factors(
        prices, [(1, (0.5, None, None)), (2, (0.5, None, None)), (2, (None, 5.0, None))]
    ).tolist() == pytest.approx([1.0, 0.5, 0.5 * 0.5 * 0.8])


def test_factors_before_the_first_print_know_splits_alone():
    assert price_factors(np.array([NAN, NAN, 10.0]), [(1, (0.5, None, None)), (1, (None, 1.0, None))]).tolist() == [
        1.0,
        0.5,
        0.5,
    ]
