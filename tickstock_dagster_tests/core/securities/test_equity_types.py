"""Rules of equity types: what can be said is kept, what cannot is refused by its name."""

from typing import Any

import pytest

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.securities.equity_types import EquityType, UpdateFrequency

ETF: dict[str, Any] = {
    "equity_type": "ETF",
    "title": "Exchange-traded fund",
    "update_frequency": "realtime",
    "priority": "critical",
    "processing_rules": {
        "data_sources": ["massive", "fund_provider"],
        "validation_rules": {"aum_minimum": 5e7, "expense_ratio_max": 0.02},
        "enrichment": {"nav_calculation": True, "premium_discount": True, "sector_allocation": True},
    },
    "retry_config": {"max_retries": 3, "backoff_multiplier": 2},
    "performance_targets": {"processing_time_ms": 500, "success_rate": 99.5},
    "quality": {},
}


def test_the_four_priorities_are_one_enum_with_both_numbers() -> None:
    assert [(one.value, one.level, one.dagster_priority) for one in Priority] == [
        ("critical", 1, 10), ("high", 2, 5), ("normal", 3, 2), ("low", 4, 1)
    ]  # fmt: skip


def test_a_type_read_and_written_is_the_same() -> None:
    one = EquityType.from_json(ETF)
    assert (one.update_frequency, one.priority) == (UpdateFrequency.REALTIME, Priority.CRITICAL)
    assert one.processing_rules.validation_rules.volume_threshold is None
    assert one.to_json() == ETF
    assert EquityType.from_json(one.to_json()) == one


def test_a_change_is_merged_and_null_removes_a_threshold() -> None:
    one = EquityType.from_json(ETF)
    other = one.changed(
        {
            "priority": "low",
            "retry_config": {"max_retries": 5},
            "processing_rules": {"validation_rules": {"aum_minimum": None, "volume_threshold": 1_000}},
        }
    )
    assert other.priority is Priority.LOW
    assert (other.retry_config.max_retries, other.retry_config.backoff_multiplier) == (5, 2)
    assert other.to_json()["processing_rules"]["validation_rules"] == {
        "volume_threshold": 1_000,
        "expense_ratio_max": 0.02,
    }
    assert other.processing_rules.enrichment == one.processing_rules.enrichment
    assert one.changed({}) == one
    wild = one.changed({"quality": {"price_move": 0.3, "volume_spike": 9}})
    assert wild.changed({"quality": {"price_move": None}}).quality == {"volume_spike": 9}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"processing_rules": {"validation_rules": {"expense_ratio_max": 2.0}}},
            "expense_ratio_max '2.0' is not accepted: a fraction of assets, above 0 and up to 0.2; 2 % is 0.02",
        ),
        ({"processing_rules": {"validation_rules": {"aum_minimum": "much"}}}, "validation_rules.aum_minimum 'much'"),
        ({"processing_rules": {"validation_rules": {"aum_minimum": -1}}}, "validation_rules.aum_minimum '-1'"),
        (
            {"processing_rules": {"validation_rules": {"aum_minimun": 1}}},
            "aum_minimun '1' is not accepted: did you mean aum_minimum?",
        ),
        ({"processing_rules": {"data_sources": []}}, "ETF.processing_rules.data_sources '[]'"),
        ({"processing_rules": {"data_sources": ["polygon"]}}, "'massive' or 'fund_provider'"),
        ({"processing_rules": {"enrichment": {"nav_calculation": 1}}}, "enrichment.nav_calculation '1'"),
        ({"update_frequency": "hourly"}, "ETF.update_frequency 'hourly' is not accepted: Input should be 'realtime'"),
        ({"priority": 1}, "ETF.priority '1'"),
        ({"retry_config": {"max_retries": 21}}, "ETF.retry_config.max_retries '21'"),
        ({"retry_config": {"backoff_multiplier": 0.5}}, "ETF.retry_config.backoff_multiplier '0.5'"),
        ({"performance_targets": {"success_rate": 101}}, "per cent, above 0 and up to 100"),
        ({"performance_targets": None}, "ETF.performance_targets 'None'"),
        ({"colour": "red"}, "ETF.colour 'red'"),
        ({"title": " "}, "ETF.title ' ' is not accepted: the type in words, of printable characters"),
        ({"quality": {"price_move": "much"}}, "ETF.quality.price_move 'much'"),
        ({"quality": [0.2]}, "ETF.quality '[0.2]' is not accepted: an object of thresholds"),
        ({"equity_type": "CS"}, "ETF.equity_type 'CS' is not accepted: the code cannot change"),
    ],
)
def test_what_cannot_be_is_refused_with_field_value_and_what_is_accepted(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        EquityType.from_json(ETF).changed(change)
    assert words in str(caught.value)


def test_what_is_absent_is_named() -> None:
    with pytest.raises(BadInputError, match=r"ETF\.retry_config 'nothing' is not accepted"):
        EquityType.from_json({key: value for key, value in ETF.items() if key != "retry_config"})
