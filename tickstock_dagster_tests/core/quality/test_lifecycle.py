"""What becomes of findings when their rules look again, and which of that is published."""

import itertools
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.quality.lifecycle import Finding, How, Key, State, Step, StoredFinding, standing, steps

FRI = date(2026, 11, 20)
MOVED = Finding(
    Key(1, FRI, "price_move"), "AAA", Verdict.SUSPICIOUS, Severity.WARN, "why", -0.5, 0.2, {"close": 5}, "a split"
)
SPLIT = replace(MOVED, verdict=Verdict.EXPLAINED, cause="a split of 2 for 1")
WRONG = replace(MOVED, verdict=Verdict.WRONG, cause="a decimal slip")
BAR, OTHER = {"close": 5.0}, {"close": 10.0}


def told(stored: StoredFinding | None, *judged: Finding) -> list[tuple[How, Verdict, bool]]:
    return [(step.how, step.finding.verdict, step.alerts) for step in steps([stored] if stored else [], judged)]


def test_a_finding_is_found_once_and_an_explained_one_alerts_nobody() -> None:
    assert told(None, MOVED) == [(How.FOUND, Verdict.SUSPICIOUS, True)]
    assert told(None, SPLIT) == [(How.FOUND, Verdict.EXPLAINED, False)]
    assert told(StoredFinding(MOVED, alerted_as=Verdict.SUSPICIOUS), replace(MOVED, ticker="BBB")) == []


def test_a_split_that_is_told_late_explains_what_was_suspicious_and_says_so_once() -> None:
    assert told(StoredFinding(MOVED, alerted_as=Verdict.SUSPICIOUS), SPLIT) == [(How.JUDGED, Verdict.EXPLAINED, True)]
    assert told(StoredFinding(SPLIT, alerted_as=Verdict.EXPLAINED), replace(SPLIT, value=-0.51)) == [
        (How.JUDGED, Verdict.EXPLAINED, False)
    ]
    assert told(StoredFinding(MOVED, alerted_as=Verdict.SUSPICIOUS), replace(MOVED, value=-0.6)) == [
        (How.JUDGED, Verdict.SUSPICIOUS, False)
    ], "other numbers, the same verdict"


def test_news_that_was_looked_up_once_stays_and_is_no_other_evidence() -> None:
    told_of = replace(MOVED, evidence={"close": 5, "news": [{"title": "a merger"}], "news_articles": 1})
    assert told(StoredFinding(told_of, alerted_as=Verdict.SUSPICIOUS), MOVED) == []
    [step] = steps([StoredFinding(told_of, alerted_as=Verdict.SUSPICIOUS)], [SPLIT])
    assert step.finding.evidence["news_articles"] == 1


def test_what_is_not_found_any_more_is_withdrawn_once_and_may_come_back() -> None:
    known = StoredFinding(MOVED, alerted_as=Verdict.SUSPICIOUS)
    [step] = steps([known], [])
    assert (step.how, step.finding.verdict, step.alerts) == (How.WITHDRAWN, Verdict.EXPLAINED, True)
    gone = StoredFinding(step.finding, withdrawn=True, alerted_as=Verdict.EXPLAINED)
    assert told(gone) == []
    assert told(gone, MOVED) == [(How.JUDGED, Verdict.SUSPICIOUS, True)]


def test_missing_bars_that_have_come_are_withdrawn_without_an_alert() -> None:
    stale = replace(MOVED, key=Key(1, FRI, "data_stale"))
    assert told(StoredFinding(stale, alerted_as=Verdict.SUSPICIOUS)) == [(How.WITHDRAWN, Verdict.EXPLAINED, False)]


def test_of_a_session_that_is_off_as_a_whole_one_finding_is_published_for_all() -> None:
    whole = [replace(MOVED, key=Key(one, FRI, "session_break"), ticker=f"T{9 - one}") for one in range(1, 6)]
    first = steps([], whole)
    assert [step.finding.ticker for step in first if step.alerts] == ["T4"], "the first by ticker"
    known = [StoredFinding(one.finding, alerted_as=Verdict.SUSPICIOUS if one.alerts else None) for one in first]
    again = [replace(one, evidence={"close": 6}) for one in whole]
    more = replace(whole[0], key=Key(6, FRI, "session_break"), ticker="T0")
    assert [step.how for step in steps(known, [*again, more]) if not step.alerts] == [How.JUDGED] * 5 + [How.FOUND]
    assert [step.finding.ticker for step in steps(known, []) if step.alerts] == ["T4"], "it is withdrawn for all"


@pytest.mark.parametrize("judged", [(), (MOVED,), (WRONG,)])
def test_a_decision_stands_while_the_bar_is_the_one_that_was_decided_on(judged: tuple[Finding, ...]) -> None:
    released = StoredFinding(SPLIT, State.RELEASED, decided_on=BAR, bar=BAR, alerted_as=Verdict.EXPLAINED)
    assert told(released, *judged) == []
    assert told(replace(released, bar=OTHER), WRONG) == [(How.REOPENED, Verdict.WRONG, True)]
    assert told(replace(released, bar=OTHER)) == [(How.WITHDRAWN, Verdict.EXPLAINED, False)]


def test_a_bar_that_is_set_aside_is_not_missed_by_its_rule() -> None:
    held = StoredFinding(WRONG, held=True, alerted_as=Verdict.WRONG)
    assert told(held) == []
    assert told(replace(held, bar=OTHER)) == [(How.WITHDRAWN, Verdict.EXPLAINED, True)], "another answer came"
    again = told(replace(held, bar=BAR), WRONG)
    assert again == [(How.JUDGED, Verdict.WRONG, False)], "it came back as wrong as before, and goes again"


def stored_after(stored: StoredFinding | None, step: Step) -> StoredFinding:
    before = stored.alerted_as if stored else None
    return StoredFinding(
        step.finding,
        withdrawn=step.how is How.WITHDRAWN,
        alerted_as=step.finding.verdict if step.alerts else before,
    )


@given(st.lists(st.sampled_from([None, MOVED, SPLIT, WRONG, replace(MOVED, value=-0.7)]), max_size=8))
def test_whatever_is_judged_again_changes_nothing_and_what_was_told_is_what_stands(
    looks: list[Finding | None],
) -> None:
    stored: StoredFinding | None = None
    events: list[Verdict] = []
    for judged in looks:
        found = [judged] if judged else []
        for step in steps([stored] if stored else [], found):
            events += [step.finding.verdict] if step.alerts else []
            stored = stored_after(stored, step)
        assert steps([stored] if stored else [], found) == []
        assert [one.verdict for one in standing([stored] if stored else [], found)] == [one.verdict for one in found]
        if stored and (events or stored.finding.verdict is not Verdict.EXPLAINED):
            assert events[-1] is stored.finding.verdict
    assert all(before is not after for before, after in itertools.pairwise(events))
    assert not events or events[0] is not Verdict.EXPLAINED
