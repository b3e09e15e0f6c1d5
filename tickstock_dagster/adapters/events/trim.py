"""How long entries stay in the streams: until the slowest live consumer group has read them, and never above the cap.

* Up to `KEEP_ENTRIES` nothing is trimmed.
* Above that, entries that every *live* group has read and acknowledged are trimmed. A group is live while one of its
  consumers was seen within `LIVE`, or while it has none yet. Without any live group, entries stay until the cap.
* `MAX_ENTRIES` is the cap for all streams. The dispatcher waits for a group that is *reading* (seen within `READING`)
  and so far behind that it would lose entries if more were sent: events stay in the outbox, which has room. Any other
  group loses the oldest entries; that raises an alert, and a replay restores them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tickstock_dagster.adapters.events import stream_commands
from tickstock_dagster.adapters.events.stream import EventWriter
from tickstock_dagster.adapters.events.stream_commands import STREAM

KEEP_ENTRIES = 10_000
"""Entries that a stream keeps even when every group has read them, for people who look back."""

LIVE = timedelta(days=7)
"""A group that was not seen for so long no longer holds entries back."""

READING = timedelta(seconds=60)
"""The dispatcher waits for a group that was seen so recently."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A live group that lost entries of a stream. `read_until`: when the last entry that it has read was added, UTC."""

    stream: str
    group: str
    entries: int
    read_until: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the groups are behind the streams.

    Attributes:
        room: events that can be added now before the slowest reading group loses entries.
        slowest: that group and its stream, in words; None where no group is reading.
        losses: groups that have lost entries.
    """

    room: int
    slowest: str | None
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    stream: str
    name: str
    delivered: str
    lag: int | None
    pending: int
    oldest_pending: str | None
    seen: timedelta | None  # how long ago; None: it has no consumer

    @property
    def live(self) -> bool:
        return self.seen is None or self.seen < LIVE

    @property
    def reading(self) -> bool:
        return self.seen is not None and self.seen < READING

    @property
    def unfinished(self) -> str:
        """The first entry that the group may not have finished."""
        return self.oldest_pending or _after(self.delivered)


def trim(writer: EventWriter, channels: Iterable[str]) -> Standing:
    """Trim the streams of these channels, and that of all events, as far as no live group loses entries.

    Returns:
        How far the groups are behind now.

    Raises:
        redis.RedisError, OSError: the connection is lost.
    """
    streams = [STREAM, *sorted(set(channels))]
    lengths, groups = _look(writer, streams)
    by_stream: dict[str, list[_Group]] = {}
    for group in groups:
        if group.live:
            by_stream.setdefault(group.stream, []).append(group)
    writer.ask(
        [
            (b"XTRIM", stream, b"MINID", b"~", _first(live), b"LIMIT", lengths[stream] - KEEP_ENTRIES)
            for stream, live in by_stream.items()
            if lengths[stream] > KEEP_ENTRIES
        ]
    )
    slowest = max((group for group in groups if group.reading), key=lambda group: _behind(group, lengths), default=None)
    if slowest is None:
        return Standing(stream_commands.MAX_ENTRIES, None, _losses(writer, by_stream, lengths))
    behind = _behind(slowest, lengths)
    words = f"group {slowest.name} has {behind:,} unread entries of {slowest.stream}"
    return Standing(stream_commands.MAX_ENTRIES - behind, words, _losses(writer, by_stream, lengths))


def _look(writer: EventWriter, streams: list[str]) -> tuple[dict[str, int], list[_Group]]:
    """Lengths, and the groups. Empty where the server does not permit the question."""
    replies = writer.ask(
        [command for stream in streams for command in ((b"XLEN", stream), (b"XINFO", b"GROUPS", stream))]
    )
    lengths = {
        stream: length if isinstance(length, int) else 0 for stream, length in zip(streams, replies[::2], strict=True)
    }
    found = [
        (stream, _fields(group))
        for stream, groups in zip(streams, replies[1::2], strict=True)
        if not isinstance(groups, Exception)  # no such stream yet
        for group in groups
    ]
    details = writer.ask(
        [
            command
            for stream, group in found
            for command in ((b"XPENDING", stream, group["name"]), (b"XINFO", b"CONSUMERS", stream, group["name"]))
        ]
    )
    groups = []
    for (stream, group), pending, consumers in zip(found, details[::2], details[1::2], strict=True):
        if isinstance(pending, Exception) or isinstance(consumers, Exception):
            continue  # the group was removed just now
        idle = [int(_fields(consumer)["idle"]) for consumer in consumers]
        groups.append(
            _Group(
                stream,
                group["name"].decode(),
                group["last-delivered-id"].decode(),
                group.get("lag"),
                int(pending[0]),
                pending[1].decode() if pending[1] else None,
                timedelta(milliseconds=min(idle)) if idle else None,
            )
        )
    return lengths, groups


def _losses(writer: EventWriter, by_stream: dict[str, list[_Group]], lengths: dict[str, int]) -> tuple[Loss, ...]:
    suspects = [stream for stream, live in by_stream.items() if any(_may_have_lost(group, lengths) for group in live)]
    firsts = writer.ask([(b"XRANGE", stream, b"-", b"+", b"COUNT", 1) for stream in suspects])
    found = []
    for stream, first in zip(suspects, firsts, strict=True):
        oldest = first[0][0].decode() if first and not isinstance(first, Exception) else "0-0"
        for group in by_stream[stream]:
            unread = max(0, (group.lag or 0) - lengths[stream])
            unacknowledged = group.oldest_pending is not None and _number(group.oldest_pending) < _number(oldest)
            if unread or unacknowledged:
                moment = int(group.unfinished.partition("-")[0]) / 1000
                read_until = datetime.fromtimestamp(moment, UTC) if moment else None
                found.append(Loss(stream, group.name, unread or 1, read_until))
    return tuple(found)


def _may_have_lost(group: _Group, lengths: dict[str, int]) -> bool:
    return group.oldest_pending is not None or (group.lag or 0) > lengths[group.stream]


def _behind(group: _Group, lengths: dict[str, int]) -> int:
    """Entries not delivered to the group yet; servers before Redis 7 do not count them, so the stream's length."""
    return lengths[group.stream] if group.lag is None else min(group.lag, lengths[group.stream])


def _first(groups: list[_Group]) -> str:
    return min((group.unfinished for group in groups), key=_number)


def _number(entry_id: str) -> tuple[int, int]:
    time, _, sequence = entry_id.partition("-")
    return int(time), int(sequence or 0)


def _after(entry_id: str) -> str:
    time, sequence = _number(entry_id)
    return f"{time}-{sequence + 1}"


def _fields(reply: Any) -> dict[str, Any]:
    """A flat reply of names and values, as in protocol 2, as a dictionary."""
    if isinstance(reply, dict):
        return {name.decode(): value for name, value in reply.items()}
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2], strict=True)}
