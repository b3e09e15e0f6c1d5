"""How reliable a rule is, and the threshold that it proposes where people mostly release what it finds."""

from collections.abc import Sequence

import pytest

from tickstock_dagster.core.quality.reliability import Reliability


def rule(
    confirmed: Sequence[float], released: Sequence[float], threshold: float = 5.0, name: str = "volume_spike"
) -> Reliability:
    return Reliability(name, "CS", 100, 0, 100, 0, confirmed, released, threshold)


def test_without_a_decision_there_is_no_share_and_nothing_is_proposed() -> None:
    assert (rule([], []).share, rule([], []).proposed) == (None, None)


def test_a_rule_that_people_confirm_proposes_nothing_nor_does_one_with_few_decisions() -> None:
    assert (rule([6, 7, 8, 9], [6.5]).share, rule([6, 7, 8, 9], [6.5]).proposed) == (0.8, None)
    assert rule([], [6, 7, 8]).proposed is None


@pytest.mark.parametrize(
    ("name", "confirmed", "released", "threshold", "low", "high"),
    [
        ("volume_spike", [20, 30], [5.5, 6, 7, 8], 5.0, 8, 20),
        ("volume_spike", [], [5.5, 6, 7, 8, 9], 5.0, 9, 10),
        ("price_move", [-0.6, 0.7], [0.21, -0.25, 0.3, 0.22], 0.2, 0.3, 0.6),
        ("volume_drought", [0.01, 0.02], [0.19, 0.15, 0.1, 0.18], 0.2, 0.02, 0.1),
    ],
)
def test_the_proposed_threshold_parts_what_was_confirmed_from_what_was_released(
    name: str, confirmed: list[float], released: list[float], threshold: float, low: float, high: float
) -> None:
    proposed = rule(confirmed, released, threshold, name).proposed
    assert proposed is not None
    assert low < proposed < high


@pytest.mark.parametrize(
    ("name", "values", "threshold"),
    [
        ("price_move", [20.0] * 5, 0.2),  # a document accepts 10 at most
        ("frozen_close", [5.0] * 5, 1e-6),  # the threshold is a probability, the value a number of sessions
        ("copied_bar", [1.0] * 5, 1.0),  # has no threshold of its own
    ],
)
def test_what_a_document_would_refuse_is_not_proposed(name: str, values: list[float], threshold: float) -> None:
    assert rule([], values, threshold, name).proposed is None
