"""Rules: what may be asked, who is chosen, what an unknown fact does, and that nobody flaps inside the band."""

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.catalogue import shipped_universes
from tickstock_dagster.core.universes.facts import FACT_SCHEMA, as_evidence
from tickstock_dagster.core.universes.rules import Condition, Evaluation, Rule, Top, evaluate

GROWTH = next(universe.rule for universe in shipped_universes() if universe.key == "etf_growth")
COMMON = Condition(field="equity_type", op="in", value=("CS", "ADRC"))


def facts(*rows: dict[str, Any]) -> pl.DataFrame:
    named = [{"security_id": place, "ticker": f"T{place:03}", **row} for place, row in enumerate(rows, start=1)]
    return pl.DataFrame(named, schema=FACT_SCHEMA)


def fund(**changes: Any) -> dict[str, Any]:
    return {"themes": ["growth"], "aum_usd": 2e9, "adv20_usd": 9e6, "expense_ratio": 0.001, **changes}


def stock(market_cap: float | None, **changes: Any) -> dict[str, Any]:
    return {"equity_type": "CS", "market_cap": market_cap, "adv20_usd": 1e6, **changes}


def ids(evaluation: Evaluation) -> list[int]:
    return [member.security_id for member in evaluation.members]


def top(count: int, **others: Any) -> Rule:
    return Rule(title="Largest", candidates=(COMMON,), top=Top(by="market_cap", count=count, **others))


