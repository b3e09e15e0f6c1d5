"""The form of an event in Redis (or Valkey): its entries and messages, and whether a refusal concerns the event.

Sending and confirming belong in `adapters.events.stream`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import redis

from tickstock_dagster.core.events.envelope import has_alias, legacy_payload

STREAM = "tickstock.events"
"""The stream of all events; the stream with the name of a channel has that channel's."""

MAX_ENTRIES = 50_000
"""Newest entries kept per stream at most, approximately: Redis trims whole nodes. Older events are in the outbox."""

Command = tuple[bytes | str | int, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of the outbox to send. `event` is the envelope as JSON text."""

    position: int
    id: str
    channel: str
    subject: str
    event: str


def concerns_event(error: redis.RedisError, command: Command) -> bool:
    """Whether a refusal is due to one event, or its channel's key, rather than to the state of the server."""
    if command[1] == STREAM.encode():
        return False  # where nothing can be sent, nothing is given up
    text = str(error)
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "command" not in text  # one key is forbidden to us; a forbidden command would refuse everything
    code = text.partition(" ")[0]
    # The driver leaves out ERR, which concerns the command; other codes (MISCONF, BUSY, …) concern the server.
    about_command = type(error) is redis.ResponseError and not code.isupper() and "unknown command" not in text
    return code == "WRONGTYPE" or about_command


def packed(command: Command) -> bytes:
    """A command in the protocol's form. The driver's packing takes twice as long, and packing is most of sending."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    return b"*%d\r\n%s" % (len(words), b"".join([b"$%d\r\n%s\r\n" % (len(word), word) for word in words]))


def fields(event: StoredEvent, replayed: str | None) -> Command:
    """An entry of a stream, field by field; `replayed` says when it was sent a second time."""
    entry: Command = (
        b"id", event.id.encode(), b"channel", event.channel.encode(),
        b"subject", event.subject.encode(), b"event", event.event.encode(),
    )  # fmt: skip
    return entry if replayed is None else (*entry, b"replayed", replayed.encode())


def commands(event: StoredEvent, replayed: str | None) -> Iterator[Command]:
    """One event in Redis: an entry in two streams, a message, and a message to the alias if it has one."""
    entry = fields(event, replayed)
    channel, cap = event.channel.encode(), b"%d" % MAX_ENTRIES
    for stream in (STREAM.encode(), channel):
        yield (b"XADD", stream, b"MAXLEN", b"~", cap, b"*", *entry)
    if replayed is not None:
        return  # a listener of a channel could not tell that it is old, and an alias has no id
    yield (b"PUBLISH", channel, event.event.encode())
    if has_alias(event.channel) and (alias := legacy_payload(json.loads(event.event))):
        yield (b"PUBLISH", alias[0].encode(), json.dumps(alias[1]).encode())


def sendable(
    events: Sequence[StoredEvent], closed: dict[str, str], max_bytes: int, refused: dict[int, str], held: set[str]
) -> list[StoredEvent]:
    """The events of a batch that may be sent; the others go into `refused`, or wait with their subject in `held`.

    Args:
        events: the batch, in the order of writing.
        closed: streams that take nothing now, with the reason.
        max_bytes: the longest event that a stream takes, in UTF-8.
        refused: gains the position of each event that is refused now, with the reason.
        held: subjects whose events wait behind a refused one; gains those of this batch.
    """
    ready = []
    for event in events:
        if event.subject in held:
            continue
        why = closed.get(event.channel)
        if 4 * len(event.event) > max_bytes and len(event.event.encode()) > max_bytes:
            why = f"the event is longer than the {max_bytes:,} bytes that it takes"
        if why is None:
            ready.append(event)
        else:
            refused[event.position] = why
            held.add(event.subject)
    return ready
