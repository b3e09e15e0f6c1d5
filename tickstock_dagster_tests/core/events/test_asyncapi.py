"""The AsyncAPI description: complete, whole in its references, and the committed one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tickstock_dagster.core.events.asyncapi import asyncapi, asyncapi_yaml
from tickstock_dagster.core.events.envelope import EVENTS, EventData
from tickstock_dagster.settings import PROJECT_ROOT

DOCUMENT = asyncapi()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    assert reference.startswith("#/")
    for name in reference[2:].split("/"):
        found = found[name]
    return found


def test_the_committed_description_is_the_generated_one() -> None:
    committed = (PROJECT_ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    assert committed == asyncapi_yaml(), "renew it: tickstock events asyncapi > docs/asyncapi.yaml"


def test_what_is_written_as_yaml_is_what_was_meant() -> None:
    assert yaml.safe_load(asyncapi_yaml()) == DOCUMENT


def test_it_has_the_parts_that_asyncapi_3_asks_for_and_no_unknown_ones() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    allowed = {"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"}
    assert DOCUMENT.keys() <= allowed
    assert all({"host", "protocol"} <= server.keys() for server in DOCUMENT["servers"].values())
    assert DOCUMENT["components"].keys() <= {"messages", "schemas"}
    for channel in DOCUMENT["channels"].values():
        assert channel.keys() <= {"address", "title", "summary", "description", "messages", "bindings"}
        assert channel["messages"]
        assert all(message.keys() == {"$ref"} for message in channel["messages"].values())
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] == "send"
        assert resolve(operation["channel"]["$ref"]) in DOCUMENT["channels"].values()
    for message in DOCUMENT["components"]["messages"].values():
        assert {"name", "title", "summary", "contentType", "payload"} == message.keys()


def test_names_of_components_are_of_the_letters_that_asyncapi_allows() -> None:
    allowed = re.compile(r"[A-Za-z0-9._-]+")
    for kind in DOCUMENT["components"].values():
        assert all(allowed.fullmatch(name) for name in kind)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(EVENTS)
    for reference in found:
        assert isinstance(resolve(reference), dict)


def test_every_schema_is_of_words_that_json_schema_draft_7_knows() -> None:
    known = {
        "$ref", "allOf", "anyOf", "oneOf", "type", "format", "enum", "const", "description", "default", "properties",
        "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern", "uniqueItems", "readOnly", "propertyNames",
        "examples", "not",
    }  # fmt: skip

    def check(schema: Any) -> None:
        if not isinstance(schema, dict):
            return
        assert schema.keys() <= known
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                check(part)
        for word in ("items", "additionalProperties", "propertyNames"):
            check(schema.get(word))
        for part in schema.get("properties", {}).values():
            check(part)

    for schema in DOCUMENT["components"]["schemas"].values():
        check(schema)


@pytest.mark.parametrize("model", EVENTS.values(), ids=list(EVENTS))
def test_every_channel_and_alias_is_described_with_all_its_fields(model: type[EventData]) -> None:
    addresses = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    (reference,) = addresses[model.channel]["messages"].values()
    payload = resolve(reference["$ref"])["payload"]
    assert payload["allOf"][1]["properties"]["type"] == {"const": model.channel}
    data = resolve(payload["allOf"][1]["properties"]["data"]["$ref"])
    assert data["properties"].keys() == {*model.model_fields, *model.model_computed_fields}
    assert reference in addresses["tickstock.events"]["messages"].values()
    assert model.alias is None or model.alias in addresses


def test_the_alias_of_progress_has_the_documents_three_fields() -> None:
    schema = DOCUMENT["components"]["schemas"]["JobProgressAlias"]
    assert list(schema["properties"]) == schema["required"] == ["job_id", "symbol", "progress"]
