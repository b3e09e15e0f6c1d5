"""How reliable a rule is, and the threshold that it proposes where people mostly release what it finds."""

from collections.abc import Sequence

import pytest

from tickstock_dagster.core.quality.reliability import Reliability


def rule(confirmed: Sequence[float], released: Sequence[float], threshold: float = 5.0) -> Reliability:
    return Reliability("volume_spike", "CS", 100, 0, 100, 0, confirmed, released, threshold)


def test_without_a_decision_there_is_no_share_and_nothing_is_proposed() -> None:
    assert (rule([], []).share, rule([], []).proposed) == (None, None)


def test_a_rule_that_people_confirm_proposes_nothing_nor_does_one_with_few_decisions() -> None:
    assert (rule([6, 7, 8, 9], [6.5]).share, rule([6, 7, 8, 9], [6.5]).proposed) == (0.8, None)
    assert rule([], [6, 7, 8]).proposed is None


@pytest.mark.parametrize(
    ("confirmed", "released", "threshold", "low", "high"),
    [
        ([20, 30], [5.5, 6, 7, 8], 5.0, 8, 20),
        ([], [5.5, 6, 7, 8, 9], 5.0, 9, 10),
        ([-0.6, 0.7], [0.21, -0.25, 0.3, 0.22], 0.2, 0.3, 0.6),
        ([0.01, 0.02], [0.19, 0.15, 0.1, 0.18], 0.2, 0.02, 0.1),
    ],
)
def test_the_proposed_threshold_parts_what_was_confirmed_from_what_was_released(
    confirmed: list[float], released: list[float], threshold: float, low: float, high: float
) -> None:
    proposed = rule(confirmed, released, threshold).proposed
    assert proposed is not None
    assert low < proposed < high
