"""Documents of equity types: what the published schema says is what is accepted, and each refusal names its field."""

import json
from pathlib import Path
from typing import Any

import pytest

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.judging.thresholds import in_force
from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.quality.type_documents import (
    changes_of_rules,
    document_of,
    document_of_text,
    document_schema,
)
from tickstock_dagster_tests.core.securities.test_equity_types import ETF

PUBLISHED = Path(__file__).parents[3] / "docs" / "equity_type.schema.json"


def test_the_published_schema_is_current() -> None:
    renew = "python -m tickstock_dagster.core.quality.type_documents > docs/equity_type.schema.json"
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == document_schema(), renew


def test_a_document_that_states_no_priority_has_level_three() -> None:
    document = document_of({name: value for name, value in ETF.items() if name != "priority"})
    assert (document.priority, document.priority.level) == (Priority.NORMAL, 3)


def test_overridden_thresholds_are_in_force_beside_the_defaults() -> None:
    document = document_of({**ETF, "quality": {"price_move": 0.5}})
    assert in_force(document.quality) == {**in_force({}), "price_move": 0.5}
    properties = document_schema()["properties"]["quality"]["properties"]
    assert {name: one["default"] for name, one in properties.items()} == in_force({})


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        ({"price_mov": 0.1}, "ETF.quality.price_mov '0.1' is not accepted: did you mean price_move?"),
        ({"price_move": 20}, "ETF.quality.price_move '20.0' is not accepted: a number from 0.01 to 10 (share of the"),
        ({"volume_drought": -0.1}, "ETF.quality.volume_drought '-0.1' is not accepted: a number from 0 to 1"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(quality: dict[str, float], words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        document_of({**ETF, "quality": quality})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "ETF: document '[1]' is not accepted: a JSON object"),
        ("{", "ETF: document '{' is not accepted: a JSON object (Expecting"),
        ('{"title": NaN}', "NaN is no finite number"),
        ("[" * 5000, "nested too deeply"),
        ('{"equity_type": "CS"}', "ETF.equity_type 'CS' is not accepted: ETF, or nothing"),
        ('{"title": "Funds"}', "ETF.update_frequency 'nothing' is not accepted"),
    ],
)
def test_a_text_that_is_no_document_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        document_of_text("ETF", text)
    assert words in str(caught.value)


def test_rules_on_the_command_line_are_changes() -> None:
    rules = (
        "processing_rules.validation_rules.aum_minimum=1e8",
        "processing_rules.validation_rules.volume_threshold=null",
        "priority=high",
    )
    assert changes_of_rules(rules) == {
        "processing_rules": {"validation_rules": {"aum_minimum": 1e8, "volume_threshold": None}},
        "priority": "high",
    }


@pytest.mark.parametrize(
    "rules", [["priority"], ["=1"], ["a..b=1"], ["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=1", "a=2"]]
)
def test_rules_that_say_nothing_or_contradict_each_other_are_refused(rules: list[str]) -> None:
    with pytest.raises(BadInputError, match="--rule"):
        changes_of_rules(rules)


@pytest.mark.parametrize("number", ["NaN", "nan", "Infinity", "-Infinity", "+inf"])
def test_a_number_that_is_not_finite_is_refused_for_that(number: str) -> None:
    with pytest.raises(BadInputError, match="a finite number"):
        changes_of_rules([f"quality.price_move={number}"])
    assert changes_of_rules(['title="NaN"']) == {"title": "NaN"}, "as a text it may stand"


def test_an_object_with_a_key_twice_is_refused_by_that_key() -> None:
    text = json.dumps({**ETF, "quality": {"price_move": 0.5}})
    twice = text.replace('"price_move": 0.5', '"price_move": 0.5, "price_move": 0.4')
    assert document_of_text("ETF", text).quality == {"price_move": 0.5}
    with pytest.raises(BadInputError, match='the key "price_move" is there twice'):
        document_of_text("ETF", twice)
    with pytest.raises(BadInputError, match=r'--rule .*the key "a" is there twice'):
        changes_of_rules(['quality={"a": 1, "a": 2}'])


def test_what_is_written_is_read_the_same() -> None:
    document: dict[str, Any] = {**ETF, "quality": {"volume_spike": 8.0}}
    assert document_of(document).to_json() == document
