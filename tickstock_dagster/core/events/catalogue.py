"""Generates the event catalogue, `docs/events.md`, from the models. Only text is made here."""

import json
from datetime import UTC, date, datetime
from typing import Any

from tickstock_dagster.core.events.envelope import EVENTS, SOURCE, EodComplete, Event, EventData
from tickstock_dagster.core.markdown import markdown_table

_HEAD = f"""\
# Events

Generated from the models in `tickstock_dagster/core/events`; do not edit. Regenerate it with
`tickstock events catalogue > docs/events.md`.

## How they arrive

The transaction of a change also writes its event to the table `outbox`. So there is an event for every committed
change, and none for a change that was rolled back. A dispatcher then sends the events to Redis:

* to the stream `tickstock.events`, which has all of them, and to the stream named like the event's channel.
  Read a stream with a consumer group (`XREADGROUP`): what was sent while you were away is still there. An entry has
  the fields `id`, `channel`, `subject` and `event`, which is the envelope below as JSON.
* to the pub/sub channel of the same name (the message is the envelope as JSON), for clients that are listening.
* to the alias, where there is one: an unprefixed channel, pub/sub only, with the payload shown below and without an
  envelope. New consumers do not need it. A consumer that must not lose an event reads the stream.

**At least once.** The dispatcher marks an event as sent when Redis has accepted it and, where the server supports
`WAITAOF` (Redis 7.2, Valkey), has written it to the append-only file on disk. After a crash in between it sends the
event again: drop an event whose `id` you have seen. The first copies of a subject's events arrive in the order in
which they were written. Events of concurrent transactions have no defined order.

**Limits.** A stream keeps 10,000 entries. Beyond that it keeps entries that a consumer group seen in the last 7 days
has not acknowledged, up to 50,000 entries in all. While a group that is reading (seen in the last 60 s) is that far
behind, events wait in the outbox. Any other group loses the oldest entries above 50,000: the dispatcher logs it,
and `tickstock events status` shows an alert with the replay that brings them back. `outbox` keeps every event for 90
days after it was sent, and unsent events permanently. One Redis or Valkey with replicas is supported. Redis Cluster is
not supported, because a batch spans keys.

**Replay.** `tickstock events replay --since 2026-11-20 --to-stream mine` adds sent events to the stream `mine`, without
a cap; without `--to-stream` it adds them to their own streams again. Replayed entries keep their event ids and have the
further field `replayed` (when). A replay sends nothing to pub/sub channels and does not change the outbox.

**Dead letters.** Redis can refuse an event itself (the key of its stream is not a stream, the event is too long). After
five dispatches the event is a dead letter. Later events of its subject wait behind it, to keep their order; events of
other subjects pass. `tickstock events dead list` shows dead letters, `dead retry` sends them and what waits behind
them, `dead drop` skips them and releases what waits. When Redis is down or full, or refuses the stream
`tickstock.events`, that is an outage: all events wait, and none becomes a dead letter.

## How to run the dispatcher

An event is in Redis within 5 s of its commit:

| written by | sent by |
|---|---|
| a command (`tickstock load`, …) | itself: meanwhile, and at its end, also after an error or Ctrl-C |
| a Dagster run | itself, at its end, also when it fails; meanwhile the service below |
| a SQL function, or a statement in `psql` | the service below |

The service is one process:

```sh
tickstock events dispatch --follow
```

<!--
slow: tickstock dev
slow: dagster dev
-->

`tickstock dev` runs it beside Dagster, and `docker-compose.yml` as the service `events`. Where neither is at work, as
with plain `dagster dev`, run it yourself; `outbox_sensor` sends what is left every 30 s. Where nothing runs at all,
what a SQL function writes waits until one of these starts, or for `tickstock events dispatch`. A command that cannot
reach Redis says so in one line, and succeeds: its events wait likewise.

The service listens for commits (PostgreSQL NOTIFY), polls every 5 s, and survives restarts of both servers. On SIGTERM
it finishes the events under way and exits. A second dispatcher, or a run that sends at its end, does no harm: one
sends, the other waits. As a systemd unit:

```ini
[Service]
Environment=TICKSTOCK_DATABASE_URL=postgresql://… TICKSTOCK_REDIS_URL=redis://…
ExecStart=/opt/tickstock/bin/tickstock events dispatch --follow
Restart=always
KillSignal=SIGTERM
```

## How to write a consumer

Begin with `examples/tickstock_app.py`: it reads with a group, takes over what a dead consumer left, processes each
event once although it may arrive twice, and may be killed at any time. `docs/asyncapi.yaml` describes the channels for
tools.

## Envelope

[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in JSON. New fields may be
added to `data`: ignore those that you do not know.

| field | value |
|---|---|
| `specversion` | `1.0` |
| `id` | UUID, the same whenever the same change is published |
| `source` | `{SOURCE}` |
| `type` | the channel |
| `subject` | what the event is about; see each event |
| `time` | when the change happened, RFC 3339, UTC |
| `datacontenttype` | `application/json` |
| `data` | see each event; every field is present |
"""

_EXAMPLE = Event.of(
    EodComplete(
        session=date(2026, 11, 20),
        market="XNYS",
        expected=505,
        stored=502,
        explained=2,
        missing=1,
        gaps_by_reason={"no_trade": 2, "vendor_late": 1},
        run_id="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        started_at=datetime(2026, 11, 20, 21, 30, tzinfo=UTC),
        finished_at=datetime(2026, 11, 20, 21, 30, 12, 345678, tzinfo=UTC),
    ),
    time=datetime(2026, 11, 20, 21, 30, 12, 345678, tzinfo=UTC),
    dedupe_key="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
)


def event_catalogue() -> str:
    """The whole of `docs/events.md`, with a newline at its end."""
    channels = [(f"`{name}`", _code(model.alias), _summary(model)) for name, model in EVENTS.items()]
    overview = ["## Channels", "", markdown_table(["channel", "alias", "reports"], channels)]
    example = f"```json\n{json.dumps(_EXAMPLE.envelope(), indent=2)}\n```\n"
    sections = [_HEAD, example, "\n".join(overview) + "\n", *(_section(model) for model in EVENTS.values())]
    return "\n".join(sections)


def _section(model: type[EventData]) -> str:
    schema = model.model_json_schema(mode="serialization")
    lines = [f"## `{model.channel}`", "", _summary(model), "", f"Subject: {_first_line(model.subject.__doc__)}"]
    if model.alias:
        payload = _first_line(model.legacy.__doc__) if "legacy" in vars(model) else "the `data` below."
        lines[-1] += "  "  # a line break
        lines.append(f"Alias: `{model.alias}`, {payload}")
    fields = [(f"`{name}`", _type(field), field.get("description")) for name, field in schema["properties"].items()]
    lines += ["", markdown_table(["field of `data`", "type", "meaning"], fields)]
    return "\n".join(lines) + "\n"


def _summary(model: type[EventData]) -> str:
    return _first_line(model.__doc__)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _type(field: dict[str, Any]) -> str:
    """A field's JSON type in words, for the table."""
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = str(field["type"])
    if kind == "object" and field.get("additionalProperties", {}).get("type"):
        return f"object of {_type(field['additionalProperties'])}"
    return f"{kind}, {field['format']}" if "format" in field else kind
