"""Which events tell of findings: each its own, and one for a session that is off as a whole."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.quality.alerts import MOST_ALONE, finding_event, told_together
from tickstock_dagster.core.quality.lifecycle import Finding, How, Key, Step

FRI, NOW = date(2026, 11, 20), datetime(2026, 11, 21, tzinfo=UTC)


def steps(count: int, session: date = FRI, told: Verdict | None = None) -> list[Step]:
    """Falls of 0.201, 0.202, … of S0001, S0002, …"""
    found = [
        Finding(
            Key(number, session, "price_move"), f"S{number:04d}", Verdict.SUSPICIOUS, Severity.WARN, "why",
            0.2 + number / 1000, 0.2, {}, "a split",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    return [Step(one, told, How.JUDGED if told else How.FOUND, told) for one in found]


def test_findings_of_a_kind_are_told_together_from_fifty_one_on() -> None:
    assert [len(one) for one in told_together(steps(MOST_ALONE))] == [1] * MOST_ALONE
    [whole] = told_together(steps(MOST_ALONE + 1))
    assert len(whole) == MOST_ALONE + 1
    silent = [replace(one, told=Verdict.SUSPICIOUS) for one in steps(MOST_ALONE + 1)]
    assert told_together(silent) == []
    of_two = [*steps(MOST_ALONE), *steps(MOST_ALONE, date(2026, 11, 19)), *steps(MOST_ALONE, told=Verdict.WRONG)]
    assert len(told_together(of_two)) == 3 * MOST_ALONE, "other sessions and other verdicts are other kinds"


def test_of_a_session_that_is_off_as_a_whole_one_event_tells_however_few_it_has() -> None:
    whole = [
        replace(step, finding=replace(step.finding, key=replace(step.finding.key, rule="session_break")))
        for step in steps(3)
    ]
    [together] = told_together(whole)
    assert [step.finding.ticker for step in together] == ["S0003", "S0002", "S0001"]


def test_the_event_of_many_has_their_number_and_those_that_are_furthest_off() -> None:
    [(first, *others)] = told_together(steps(200))
    together = [step.finding for step in (first, *others)]
    event = finding_event(first.finding, None, market="XNYS", number=1, run_id=None, now=NOW, together=together)
    data = event.data.model_dump()
    assert (data["symbol"], data["findings"], data["value"]) == ("S0200", 200, pytest.approx(0.4))
    assert data["sample"] == tuple(f"S{number:04d}" for number in range(200, 190, -1))
    alone = finding_event(first.finding, None, market="XNYS", number=1, run_id=None, now=NOW)
    assert (alone.data.model_dump()["findings"], alone.data.model_dump()["sample"]) == (1, ())
    with pytest.raises(ValidationError, match="sample must begin with symbol"):
        type(event.data)(**data | {"sample": ("S0001",)})