# -- what may be asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"field": "aum", "op": ">", "value": 1e9}, r"field 'aum' is not accepted: did you mean aum_usd\?"),
        ({"field": "security_id", "op": "==", "value": 1}, "field 'security_id' is not accepted"),
        ({"field": "aum_usd", "op": "!=", "value": 1e9}, r"operator of aum_usd '!=' is not accepted: accepted: >, >="),
        ({"field": "themes", "op": "==", "value": "x"}, "operator of themes '==' is not accepted: accepted: contains"),
        ({"field": "aum_usd", "op": ">", "value": 1000}, "a number from 10,000 to 5e\\+12 .USD, assets"),
        ({"field": "expense_ratio", "op": "<", "value": 0.75}, "a number from 0 to 0.2 .yearly cost as a fraction"),
        ({"field": "expense_ratio", "op": "<", "value": "0.75"}, "a number from 0 to 0.2"),
        ({"field": "bars20", "op": ">", "value": 21}, "a number from 0 to 20"),
        ({"field": "list_date", "op": ">", "value": "last year"}, "a date such as 2026-11-20"),
        ({"field": "list_date", "op": ">", "value": 2026}, "a date such as 2026-11-20"),
        ({"field": "equity_type", "op": "in", "value": "CS"}, "a list of at least one text"),
        ({"field": "equity_type", "op": "in", "value": []}, "a list of at least one text"),
        ({"field": "equity_type", "op": "==", "value": 7}, "value of equity_type == '7.0' is not accepted: a text"),
        ({"field": "sector", "op": "==", "value": ""}, "a text"),
        ({"field": "close", "op": ">", "value": True}, "value 'True' is not accepted"),
        ({"field": "close", "op": ">"}, "a required field"),
        ({"field": "close", "op": ">", "value": 1, "unit": "USD"}, "unit 'USD' is not accepted: no such field"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_with_what_is_accepted(condition: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Rule.from_json({"title": "Mine", "candidates": [condition]})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "at least one condition that names candidates, or pinned tickers"),
        ({"pinned": ["AAA", "AAA"]}, "pinned 'AAA, AAA' is not accepted: tickers, each once"),
        ({"pinned": ["AAA"], "colour": 1}, "colour '1' is not accepted: no such field"),
        ({"pinned": ["A", "B"], "top": {"by": "close", "count": 1}}, "at most the count of 1"),
        ({"pinned": ["A"], "top": {"by": "sector", "count": 1}}, "top.by 'sector' is not accepted"),
        ({"pinned": ["A"], "top": {"by": "close", "count": 0}}, "top.count '0' is not accepted: a number from 1"),
        ({"pinned": ["A"], "top": {"by": "close", "count": 1.5}}, "top.count '1.5' is not accepted"),
        ({"pinned": ["A"], "top": {"by": "close", "count": 10, "keep_until": 9}}, "a rank from 10 .the count. to 20"),
        ({"pinned": ["A"], "top": {"by": "close", "count": 10, "keep_until": 21}}, "a rank from 10 .the count. to 20"),
        ({"pinned": ["A"], "top": {"by": "close", "count": 1, "group_by": "sector"}}, "cik, or nothing"),
        (
            {"candidates": [{"field": "close", "op": ">", "value": 5}, {"field": "close", "op": "<", "value": 5}]},
            "bounds with values between them",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_is_accepted(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Rule.from_json(json.dumps({"title": "Mine", **parts}))


def test_what_is_no_json_and_what_has_no_title_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"rule '\{' is not accepted: a JSON object"):
        Rule.from_json("{")
    with pytest.raises(BadInputError, match="title"):
        Rule.from_json({"pinned": ["AAA"]})


def test_a_rule_is_the_same_after_it_was_written_and_read() -> None:
    rule = Rule.from_json({**GROWTH.to_json(), "pinned": ["BRK.B"], "top": {"by": "aum_usd", "count": 8}})
    assert Rule.from_json(json.dumps(rule.to_json())) == rule
    assert rule.to_json()["conditions"][0] == {"field": "aum_usd", "op": ">", "value": 1_000_000_000}
    assert rule.fields == ("themes", "aum_usd", "adv20_usd", "expense_ratio")


def test_bounds_that_meet_in_one_value_are_accepted() -> None:
    both = [{"field": "close", "op": ">=", "value": 5}, {"field": "close", "op": "<=", "value": 5}]
    assert len(Rule.from_json({"title": "Five", "candidates": both}).candidates) == 2


# -- conditions -------------------------------------------------------------------------------------------------------


def test_candidates_that_keep_every_condition_are_members_by_ticker() -> None:
    judged = evaluate(
        GROWTH,
        facts(
            fund(ticker="ZZZ"), fund(ticker="AAA"), fund(aum_usd=1e9), fund(adv20_usd=5e6), fund(expense_ratio=0.0075),
            fund(themes=["value"]), fund(themes=None),
        ),
        frozenset(),
    )  # fmt: skip
    assert [(member.ticker, member.rank) for member in judged.members] == [("AAA", None), ("ZZZ", None)]
    assert judged.reasons()[3] == "not aum_usd > 1,000,000,000: 1,000,000,000"
    assert judged.assessments["security_id"].to_list() == [2, 1, 3, 4, 5], "what is no candidate is not looked at"
    assert judged.assessments["decision"].to_list() == ["joined"] * 2 + ["refused"] * 3


@pytest.mark.parametrize("unknown", ["aum_usd", "adv20_usd", "expense_ratio", "themes"])
def test_a_fact_that_is_not_known_neither_admits_nor_drops(unknown: str) -> None:
    rows = facts(fund(**{unknown: None}), fund(**{unknown: None}))
    judged = evaluate(GROWTH, rows, frozenset({1}))
    assert ids(judged) == [1]
    assert judged.reasons()[1] == f"kept: {unknown} is not known"
    assert judged.assessments.row(0, named=True)["decision"] == "kept"
    assert judged.reasons().get(2, "not admitted: themes is not known") == f"not admitted: {unknown} is not known"


def test_what_breaks_a_condition_leaves_even_where_another_fact_is_not_known() -> None:
    judged = evaluate(GROWTH, facts(fund(adv20_usd=None, expense_ratio=0.01)), frozenset({1}))
    assert ids(judged) == []
    assert judged.assessments.row(0, named=True)["decision"] == "left"
    assert judged.reasons()[1] == "not expense_ratio < 0.0075: 0.01"


def test_an_incumbent_that_is_not_listed_leaves() -> None:
    judged = evaluate(GROWTH, facts(fund()), frozenset({1, 99}))
    assert ids(judged) == [1]
    assert judged.reasons()[99] == "not listed"
    assert judged.evidence() == {
        "T001": {
            "rank": None,
            "decision": "stays",
            "reason": judged.reasons()[1],
            "facts": {"themes": ["growth"], "aum_usd": 2e9, "adv20_usd": 9e6, "expense_ratio": 0.001},
        }
    }


def test_pinned_tickers_come_first_in_their_order_and_count() -> None:
    rule = Rule(title="Mine", candidates=(COMMON,), top=Top(by="market_cap", count=3), pinned=("T003", "T002", "GONE"))
    judged = evaluate(rule, facts(stock(9e9), stock(1e9), stock(2e9, equity_type="ETF"), stock(8e9)), frozenset())
    assert ids(judged) == [3, 2, 1]
    assert judged.reasons()[3] == "pinned by the rule"


def test_dates_and_numbers_and_words_are_compared() -> None:
    rule = Rule(
        title="Mine",
        candidates=(Condition(field="sector", op="==", value="Energy"),),
        conditions=(
            Condition(field="list_date", op=">=", value="2026-01-01"),
            Condition(field="bars20", op="==", value=20),
        ),
    )
    rows = facts(
        {"sector": "Energy", "list_date": date(2026, 1, 1), "bars20": 20},
        {"sector": "Energy", "list_date": date(2025, 12, 31), "bars20": 20},
        {"sector": "Energy", "list_date": date(2026, 1, 1), "bars20": 19},
        {"sector": "Utilities", "list_date": date(2026, 1, 1), "bars20": 20},
    )
    judged = evaluate(rule, rows, frozenset())
    assert ids(judged) == [1]
    assert judged.evidence()["T001"]["facts"]["list_date"] == "2026-01-01"


def test_evidence_keeps_twelve_digits() -> None:
    assert as_evidence({"close": 0.1 + 0.2, "ticker": "A"}, ["close", "ticker"]) == {"close": 0.3, "ticker": "A"}


# -- the largest ------------------------------------------------------------------------------------------------------


def test_the_largest_issuers_are_chosen_by_their_sum_and_stand_by_their_most_traded_class() -> None:
    rows = facts(
        stock(6e9, cik="1", adv20_usd=5e6),
        stock(6e9, cik="1", adv20_usd=9e6),
        stock(10e9),
        stock(11e9, cik="4"),
        stock(20e9, equity_type="PFD"),
    )
    judged = evaluate(top(2, group_by="cik"), rows, frozenset())
    assert [(member.security_id, member.rank) for member in judged.members] == [(2, 1), (4, 2)]
    assert judged.reasons()[1] == "rank 1 of 2 by market_cap: T002 is the issuer's most traded class"
    assert judged.reasons()[3] == "rank 3 by market_cap for 2 places"
    held = evaluate(top(2, group_by="cik"), rows, frozenset({3}))
    assert held.reasons()[3] == "rank 3 by market_cap for 2 places: members stay up to rank 2"
    by_security = evaluate(top(2), rows, frozenset())
    assert ids(by_security) == [4, 3]


@pytest.mark.parametrize(("traded", "member"), [(1.05e6, 1), (1.2e6, 2), (0.5e6, 1)])
def test_the_issuers_other_class_takes_the_place_only_when_it_trades_clearly_more(traded: float, member: int) -> None:
    rows = facts(stock(6e9, cik="1"), stock(6e9, cik="1", adv20_usd=traded))
    assert ids(evaluate(top(1, group_by="cik"), rows, frozenset({1}))) == [member]


@pytest.mark.parametrize(("traded", "member"), [(0.0, 2), (None, 1)])
def test_a_class_that_no_longer_trades_gives_way_but_one_of_which_it_is_not_known_does_not(traded, member) -> None:
    rows = facts(stock(6e9, cik="1", adv20_usd=traded), stock(6e9, cik="1", adv20_usd=10.0))
    assert ids(evaluate(top(1, group_by="cik"), rows, frozenset({1}))) == [member]


def test_an_incumbent_stays_inside_the_band_and_leaves_beyond_it() -> None:
    order = facts(*(stock((40 - place) * 1e9) for place in range(30)))  # security n has rank n
    held = frozenset(range(1, 10)) | {11}
    assert frozenset(ids(evaluate(top(10), order, held))) == held, "rank 11 stays, rank 10 waits"
    beyond = frozenset(range(1, 10)) | {12}
    assert ids(evaluate(top(10), order, beyond)) == list(range(1, 11))
    promoted = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 10, 11})
    assert ids(evaluate(top(10), order, promoted)) == list(range(1, 11)), "rank 9 enters for certain"


