"""Events on their way into Redis (or Valkey): what an event becomes there, and how a batch is sent and confirmed.

When something is sent, and what happens if that fails, is decided in `adapters.outbox`. Reading is done in
`adapters.event_tail`.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.core.events import has_alias, legacy_payload

STREAM = "tickstock.events"
"""Has every event; the stream with the name of a channel has that channel's."""

MAX_ENTRIES = 50_000
"""Newest entries kept per stream, approximately: Redis trims whole nodes. Older events are in the outbox."""

CONFIRM_SECONDS = 5.0
"""How long a confirmation from the append-only file is waited for; an `everysec` file gives it within a second."""

_ANSWER_SECONDS = 15.0
_CONNECT_SECONDS = 5.0

Command = tuple[bytes | str | int, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of the outbox, as it is sent. `event` is the envelope as JSON text."""

    position: int
    id: str
    channel: str
    subject: str
    event: str


class UnconfirmedError(Exception):
    """Redis took the events but did not confirm in time that they are in its append-only file."""


class EventWriter:
    """One connection over which batches are sent in turn, and confirmed together. Made by `open_writer`.

    It is the driver's plain connection and not a client: a client reconnects without a word, and a confirmation on
    another connection, or from a server that has restarted in between, would speak for none of what was sent before.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection  # the driver gives its methods no types
        self._can_confirm = self._fsyncs()

    def send(self, events: Sequence[StoredEvent]) -> None:
        """Send one batch, all or nothing and in order: one MULTI, one round trip.

        Raises:
            redis.ResponseError: Redis refused; the connection stays good.
            redis.RedisError, OSError: the connection is lost, and with it what was not confirmed.
        """
        *_, executed = self._ask(
            [("MULTI",), *(command for event in events for command in _commands(event)), ("EXEC",)]
        )
        for reply in executed:
            if isinstance(reply, Exception):
                raise reply

    def confirm(self) -> bool:
        """Wait until everything sent over this connection is in the append-only file.

        Returns:
            True when it is; False when the server cannot say so: Redis before 7.2, no append-only file, or one that
            is never forced to disk.

        Raises:
            UnconfirmedError: not within `CONFIRM_SECONDS`.
            redis.RedisError, OSError: the connection is lost, and with it what was not confirmed.
        """
        if not self._can_confirm:
            return False
        try:
            ((local, _replicas),) = self._ask([("WAITAOF", 1, 0, int(CONFIRM_SECONDS * 1000))])
        except redis.ResponseError:
            self._can_confirm = False
            return False
        if not local:
            raise UnconfirmedError(f"Redis did not confirm within {CONFIRM_SECONDS:.0f} s that the events are on disk")
        return True

    def _fsyncs(self) -> bool:
        """False if Redis leaves the file to the operating system: then WAITAOF would wait in vain, every time."""
        try:
            (reply,) = self._ask([("CONFIG", "GET", "appendfsync")])
        except redis.ResponseError:  # hosted servers often forbid CONFIG
            return True
        values = reply.values() if isinstance(reply, dict) else reply
        return b"no" not in values

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once and read every reply; then raise the first that is an error."""
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        replies: list[Any] = []
        refusals: list[redis.ResponseError] = []
        for _ in commands:
            try:
                replies.append(self._connection.read_response())
            except redis.ResponseError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return replies


@contextmanager
def open_writer(redis_url: str) -> Iterator[EventWriter]:
    """A connection for sending, closed at the end.

    Raises:
        ConfigurationError: not a Redis URL.
        redis.RedisError, OSError: Redis cannot be reached.
    """
    pool = redis_pool(redis_url)
    try:
        connection = pool.get_connection()
        try:
            yield EventWriter(connection)
        finally:
            pool.release(connection)
    finally:
        pool.disconnect()


def describe(error: Exception) -> str:
    """A driver's error in one line, fit for a log and for `outbox.last_error`: it has no URL and no password."""
    return f"Redis: {' '.join(str(error).split()) or type(error).__name__}"[:300]


def _commands(event: StoredEvent) -> Iterator[Command]:
    """What one event is in Redis: an entry in two streams, a message, and a message to the alias if it has one."""
    # As bytes: the driver packs them much faster, and packing is most of the work.
    channel, text = event.channel.encode(), event.event.encode()
    fields = (b"id", event.id.encode(), b"channel", channel, b"subject", event.subject.encode(), b"event", text)
    cap = b"%d" % MAX_ENTRIES
    for stream in (STREAM.encode(), channel):
        yield (b"XADD", stream, b"MAXLEN", b"~", cap, b"*", *fields)
    yield (b"PUBLISH", channel, text)
    if has_alias(event.channel) and (alias := legacy_payload(json.loads(text))):
        yield (b"PUBLISH", alias[0].encode(), json.dumps(alias[1]).encode())


def redis_pool(redis_url: str, **options: Any) -> redis.ConnectionPool:
    """Connections to a Redis URL, which never try again on their own.

    Raises:
        ConfigurationError: not a Redis URL; the value is not repeated, since it may hold a password.
    """
    try:
        return redis.ConnectionPool.from_url(
            redis_url,
            protocol=2,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            **options,
        )
    except ValueError:
        raise ConfigurationError("the Redis URL is not accepted: accepted is redis://:password@host:port/0") from None
