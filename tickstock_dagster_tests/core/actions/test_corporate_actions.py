import math
from collections.abc import Sequence
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.adapters.sources.protocol import DIVIDEND_SCHEMA, SPLIT_SCHEMA
from tickstock_dagster.core.actions.corporate_actions import ACTION_SCHEMA, ValidatedActions, validate_actions
from tickstock_dagster.core.loading.coverage import INTERVAL_SCHEMA

EX_DATE = date(2024, 6, 10)
INTERVALS = pl.DataFrame(
    [
        (1, "NVDA", date(1999, 1, 22), None, "unknown", date(2024, 1, 2), date(1999, 1, 22), None),
        (
            2,
            "FB",
            date(2012, 5, 18),
            date(2022, 6, 9),
            "unknown",
            date(2020, 1, 2),
            date(2012, 5, 18),
            date(2022, 6, 9),
        ),
        (2, "META", date(2022, 6, 9), None, "vendor", date(2022, 7, 1), date(2022, 6, 9), None),
        (
            3,
            "META",
            date(2021, 6, 30),
            date(2022, 2, 1),
            "unknown",
            date(2021, 7, 1),
            date(2021, 6, 30),
            date(2022, 2, 1),
        ),
        (
            4,
            "TAKEN",
            date(2021, 6, 30),
            date(2022, 2, 1),
            "unknown",
            date(2021, 7, 1),
            date(2021, 6, 30),
            date(2022, 2, 1),
        ),
        (4, "MOVED", date(2022, 2, 1), None, "vendor", date(2022, 7, 1), date(2022, 2, 1), None),
        (
            5,
            "FIRST",
            date(2015, 1, 2),
            date(2023, 1, 3),
            "unknown",
            date(2021, 7, 1),
            date(2015, 1, 2),
            date(2023, 1, 3),
        ),
        (5, "TAKEN", date(2023, 1, 3), None, "vendor", date(2024, 1, 2), date(2023, 1, 3), None),
    ],
    schema=INTERVAL_SCHEMA,
    orient="row",
)


def split(
    to: float | None, of: float | None = 1.0, ticker: str = "NVDA", ex_date: date = EX_DATE,
    kind: str | None = "forward_split", vendor_id: str = "s",
) -> tuple[object, ...]:  # fmt: skip
    return (vendor_id, ticker, ex_date, of, to, kind)


def dividend(
    amount: float | None, kind: str | None = "recurring", ticker: str = "NVDA", ex_date: date = EX_DATE,
    currency: str | None = "USD", vendor_id: str = "d",
) -> tuple[object, ...]:  # fmt: skip
    return (vendor_id, ticker, ex_date, date(2024, 5, 22), date(2024, 6, 11), date(2024, 6, 28), amount, currency, kind)


def judge(splits: Sequence[tuple[object, ...]] = (), dividends: Sequence[tuple[object, ...]] = ()) -> ValidatedActions:
    judged = validate_actions(
        pl.DataFrame(splits, schema=SPLIT_SCHEMA, orient="row"),
        pl.DataFrame(dividends, schema=DIVIDEND_SCHEMA, orient="row"),
        INTERVALS,
    )
    assert judged.actions.schema == pl.Schema(ACTION_SCHEMA)
    return judged


def test_nothing_told_is_nothing_judged():
    judged = judge()
    assert (judged.actions.height, judged.refused, judged.unresolved) == (0, (), 0)


def test_a_split_and_a_dividend_of_one_day_are_two_actions():
    judged = judge([split(10.0)], [dividend(0.01)])
    assert judged.actions.select("security_id", "action", "split_from", "split_to", "cash_amount").rows() == [
        (1, "split", 1.0, 10.0, None),
        (1, "dividend", None, None, 0.01),
    ]
    assert judged.actions["declared_on"].to_list() == [None, date(2024, 5, 22)]
    assert judged.actions["pay_date"].to_list() == [None, date(2024, 6, 28)]


