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
HELD = [
    (1, "NVDA", date(1999, 1, 22), None, "unknown", date(2024, 1, 2)),
    (2, "FB", date(2012, 5, 18), date(2022, 6, 9), "unknown", date(2020, 1, 2)),
    (2, "META", date(2022, 6, 9), None, "vendor", date(2022, 7, 1)),
    (3, "META", date(2021, 6, 30), date(2022, 2, 1), "unknown", date(2021, 7, 1)),
    (4, "TAKEN", date(2021, 6, 30), date(2022, 2, 1), "unknown", date(2021, 7, 1)),
    (4, "MOVED", date(2022, 2, 1), None, "vendor", date(2022, 7, 1)),
    (5, "FIRST", date(2015, 1, 2), date(2023, 1, 3), "unknown", date(2021, 7, 1)),
    (5, "TAKEN", date(2023, 1, 3), None, "vendor", date(2024, 1, 2)),
]
# Each listing is proven on all days on which it is possible.
INTERVALS = pl.DataFrame([(*held, held[2], held[3]) for held in HELD], schema=INTERVAL_SCHEMA, orient="row")


def split(
    to: float | None, of: float | None = 1.0, ticker: str = "NVDA", ex_date: date = EX_DATE,
    kind: str | None = "forward_split", vendor_id: str = "s",
) -> tuple[object, ...]:  # fmt: skip
    return (vendor_id, ticker, ex_date, of, to, kind)


DECLARED, PAID = date(2024, 5, 22), date(2024, 6, 28)


def dividend(
    amount: float | None, kind: str | None = "recurring", ticker: str = "NVDA", ex_date: date | None = EX_DATE,
    currency: str | None = "USD", vendor_id: str | None = "d", declared: date | None = DECLARED,
    paid: date | None = PAID,
) -> tuple[object, ...]:  # fmt: skip
    return (vendor_id, ticker, ex_date, declared, date(2024, 6, 11), paid, amount, currency, kind)


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
    assert (judged.actions.height, judged.refused, judged.unresolved.height) == (0, (), 0)


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


def test_a_ticker_of_the_day_itself_is_of_its_holder_alone():
    """TAKEN was 4's on that day; 5, which holds it now, was listed as FIRST."""
    day = date(2021, 7, 20)
    told = pl.DataFrame([split(2.0, ticker="TAKEN", ex_date=day)], schema=SPLIT_SCHEMA, orient="row")
    paid = pl.DataFrame([dividend(0.1, ticker="TAKEN", ex_date=day)], schema=DIVIDEND_SCHEMA, orient="row")
    for on_day, owner in ((None, 5), (False, 5), (True, 4)):
        flag = pl.lit(on_day, dtype=pl.Boolean)
        found = validate_actions(told.with_columns(on_day=flag), paid.with_columns(on_day=flag), INTERVALS)
        assert found.actions["security_id"].to_list() == [owner, owner]
    later = told.with_columns(on_day=pl.lit(True), ticker=pl.lit("MOVED"))
    assert validate_actions(later, paid.clear(), INTERVALS).unresolved["ticker"].to_list() == ["MOVED"]


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


def test_dividends_of_one_day_and_several_kinds_stay_apart():
    parts = [dividend(2.0, "special", vendor_id="d1"), dividend(0.25, "special", vendor_id="d2")]
    judged = judge(dividends=[dividend(0.25), *parts])
    assert judged.actions.select("kind", "cash_amount").rows() == [("recurring", 0.25), ("special", 2.25)]
    assert judged.repeats == ("NVDA 2024-06-10: special dividends of one day are added up: 0.25 + 2",)


LATER = {"declared": date(2024, 5, 29), "paid": date(2024, 7, 15)}
SECOND = {"vendor_id": "d2"}


