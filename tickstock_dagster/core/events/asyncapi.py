"""Generates `docs/asyncapi.yaml`, the channels as AsyncAPI 3.0, from the models. Only text is made here."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tickstock_dagster.core.events.envelope import EVENTS, SOURCE, EventData

_REFERENCE = "#/components/schemas/"
_PLAIN = re.compile(r"[A-Za-z_][\w.$-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_HEAD = """\
# Generated from the models in tickstock_dagster/core; do not edit. Regenerate it with
# `tickstock events asyncapi > docs/asyncapi.yaml`.
"""
_STREAM = "tickstock.events"


def asyncapi() -> dict[str, Any]:
    """The whole description, in JSON types."""
    schemas: dict[str, Any] = {"Envelope": _envelope()}
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    everything = {}
    for name, model in EVENTS.items():
        title = model.__name__
        schema = model.model_json_schema(mode="serialization", ref_template=_REFERENCE + "{model}")
        schemas |= {inner: _plain(found) for inner, found in schema.pop("$defs", {}).items()}
        schemas[title] = _plain(schema)
        messages[title] = _message(name, model)
        channels[_key(name)] = {
            "address": name,
            "description": f"{_first_line(model.__doc__)} A stream, and a pub/sub channel, of this name.",
            "messages": {title: _ref("messages", title)},
            "bindings": {"redis": {}},
        }
        everything[title] = _ref("messages", title)
        if model.alias:
            messages[f"{title}Alias"], schemas[f"{title}Alias"] = _alias(model)
            channels[_key(model.alias)] = {
                "address": model.alias,
                "description": f"The older name of {name}: pub/sub only, without an envelope, never replayed.",
                "messages": {f"{title}Alias": _ref("messages", f"{title}Alias")},
                "bindings": {"redis": {}},
            }
    channels[_key(_STREAM)] = {
        "address": _STREAM,
        "description": "The stream of all events. An entry has the fields id, channel, subject and event (the envelope "
        "as JSON text); a replayed entry also has replayed. Read it with a consumer group; drop ids you have seen.",
        "messages": everything,
        "bindings": {"redis": {}},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "TickStock data factory: notifications",
            "version": "1.0.0",
            "description": "Events about committed changes, at least once, in order per subject. docs/events.md "
            "describes how they arrive and what a consumer has to do.",
        },
        "defaultContentType": "application/json",
        "servers": {"redis": {"host": "localhost:6379", "protocol": "redis", "description": "TICKSTOCK_REDIS_URL"}},
        "channels": dict(sorted(channels.items())),
        "operations": {
            f"send_{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in sorted(channels)
        },
        "components": {"messages": dict(sorted(messages.items())), "schemas": dict(sorted(schemas.items()))},
    }


def asyncapi_yaml() -> str:
    """The whole of `docs/asyncapi.yaml`, with a newline at its end."""
    return _HEAD + "\n".join(_lines(asyncapi(), 0)) + "\n"


def _message(name: str, model: type[EventData]) -> dict[str, Any]:
    fixed = {"type": {"const": name}, "data": {"$ref": _REFERENCE + model.__name__}}
    return {
        "name": name,
        "title": model.__name__,
        "summary": _first_line(model.__doc__),
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [{"$ref": _REFERENCE + "Envelope"}, {"type": "object", "properties": fixed}]},
    }


def _alias(model: type[EventData]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Message and schema of an alias: the data itself, or the fields that `legacy` derives from it."""
    reference = {"$ref": _REFERENCE + model.__name__}
    message = {
        "name": model.alias,
        "title": f"{model.__name__}, older name",
        "summary": _first_line(model.legacy.__doc__) if "legacy" in vars(model) else "The data without an envelope.",
        "contentType": "application/json",
        "payload": {"$ref": f"{_REFERENCE}{model.__name__}Alias"},
    }
    if "legacy" not in vars(model):
        return message, {"allOf": [reference]}
    own = model.model_json_schema(mode="serialization", ref_template=_REFERENCE + "{model}")["properties"]
    fields = {field: _plain(own.get(field, {"type": "string"})) for field in model.legacy({}, "")}
    return message, {"type": "object", "required": list(fields), "properties": fields}


def _envelope() -> dict[str, Any]:
    text = {"type": "string"}
    fields = {
        "specversion": {"const": "1.0"},
        "id": text | {"format": "uuid", "description": "The same whenever the same change is published."},
        "source": {"const": SOURCE},
        "type": text | {"description": "The channel."},
        "subject": text | {"description": "What the event is about; order is kept among events of one subject."},
        "time": text | {"format": "date-time", "description": "When the change happened, UTC."},
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
    }
    return {
        "type": "object",
        "description": "CloudEvents 1.0. Fields may be added to data.",
        "required": list(fields),
        "properties": fields,
    }


def _plain(schema: Any) -> Any:
    """A schema without pydantic's generated titles, and open to the fields of later releases."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {}
    for name, value in schema.items():
        if name == "title" and isinstance(value, str):
            continue
        if name == "additionalProperties" and value is False:
            continue
        # Names below `properties` are fields, not keywords of the schema.
        kept[name] = {field: _plain(part) for field, part in value.items()} if name == "properties" else _plain(value)
    return kept


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _key(name: str) -> str:
    return name.replace(".", "_")


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _lines(value: Mapping[str, Any], depth: int) -> list[str]:
    """YAML in block style: plain names, and every text quoted as in JSON, which is valid YAML."""
    lines = []
    for name, part in value.items():
        plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
        lines += _entry(f"{'  ' * depth}{name if plain else json.dumps(name)}:", part, depth)
    return lines


def _entry(start: str, part: Any, depth: int) -> list[str]:
    if isinstance(part, Mapping) and part:
        return [start, *_lines(part, depth + 1)]
    if isinstance(part, list) and any(isinstance(item, Mapping) for item in part):
        lines = [start]
        for item in part:
            inner = _lines(item, depth + 2)
            lines += [f"{'  ' * (depth + 1)}- {inner[0].lstrip()}", *inner[1:]]
        return lines
    return [f"{start} {json.dumps(part, ensure_ascii=False)}"]