@pytest.mark.parametrize(
    "repeats",
    [
        [split(10.0), split(10.0)],
        [split(10.0, vendor_id="s1"), split(10.0, vendor_id="s2")],
        [split(10.0), split(20.0, of=2.0)],
        [split(10.0), split(10.0, kind="stock_dividend")],
    ],
    ids=["the same row", "another id", "the ratio in other numbers", "another kind"],
)
def test_a_repeated_split_counts_once(repeats):
    judged = judge(repeats)
    assert judged.refused == ()
    (row,) = judged.actions.iter_rows(named=True)
    assert row["split_to"] / row["split_from"] == 10.0


def test_of_contradicting_splits_none_is_kept_and_all_are_named():
    judged = judge([split(10.0), split(4.0), split(3.0, ticker="META")])
    assert judged.actions["ticker"].to_list() == ["META"]
    assert judged.refused == (
        "NVDA 2024-06-10: split 4 for 1 contradicts another",
        "NVDA 2024-06-10: split 10 for 1 contradicts another",
    )


def test_splits_of_two_days_do_not_contradict():
    assert judge([split(10.0), split(4.0, ex_date=date(2021, 7, 20))]).actions.height == 2


@pytest.mark.parametrize("to", [None, 0.0, -2.0, math.nan, math.inf, 1e-9])
@pytest.mark.parametrize("side", ["to", "of"])
def test_a_split_without_a_ratio_is_refused_beside_a_good_one(to, side):
    judged = judge([split(**{"to": 10.0, side: to}), split(10.0)])
    assert judged.actions.height == 1
    assert judged.refused == ("NVDA 2024-06-10: split without a ratio of two numbers above 0",)


def test_a_repeated_dividend_counts_once():
    judged = judge(dividends=[dividend(0.25, vendor_id="d1"), dividend(0.25, vendor_id="d2")])
    assert judged.actions["cash_amount"].to_list() == [0.25]


def test_two_dividends_of_one_day_and_kind_are_paid_one_beside_the_other():
    assert judge(dividends=[dividend(0.25), dividend(0.50)]).actions["cash_amount"].to_list() == [0.75]


def test_dividends_of_one_day_and_several_kinds_stay_apart():
    judged = judge(dividends=[dividend(0.25), dividend(2.0, "special"), dividend(0.25, "special")])
    assert judged.actions.select("kind", "cash_amount").rows() == [("recurring", 0.25), ("special", 2.25)]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(None, "USD"), (0.0, "USD"), (-0.1, "USD"), (math.nan, "USD"), (math.inf, "USD"), (1e-9, "USD"), (0.25, None)],
)
def test_a_dividend_without_a_positive_amount_of_a_currency_is_refused(amount, currency):
    judged = judge(dividends=[dividend(amount, currency=currency), dividend(0.25)])
    assert judged.actions["cash_amount"].to_list() == [0.25]
    assert judged.refused == ("NVDA 2024-06-10: dividend without an amount above 0 and its currency",)


def test_dividends_of_one_kind_in_two_currencies_are_refused():
    judged = judge(dividends=[dividend(0.25), dividend(0.34, currency="CAD"), dividend(1.0, "special")])
    assert judged.actions["kind"].to_list() == ["special"]
    assert judged.refused == ("NVDA 2024-06-10: dividend in several currencies",) * 2


