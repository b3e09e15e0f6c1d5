"""Scores: the formula's numbers, and that a worse input never scores better."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.quality.scores import (
    Missing,
    ScoredFinding,
    Scores,
    finding_points,
    recommendations,
    scores_of,
)

DAYS = [date(2026, 11, 1) + timedelta(days=n) for n in range(20)]
WORSE = {Verdict.EXPLAINED: Verdict.SUSPICIOUS, Verdict.SUSPICIOUS: Verdict.WRONG, Verdict.WRONG: Verdict.WRONG}
BELOW = {"volume_drought", "no_volume"}
"""Rules whose values are below their threshold; those of others are above it."""


@st.composite
def findings(draw: st.DrawFn) -> ScoredFinding:
    rule = draw(st.sampled_from(sorted(RULES)))
    times = draw(st.floats(1, 1e6))
    sign = draw(st.sampled_from([1, -1]))
    return ScoredFinding(
        rule, draw(st.sampled_from(list(Verdict))), sign * (0.2 / times if rule in BELOW else 0.2 * times), 0.2
    )


def all_scores(scores: Scores) -> tuple[float, ...]:
    return scores.price, scores.volume, scores.freshness, scores.overall


def not_better(worse: Scores, than: Scores) -> bool:
    return all(after <= before for after, before in zip(all_scores(worse), all_scores(than), strict=True))


@given(st.lists(findings(), max_size=5), findings(), st.sets(st.sampled_from(DAYS)), st.sampled_from(DAYS))
def test_a_worse_input_never_scores_better(
    given_findings: list[ScoredFinding], more: ScoredFinding, lacking: set[date], day: date
) -> None:
    missing = Missing.of(lacking, DAYS)
    before = scores_of(given_findings, missing)
    assert all(0 <= one <= 100 for one in all_scores(before))
    with_more = scores_of([*given_findings, more], missing)
    assert not_better(with_more, before), "one more finding"
    worse = replace(more, verdict=WORSE[more.verdict])
    assert not_better(scores_of([*given_findings, worse], missing), with_more), "a worse verdict"
    further = replace(more, value=more.value / 3 if more.rule in BELOW else more.value * 3)
    assert not_better(scores_of([*given_findings, further], missing), with_more), "a value further off"
    assert not_better(scores_of(given_findings, Missing.of({*lacking, day}, DAYS)), before), "one more missing session"


def test_the_scores_are_those_of_the_formula() -> None:
    assert all_scores(scores_of([], Missing())) == (100, 100, 100, 100)
    spike = ScoredFinding("volume_spike", Verdict.SUSPICIOUS, 20.0, 5.0)
    assert finding_points(spike) == pytest.approx(10 + 20 * 2 / 3), "twice doubled"
    found = scores_of([spike], Missing.of({DAYS[-1], DAYS[3]}, DAYS))
    assert all_scores(found) == pytest.approx((100, 76.666667, 80, (256.666667 / 3 + 76.666667) / 2))
    assert finding_points(replace(spike, value=0.0)) == 30, "nothing at all is as far off as can be"
    assert finding_points(replace(spike, verdict=Verdict.EXPLAINED)) == 0
    for rule in ("bar_order", "price_move", "no_volume"):
        broken = ScoredFinding(rule, Verdict.WRONG, 0.4, 0.4)
        assert all_scores(scores_of([broken], Missing()))[:3] == (0, 0, 100), "a row that is wrong is wrong in both"


def test_missing_sessions_count_and_more_so_in_a_row_up_to_the_reported_one() -> None:
    assert Missing.of(DAYS[-3:], DAYS) == Missing(3, 3)
    assert Missing.of([DAYS[-3], DAYS[-1]], DAYS) == Missing(2, 1)
    assert Missing.of([DAYS[0] - timedelta(days=1)], DAYS) == Missing(0, 0)
    assert Missing.of(DAYS, DAYS) == Missing(20, 20)


def test_recommendations_name_the_most_urgent_first() -> None:
    wrong = ScoredFinding("scale_break", Verdict.WRONG, 100.0, 10.0, "a decimal slip")
    odd = ScoredFinding("price_move", Verdict.SUSPICIOUS, 0.5, 0.2, "near 2:1", "a split", "GET /v3/reference/splits")
    explained = replace(odd, verdict=Verdict.EXPLAINED)
    said = recommendations([explained, odd, wrong], Missing(4, 4))
    assert [words.partition(":")[0] for words in said] == [
        "its bars are missing on 4 sessions in a row", "scale_break", "price_move",
    ]  # fmt: skip
    assert said[2].endswith("ask GET /v3/reference/splits")
    assert recommendations([explained], Missing()) == []