@pytest.mark.parametrize(
    ("rows", "cash", "repeats", "refused"),
    [
        pytest.param([dividend(0.25)] * 3, 0.25, "recurring dividend of 0.25 USD came 3 times", 0, id="the same row"),
        pytest.param([dividend(0.25), dividend(0.25, **SECOND)], 0.25, "came 2 times", 0, id="another id"),
        pytest.param([dividend(0.25), dividend(0.25, vendor_id=None)], 0.25, "came 2 times", 0, id="no id"),
        pytest.param(
            [dividend(0.25), dividend(0.25, **SECOND, paid=date(2024, 7, 1))],
            0.25, "came 2 times, with pay_date 2024-06-28, 2024-07-01", 0, id="paid on another day",
        ),
        pytest.param(
            [dividend(0.25), dividend(0.25, **SECOND, **LATER)],
            0.5, "recurring dividends of one day are added up: 0.25 + 0.25", 0, id="declared and paid on other days",
        ),
        pytest.param(
            [dividend(0.25), dividend(0.25, **LATER)], 0.25, "came 2 times, with declared_on", 0,
            id="other days under one id",
        ),
        pytest.param([dividend(0.25), dividend(0.50)], None, "", 2, id="another amount under one id"),
        pytest.param([dividend(0.25), dividend(0.50, **SECOND)], None, "", 2, id="another amount, recurring"),
        pytest.param(
            [dividend(0.25, None), dividend(0.50, None, **SECOND)], None, "", 2, id="another amount, kind unknown"
        ),
        pytest.param(
            [dividend(0.25), dividend(0.50, **SECOND, **LATER)],
            0.75, "are added up: 0.25 + 0.5", 0, id="another amount, declared and paid on other days",
        ),
        pytest.param(
            [dividend(0.25, "irregular"), dividend(0.50, "irregular", **SECOND)],
            0.75, "irregular dividends of one day are added up: 0.25 + 0.5", 0, id="parts of an irregular one",
        ),
        pytest.param(
            [dividend(0.25, "special"), dividend(0.50, "special", vendor_id=None)], None, "", 2, id="parts without ids"
        ),
        pytest.param([dividend(0.25), dividend(0.25, currency="CAD", **SECOND)], None, "", 2, id="another currency"),
        pytest.param([dividend(0.25), dividend(0.0, **SECOND)], 0.25, "", 0, id="and one of 0"),
        pytest.param([dividend(0.25), dividend(-0.25, **SECOND)], 0.25, "", 1, id="and a negative one"),
        pytest.param(
            [dividend(0.25, ticker="META"), dividend(0.25, ticker="FB", **SECOND)], 0.25, "came 2 times", 0,
            id="under the later and the former ticker",
        ),
    ],
)  # fmt: skip
def test_what_two_dividends_of_one_day_and_kind_mean(rows, cash, repeats, refused):
    if rows[0][1] == "META":  # FB became META the day after
        rows = [(*row[:2], date(2022, 6, 8), *row[3:]) for row in rows]
    judged = judge(dividends=rows)
    assert judged.actions["cash_amount"].to_list() == ([cash] if cash else [])
    assert all(repeats in line for line in judged.repeats)
    assert bool(judged.repeats) == bool(repeats)
    assert len(judged.refused) == refused
    assert judged.doubtful.is_empty() == (refused == 0)
    assert len(judged.ignored) == sum(row[6] == 0.0 for row in rows)


@pytest.mark.parametrize(
    ("rows", "kept", "repeats", "refused"),
    [
        pytest.param([split(2.0)] * 2, (1, 2), "split 2 for 1 came 2 times", 0, id="the same row"),
        pytest.param([split(2.0), split(4.0, of=2.0)], (1, 2), "split 2 for 1 came 2 times", 0, id="1:2 and 2:4"),
        pytest.param([split(4.0, of=2.0)], (1, 2), "", 0, id="2:4 alone"),
        pytest.param([split(1.5), split(3.0, of=2.0)], (2, 3), "also as split 1.5 for 1", 0, id="1:1.5 and 2:3"),
        pytest.param([split(3.0), split(1.0, of=1 / 3)], (1, 3), "also as", 0, id="rounded on the other side"),
        pytest.param([split(2.0), split(2.0, kind="stock_dividend")], (1, 2), "came 2 times", 0, id="another kind"),
        pytest.param([split(2.0), split(3.0, vendor_id="s2")], None, "", 2, id="another ratio"),
        pytest.param([split(2.0), split(2.0001, vendor_id="s2")], None, "", 2, id="nearly the same ratio"),
        pytest.param(
            [split(100.0), split(1.0, of=100.0, kind="reverse_split", vendor_id="s2")], None, "", 2,
            id="a reverse split and its inverse",
        ),
        pytest.param([split(2.0), split(1.0, vendor_id="s2")], (1, 2), "", 0, id="and 1:1"),
        pytest.param([split(1.0)], None, "", 0, id="1:1 alone"),
        pytest.param([split(2.0), split(None, vendor_id="s2")], (1, 2), "", 1, id="and one without a ratio"),
        pytest.param([split(0.1, kind="forward_split")], (1, 0.1), "", 0, id="a label that says the opposite"),
    ],
)  # fmt: skip
def test_what_rows_about_one_split_mean(rows, kept, repeats, refused):
    judged = judge(rows)
    assert judged.actions.select("split_from", "split_to").rows() == ([kept] if kept else [])
    assert all(repeats in line for line in judged.repeats)
    assert bool(judged.repeats) == bool(repeats)
    assert len(judged.refused) == refused
    assert len(judged.ignored) == sum(row[3] == row[4] for row in rows)


