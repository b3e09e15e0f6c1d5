"""The event catalogue, `docs/events.md`, made from the models of `core.events.data`. Only text is made here."""

import json
from datetime import UTC, date, datetime
from typing import Any

from tickstock_dagster.core.events.envelope import EVENTS, SOURCE, EodComplete, Event, EventData
from tickstock_dagster.core.markdown import markdown_table

_HEAD = f"""\
# Events

Generated from the models in `tickstock_dagster/core/events/data.py`; do not edit. Renew it with
`tickstock events catalogue > docs/events.md`.

## How they arrive

Every event is written to the table `outbox` in the transaction of the change that it tells of. So there is an event
for every committed change, and none for a change that was rolled back. A dispatcher then moves events to Redis:

* to the stream `tickstock.events`, which has all of them, and to the stream with the name of the event's channel.
  Read a stream with a consumer group (`XREADGROUP`): what was sent while you were away is still there. An entry has
  the fields `id`, `channel`, `subject` and `event`, which is the envelope below as JSON.
* to the pub/sub channel of the same name (the message is the envelope as JSON), for those who are listening then.
* to the alias, where there is one: an unprefixed channel, pub/sub only, with the payload shown below and without an
  envelope. A new consumer has no need of it, and whoever must not lose an event reads the stream.

**At least once.** An event is marked as sent when Redis has taken it and, where the server can say so (`WAITAOF`:
Redis 7.2, Valkey), when it is in the append-only file on disk. After a crash in between it is sent again: drop an
event whose `id` you have seen. The first copies of a subject's events come in the order in which they were written.
Events of two transactions that ran at the same time have no order of their own.

**Limits.** A stream keeps 10,000 entries and, above that, what a consumer group has not acknowledged that was seen in
the last 7 days; 50,000 entries at most. While a group is reading (seen in the last 60 s) and has so much before it,
events wait in the outbox. A group that is away loses the oldest entries above 50,000: that is logged, and
`tickstock events status` shows an alert with the replay that brings them back. `outbox` keeps every event for 90 days
after it was sent, and an unsent one for ever. One Redis or Valkey with replicas is supported, Redis Cluster is not: a
batch spans keys.

**Replay.** `tickstock events replay --since 2026-11-20 --to-stream mine` adds events that were sent to the stream
`mine`, without a cap, or without `--to-stream` to their own streams again. Entries have the ids of old and the further
field `replayed` (when). Nothing is published, and the outbox does not change.

**Dead letters.** An event that Redis refuses for what it is (the key of its stream is no stream, it is too long) is
tried by five dispatches and then given up. The later events of its subject wait behind it, so that order is kept, and
those of all other subjects pass. `tickstock events dead list` shows them, `dead retry` sends them and what waits behind
them, `dead drop` lets the others go without them. Redis being away or full, or the stream `tickstock.events` being
refused, is an outage: everything waits, and nothing is given up.

## How to run the dispatcher

Runs send what they wrote, and a sensor sends what was left over. Where seconds matter, run it as a service as well:

```sh
tickstock events dispatch --follow
```

It listens for commits (PostgreSQL NOTIFY), looks itself every 5 s, and outlives restarts of both servers. SIGTERM ends
it after the events under way. A second one, or a run that sends at its end, does no harm: one sends, the other waits.
As a systemd unit:

```ini
[Service]
Environment=TICKSTOCK_DATABASE_URL=postgresql://… TICKSTOCK_REDIS_URL=redis://…
ExecStart=/opt/tickstock/bin/tickstock events dispatch --follow
Restart=always
KillSignal=SIGTERM
```

## How to write a consumer

Begin with `examples/tickstock_app.py`: it reads with a group, takes over what a dead consumer left, does each event
once although it may come twice, and may be killed at any time. `docs/asyncapi.yaml` has the channels for machines.

## Envelope

[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in JSON. New fields may be
added to `data`: ignore those that you do not know.

| field | value |
|---|---|
| `specversion` | `1.0` |
| `id` | UUID, the same whenever the same change is told |
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
    overview = ["## Channels", "", markdown_table(["channel", "alias", "tells"], channels)]
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
    """A field's JSON type in words a reader of a table understands."""
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = str(field["type"])
    if kind == "object" and field.get("additionalProperties", {}).get("type"):
        return f"object of {_type(field['additionalProperties'])}"
    return f"{kind}, {field['format']}" if "format" in field else kind