def test_a_kind_that_the_vendor_leaves_out_is_unknown():
    judged = judge([split(10.0, kind=None)], [dividend(0.25, kind=None)])
    assert judged.actions["kind"].to_list() == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("ticker", "ex_date", "security_id"),
    [
        ("FB", date(2022, 6, 8), 2),
        ("FB", date(2022, 6, 9), None),
        ("META", date(2022, 6, 9), 2),
        ("META", date(2021, 12, 31), 3),
        ("META", date(2022, 2, 1), 2),  # told under the latest ticker, and the company was listed, as FB
        ("META", date(2012, 5, 17), None),
        ("MOVED", date(2021, 7, 20), 4),
        ("TAKEN", date(2021, 7, 20), 5),  # the fund's rows stand under MOVED by now
        ("FIRST", date(2021, 7, 20), 5),
        ("NVDA", date(1999, 1, 21), None),
        ("XYZ", EX_DATE, None),
    ],
)
def test_an_action_belongs_to_whoever_holds_its_ticker_last_and_was_listed_on_its_ex_date(ticker, ex_date, security_id):
    judged = judge([split(2.0, ticker=ticker, ex_date=ex_date)], [dividend(1.0, ticker=ticker, ex_date=ex_date)])
    assert judged.actions["security_id"].to_list() == ([] if security_id is None else [security_id] * 2)
    assert judged.unresolved == (2 if security_id is None else 0)
    assert judged.refused == ()


def test_an_action_told_under_the_later_ticker_keeps_the_ticker_it_was_told_under():
    judged = judge([split(2.0, ticker="META", ex_date=date(2015, 7, 20))])
    assert judged.actions.select("security_id", "ticker").rows() == [(2, "META")]


def test_what_is_known_of_a_refused_row_is_doubtful_and_nothing_else_is():
    judged = judge(
        [split(10.0), split(4.0), split(2.0, ticker="META"), split(None, ticker="META", ex_date=date(2023, 1, 3))],
        [dividend(0.25), dividend(0.34, currency="CAD"), dividend(None, ticker="META"), dividend(1.0, ticker="META")],
    )
    assert sorted(judged.doubtful.rows()) == [
        (1, "dividend", EX_DATE),
        (1, "split", EX_DATE),
        (2, "dividend", EX_DATE),
        (2, "split", date(2023, 1, 3)),
    ]
    assert judge([split(10.0)], [dividend(0.25)]).doubtful.is_empty()


AMOUNTS = st.sampled_from([None, -1.0, 0.0, 0.25, 0.5, 2.0, math.nan])
SPLITS = st.builds(
    split, AMOUNTS, AMOUNTS, st.sampled_from(["NVDA", "META", "XYZ"]), st.sampled_from([EX_DATE, date(2021, 7, 20)]),
    st.sampled_from(["forward_split", "reverse_split", None]), st.sampled_from(["1", "2"]),
)  # fmt: skip
DIVIDENDS = st.builds(
    dividend, AMOUNTS, st.sampled_from(["recurring", "special", None]), st.sampled_from(["NVDA", "META", "XYZ"]),
    st.sampled_from([EX_DATE, date(2021, 7, 20)]), st.sampled_from(["USD", "CAD", None]), st.sampled_from(["1", "2"]),
)  # fmt: skip


@given(st.lists(SPLITS, max_size=8), st.lists(DIVIDENDS, max_size=8), st.randoms(use_true_random=False))
def test_whatever_the_vendor_tells_in_whatever_order_the_rows_keep_the_tables_constraints(splits, dividends, random):
    judged = judge(splits, dividends)
    again = judge(random.sample(splits, len(splits)), random.sample(dividends, len(dividends)))
    assert judged.actions.equals(again.actions)
    assert sorted(judged.refused) == sorted(again.refused)
    assert judged.doubtful.is_empty() == (judged.refused == ())
    rows = list(judged.actions.iter_rows(named=True))
    keys = [(r["security_id"], r["action"], r["ex_date"], r["kind"] if r["action"] == "dividend" else "") for r in rows]
    assert len(keys) == len(set(keys))
    for row in rows:
        assert row["kind"] is not None
        if row["action"] == "split":
            assert min(row["split_from"], row["split_to"]) > 0
            assert row["cash_amount"] is None is row["currency"]
        else:
            assert row["cash_amount"] > 0
            assert row["currency"] is not None
            assert row["split_from"] is None is row["split_to"]
    told = len({repr(row) for row in splits}) + len({repr(row) for row in dividends})
    assert bool(told) == bool(rows or judged.refused or judged.unresolved)