def test_an_incumbent_whose_size_is_not_known_keeps_its_place_and_nobody_else_is_admitted_for_it() -> None:
    rows = facts(stock(9e9), stock(None), stock(8e9), stock(7e9), stock(None))
    judged = evaluate(top(3), rows, frozenset({1, 2}))
    assert sorted(ids(judged)) == [1, 2, 3]
    assert judged.reasons()[2] == "kept: market_cap is not known"
    assert judged.reasons()[5] == "not admitted: market_cap is not known"


def test_an_issuer_of_which_one_class_is_not_known_is_not_dropped_for_it() -> None:
    rows = facts(stock(1e9, cik="1"), stock(None, cik="1", adv20_usd=10), *(stock(9e9) for _ in range(4)))
    judged = evaluate(top(2, group_by="cik"), rows, frozenset({1}))
    assert 1 in ids(judged)
    assert len(judged.members) == 2
    assert ids(evaluate(top(2, group_by="cik"), rows, frozenset())) == [3, 4]


caps = st.lists(st.one_of(st.none(), st.integers(1, 40)), min_size=1, max_size=40)
ciks = st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), min_size=40, max_size=40)


@given(caps, ciks, st.integers(1, 15), st.integers(0, 15), st.frozensets(st.integers(1, 45), max_size=20))
@example(
    [1, *[None] * 9, 1], [None, "a", *[None] * 8, "a", *[None] * 29], 1, 0, frozenset({2})
)  # "a" changes its class
def test_the_count_is_never_exceeded_and_is_full_where_there_are_enough(sizes, issuers, count, band, held) -> None:
    rows = facts(*(stock(size and size * 1e9, cik=issuers[place], adv20_usd=place) for place, size in enumerate(sizes)))
    rule = top(count, group_by="cik", keep_until=count + min(band, count))
    judged = evaluate(rule, rows, held)
    known = {row["cik"] or row["security_id"] for row in rows.iter_rows(named=True) if row["market_cap"]}
    assert len(judged.members) <= count
    assert len(judged.members) >= min(count, len(known))
    chosen = [
        row["cik"] or row["security_id"] for row in rows.iter_rows(named=True) if row["security_id"] in ids(judged)
    ]
    assert len(set(chosen)) == len(chosen), "one class an issuer"
    issuer_of = {row["security_id"]: row["cik"] or row["security_id"] for row in rows.iter_rows(named=True)}
    incumbents = {issuer_of[security] for security in held if security in issuer_of}
    for row in judged.assessments.iter_rows(named=True):
        if row["decision"] == "joined" and row["rank"]:
            enters = issuer_of[row["security_id"]] not in incumbents
            assert row["rank"] <= count if enters else row["member"], "no issuer enters from below the count"
        if row["member"] and row["decision"] == "stays":
            assert row["rank"] <= rule.top.stays_until
    again = evaluate(rule, rows, frozenset(ids(judged)))
    assert set(ids(again)) == set(ids(judged)), "judged again, nobody moves"


