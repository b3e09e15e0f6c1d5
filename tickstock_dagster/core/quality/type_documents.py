"""The document of an equity type: the whole of its rules as JSON, valid or refused, and the JSON Schema that says how.

`core.securities.equity_types` has the model, `core.judging.thresholds` the numbers that `quality` may override; a
document is valid only when both accept it. Versions in the store belong in `adapters.securities.equity_type_store`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.judging.thresholds import THRESHOLDS, check_overrides
from tickstock_dagster.core.securities.equity_types import EquityType

SCHEMA_ID = "urn:tickstock:equity-type"


def document_of(values: Mapping[str, Any]) -> EquityType:
    """Read and check a whole document.

    Args:
        values: the document from JSON, as `document_schema` describes it.

    Raises:
        BadInputError: a field is unknown, absent or out of bounds; the message has its path, its value and what is
            accepted.
    """
    return checked(EquityType.from_json(values))


def checked(document: EquityType) -> EquityType:
    """The same document.

    Raises:
        BadInputError: it overrides a threshold that does not exist, or by a value that is not accepted.
    """
    check_overrides(document.quality, f"{document.equity_type}.quality")
    return document


def document_of_text(code: str, text: str) -> EquityType:
    """Read the document of a type from a JSON text, which need not repeat the code.

    Raises:
        BadInputError: it is no JSON object, says another code, or is not valid.
    """
    values = object_of_text(f"{code}: document", text)
    if values.get("equity_type", code) != code:
        raise BadInputError(f"{code}.equity_type", values["equity_type"], f"{code}, or nothing")
    return document_of({**values, "equity_type": code})


def object_of_text(field: str, text: str) -> dict[str, Any]:
    """A JSON object from its text.

    Raises:
        BadInputError: it is none; `field` names it.
    """
    try:
        values = _parsed(text)
    except (ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInputError(field, text[:40], f"a JSON object ({words})") from None
    if not isinstance(values, dict):
        raise BadInputError(field, text[:40], "a JSON object")
    return values


def changes_of_rules(rules: Sequence[str]) -> dict[str, Any]:
    """Changes from texts such as `processing_rules.validation_rules.aum_minimum=1e8`; values are JSON or plain text.

    Raises:
        BadInputError: a text has no path or no value, its value is a number that is not finite or an object with a key
            twice, or two of them contradict each other.
    """
    changes: dict[str, Any] = {}
    for rule in rules:
        path, mark, text = rule.partition("=")
        parts = path.strip().split(".")
        if not mark or not text.strip() or not all(parts):
            raise BadInputError("--rule", rule, "path=value, such as retry_config.max_retries=5")
        place = changes
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadInputError("--rule", rule, f"one value for {part}, or its parts")
            place = inner
        if parts[-1] in place:
            raise BadInputError("--rule", rule, f"{path.strip()} once")
        place[parts[-1]] = _value(rule, text.strip())
    return changes


def document_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a document; `document_of` accepts nothing that it refuses."""
    schema = EquityType.model_json_schema(mode="validation")
    schema["properties"]["quality"] = {
        "title": "Quality",
        "description": "Thresholds of the quality rules that differ from their defaults for this type.",
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "properties": {
            one.name: {
                "type": "number",
                "minimum": one.low,
                "maximum": one.high,
                "default": one.default,
                "description": f"{one.meaning} Unit: {one.unit}.",
            }
            for one in THRESHOLDS.values()
        },
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def _value(rule: str, text: str) -> Any:
    """The value of a rule: JSON, or the text itself."""
    if text.lstrip("+-").lower() in _NOT_FINITE:
        raise BadInputError("--rule", rule, f"a finite number: {text} is none")
    try:
        return _parsed(text)
    except _NotAcceptedError as error:
        raise BadInputError("--rule", rule, f"path=value ({error})") from None
    except (ValueError, RecursionError):
        return text


_NOT_FINITE = frozenset({"nan", "inf", "infinity"})


class _NotAcceptedError(ValueError):
    """What a JSON parser takes, and we do not."""


def _parsed(text: str) -> Any:
    """A JSON value of finite numbers and objects that have each key once."""
    return json.loads(text, parse_constant=_no_number, object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _NotAcceptedError(f"the key {json.dumps(key, ensure_ascii=False)} is there twice")
        found[key] = value
    return found


def _no_number(text: str) -> Any:
    raise _NotAcceptedError(f"{text} is no finite number")


if __name__ == "__main__":
    print(json.dumps(document_schema(), indent=2, ensure_ascii=False))
