"""The control chart: what is steady stays inside, a slow decline and a fall do not."""

import numpy as np
import pytest

from tickstock_dagster.core.quality.control_chart import LEAST_SESSIONS, chart


def test_with_a_short_history_there_is_no_chart() -> None:
    assert chart("price", [99.0] * (LEAST_SESSIONS - 1), 0.0) is None


def test_a_score_that_keeps_its_level_does_not_degrade_and_one_that_falls_does() -> None:
    before = list(99 + np.random.default_rng(1).normal(0, 0.2, 30))
    steady, fallen = chart("price", before, 99.0), chart("price", before, 97.0)
    assert steady is not None
    assert fallen is not None
    assert (steady.degrades, fallen.degrades) == (False, True)
    assert steady.sessions == 20
    assert fallen.change == pytest.approx(-2.0, abs=0.3)


def test_a_slow_decline_is_seen_before_any_session_is_out_of_the_ordinary() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 32)
    scores = 99 + noise - np.array([0.0] * 20 + [0.15 * n for n in range(1, 13)])
    seen = next(n for n in range(20, 32) if (one := chart("price", list(scores[:n]), scores[n])) and one.degrades)
    alone = scores[seen] - scores[:20].mean()
    assert seen < 26
    assert alone > -10 * 0.1


def test_false_alarms_are_rare() -> None:
    scores = 99 + np.random.default_rng(3).normal(0, 0.2, 500)
    found = [chart("price", list(scores[:n]), scores[n]) for n in range(20, 500)]
    assert sum(one is not None and one.degrades for one in found) < 10