@given(st.integers(2, 12), st.integers(0, 6), st.frozensets(st.integers(1, 30), max_size=14), st.data())
def test_two_that_change_places_inside_the_band_do_not_change_the_members(count, band, held, data) -> None:
    rule = top(count, keep_until=count + min(band, count))
    inside = list(range(rule.top.enter_at + 1, rule.top.stays_until + 1))
    assume(len(inside) >= 2)
    one, other = data.draw(st.permutations(inside))[:2]
    order = list(range(1, 31))

    def ranked(ranking: list[int]) -> pl.DataFrame:
        size = {security: (50 - place) * 1e9 for place, security in enumerate(ranking)}
        return facts(*(stock(size[security]) for security in range(1, 31)))

    members = frozenset(ids(evaluate(rule, ranked(order), held)))
    swapped = order.copy()
    swapped[one - 1], swapped[other - 1] = order[other - 1], order[one - 1]
    for ranking in (swapped, order, swapped, order):
        assert frozenset(ids(evaluate(rule, ranked(ranking), members))) == members
        assert len(members) == count


def test_who_fails_the_rules_of_its_type_is_no_member_and_an_unknown_verdict_decides_nothing() -> None:
    failing = {"validation": "fails", "validation_reason": "aum_usd 2 is below 3"}
    rule = GROWTH.model_copy(update={"pinned": ("T005",)}) if GROWTH else None
    assert rule is not None
    evaluation = evaluate(
        rule,
        facts(fund(**failing), fund(**failing), fund(validation="unknown"), fund(validation="passes"), fund(**failing)),
        frozenset({2}),
    )
    assert ids(evaluation) == [5, 3, 4]
    decisions = dict(evaluation.assessments.select("security_id", "decision").iter_rows())
    assert (decisions[1], decisions[2]) == ("refused", "left")
    assert evaluation.reasons()[1] == "fails the rules of its type: aum_usd 2 is below 3"