def test_a_row_that_changes_nothing_is_said():
    judged = judge([split(1.0), split(7.0, of=7.0)], [dividend(0.0)])
    assert judged.ignored == (
        "NVDA 2024-06-10: split of 1 for 1 changes nothing",
        "NVDA 2024-06-10: split of 1 for 1 changes nothing",
        "NVDA 2024-06-10: dividend of 0 changes nothing",
    )
    assert judged.doubtful.is_empty()


def test_one_action_of_two_days_under_one_id_is_refused_and_the_next_quarters_is_not():
    moved = [split(2.0, ex_date=day, vendor_id="s1") for day in (date(2026, 11, 18), date(2026, 11, 19))]
    judged = judge(moved)
    assert judged.actions.is_empty()
    assert judged.refused == (
        "NVDA 2026-11-18: split of two days under one id",
        "NVDA 2026-11-19: split of two days under one id",
    )
    assert judged.doubtful["ex_date"].to_list() == [date(2026, 11, 18), date(2026, 11, 19)]
    assert judge([moved[0], ("s2", *moved[1][1:])]).actions.height == 2
    quarters = [dividend(0.25, ex_date=day) for day in (date(2026, 3, 2), date(2026, 6, 1))]
    assert judge(dividends=quarters).actions.height == 2


def test_a_row_without_an_ex_date_and_one_of_no_ticker_are_set_aside_and_the_others_stand():
    odd = [dividend(0.25, ticker="\x00HTLP^"), dividend(0.25, ticker="\u00d0\x16HTLD^"), dividend(0.25, ex_date=None)]
    judged = judge(dividends=[*odd, dividend(0.3)])
    assert judged.actions["cash_amount"].to_list() == [0.3]
    assert judged.refused == (
        r"'\x00HTLP^': dividend of a text that is no ticker",
        r"'\xd0\x16HTLD^': dividend of a text that is no ticker",
        "NVDA: dividend without an ex-date",
    )
    assert judged.unresolved.is_empty()


def test_texts_that_cannot_be_stored_are_left_out():
    judged = judge(dividends=[dividend(0.25, kind="re\x00curring", vendor_id="d\x00")])
    assert judged.actions.select("kind", "vendor_id").rows() == [("unknown", None)]
    assert judge(dividends=[dividend(0.25, currency="US\x00")]).refused != ()


def test_the_row_of_an_unknown_ticker_is_kept_for_later():
    judged = judge([split(2.0, ticker="XYZ", vendor_id="s9")] * 2)
    assert judged.unresolved.rows() == [("XYZ", "split", EX_DATE, "s9")]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(None, "USD"), (-0.1, "USD"), (math.nan, "USD"), (math.inf, "USD"), (1e-9, "USD"), (0.25, None)],
)
def test_a_dividend_without_a_positive_amount_of_a_currency_is_refused(amount, currency):
    judged = judge(dividends=[dividend(amount, currency=currency), dividend(0.25)])
    assert judged.actions["cash_amount"].to_list() == [0.25]
    assert judged.refused == ("NVDA 2024-06-10: dividend without an amount above 0 and its currency",)


def test_dividends_of_one_kind_in_two_currencies_are_refused():
    judged = judge(dividends=[dividend(0.25), dividend(0.34, currency="CAD"), dividend(1.0, "special")])
    assert judged.actions["kind"].to_list() == ["special"]
    assert judged.refused == ("NVDA 2024-06-10: dividend in several currencies, CAD, USD",) * 2


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
    assert judged.unresolved.height == (2 if security_id is None else 0)
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
        (1, "dividend", EX_DATE, "recurring"),
        (1, "split", EX_DATE, None),
        (2, "dividend", EX_DATE, "recurring"),
        (2, "split", date(2023, 1, 3), None),
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
    assert bool(told) == bool(rows or judged.refused or judged.ignored or judged.unresolved.height)
    assert sorted(judged.repeats) == sorted(again.repeats)
    assert judged.ignored == again.ignored
