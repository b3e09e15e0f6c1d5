"""Events on their way into Redis (or Valkey): how a batch is sent and confirmed.

`adapters.events.stream_commands` gives events their form there; `adapters.events.outbox_drain` decides when to send and
what to do on a failure, `adapters.events.trim` how long entries stay; `adapters.events.tail` reads them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickstock_dagster.adapters.events.stream_commands import (
    STREAM,
    Command,
    StoredEvent,
    commands,
    concerns_event,
    fields,
    packed,
)
from tickstock_dagster.core.errors import ConfigurationError

CONFIRM_SECONDS = 5.0
"""How long to wait for a confirmation from the append-only file; with `everysec` it comes within a second."""

_ANSWER_SECONDS = 15.0
_CONNECT_SECONDS = 5.0
_COPIES = 4  # an event's text is in two entries and one or two messages
_DEFAULT_BULK, _DEFAULT_BUFFER = 512 * 2**20, 2**30  # Redis's own defaults
_BATCH_BYTES = 16 * 2**20


class UnconfirmedError(Exception):
    """Redis took the events but did not confirm in time that they are in its append-only file."""


class EventWriter:
    """One connection that sends batches in turn and confirms them together. Made by `open_writer`.

    It is the driver's plain connection and not a client: a client reconnects silently, and a confirmation on another
    connection, or from a server that has restarted in between, would not cover what was sent before.

    Attributes:
        max_bytes: the longest event that this server takes.
        batch_bytes: bytes of events per batch, at most; a longer event goes alone.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection  # the driver gives its methods no types
        fsync = self._configured(b"appendfsync")
        self._can_confirm = fsync != b"no"  # with fsync left to the operating system, WAITAOF would always time out
        bulk, buffer = self._configured(b"proto-max-bulk-len"), self._configured(b"client-query-buffer-limit")
        buffer_bytes = int(buffer or 0) or _DEFAULT_BUFFER
        # The server closes a connection that sends more, which would look like an outage.
        self.max_bytes = min(int(bulk or 0) or _DEFAULT_BULK, buffer_bytes // (_COPIES + 1))
        self.batch_bytes = min(_BATCH_BYTES, self.max_bytes)

    def refusals(self, events: Iterable[StoredEvent]) -> dict[str, str]:
        """Channels of `events` whose stream cannot be written to, and why; one question per channel.

        Checked before sending, since in a MULTI the stream of all events would take what the channel's refuses.

        Raises:
            redis.ResponseError: the key of the stream of all events is not a stream: no single event is to blame.
            redis.RedisError, OSError: the connection is lost.
        """
        keys = [STREAM, *sorted({event.channel for event in events})]
        kinds = self.ask([("TYPE", key) for key in keys])
        found = {
            key: f"WRONGTYPE: the key {key} is no stream, it is a {kind.decode()}"
            for key, kind in zip(keys, kinds, strict=True)
            if isinstance(kind, bytes) and kind not in (b"none", b"stream")
        }
        if STREAM in found:
            raise redis.ResponseError(found[STREAM])
        return found

    def send(self, events: Sequence[StoredEvent], *, replayed: str | None = None) -> dict[int, str]:
        """Send one batch, in order: one MULTI, one round trip.

        Args:
            events: what to send.
            replayed: for a replay, its time (ISO 8601): entries get it as a field, and nothing is published.

        Returns:
            Positions of the events that Redis refused for their own sake, and why. Redis took all others.

        Raises:
            redis.ResponseError: Redis refuses everything (it is full, read-only, …); the connection stays good.
            redis.RedisError, OSError: the connection is lost, and with it what was not confirmed.
        """
        owned = [(event, command) for event in events for command in commands(event, replayed)]
        return self._transact(owned)

    def send_to(self, stream: str, events: Sequence[StoredEvent], *, replayed: str) -> None:
        """Replay one batch into a stream of its own, uncapped: one MULTI, one round trip. Raises as `send` does."""
        key = stream.encode()
        refused = self._transact([(event, (b"XADD", key, b"*", *fields(event, replayed))) for event in events])
        for text in refused.values():
            raise redis.ResponseError(text)

    def _transact(self, owned: Sequence[tuple[StoredEvent, Command]]) -> dict[int, str]:
        if not owned:
            return {}
        replies = self.ask([("MULTI",), *(command for _, command in owned), ("EXEC",)])
        aborted = isinstance(replies[-1], Exception)
        refused: dict[int, str] = {}
        for (event, command), reply in zip(owned, replies[1:-1] if aborted else replies[-1], strict=True):
            if isinstance(reply, redis.RedisError):
                if not concerns_event(reply, command):
                    raise reply
                refused.setdefault(event.position, str(reply))
        if aborted:
            if not refused:
                raise replies[-1]
            # Nothing was done; the others pass without those that the server would not even queue.
            refused |= self._transact([pair for pair in owned if pair[0].position not in refused])
        return refused

    def confirm(self, seconds: float | None = None) -> bool | None:
        """Wait until everything sent over this connection is in the append-only file.

        Args:
            seconds: how long to wait; None: `CONFIRM_SECONDS`, after which it is an error.

        Returns:
            True when it is; None when it is not yet, after `seconds`; False when the server cannot confirm: Redis
            before 7.2, no append-only file, or one that is never forced to disk.

        Raises:
            UnconfirmedError: no confirmation within `CONFIRM_SECONDS`.
            redis.RedisError, OSError: the connection is lost, and with it what was not confirmed.
        """
        if not self._can_confirm:
            return False
        wait = CONFIRM_SECONDS if seconds is None else seconds
        (reply,) = self.ask([("WAITAOF", 1, 0, max(1, int(wait * 1000)))])
        if isinstance(reply, Exception):
            self._can_confirm = False
            return False
        if reply[0]:
            return True
        if seconds is None:
            raise UnconfirmedError(f"Redis did not confirm within {wait:.0f} s that the events are on disk")
        return None

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once and read every reply; a refused command's reply is the driver's exception."""
        if not commands:
            return []
        self._connection.send_packed_command([b"".join(map(packed, commands))], check_health=False)
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(self._connection.read_response())
            except redis.ConnectionError:
                raise
            except redis.ResponseError as error:
                replies.append(error)
        return replies

    def _configured(self, name: bytes) -> bytes | None:
        """A setting of the server; None if it does not disclose it, as hosted servers often do not."""
        (reply,) = self.ask([(b"CONFIG", b"GET", name)])
        if isinstance(reply, Exception) or not reply:
            return None
        value = next(iter(reply.values())) if isinstance(reply, dict) else reply[1]
        return bytes(value)


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


def batches(events: Sequence[StoredEvent], count: int, size: int) -> Iterator[Sequence[StoredEvent]]:
    """Cut events into runs of at most `count` events and about `size` bytes; a longer event goes alone."""
    start, held = 0, 0
    for place, event in enumerate(events):
        length = len(event.event)
        if place > start and (place - start == count or held + length > size):
            yield events[start:place]
            start, held = place, 0
        held += length
    if start < len(events):
        yield events[start:]


_ADVICE: tuple[tuple[type[Exception] | str, str], ...] = (
    (redis.exceptions.AuthenticationError, "check the login and the password in its URL"),
    ("NOAUTH", "check the login and the password in its URL"),
    (redis.exceptions.NoPermissionError, "give the login its rights"),
    (redis.exceptions.ReadOnlyError, "it is a replica: use the primary server"),
    (redis.exceptions.OutOfMemoryError, "it is full: raise its maxmemory, or remove what is not needed"),
    ("max number of clients", "close other clients, or raise its maxclients"),
    (redis.exceptions.BusyLoadingError, "it reads its data: try again in a moment"),
    ("MISCONF", "it cannot write to its disk: see its log"),
    ("NOREPLICAS", "too few of its replicas are there"),
)
"""What to do, by the driver's error or by what stands in it; the first that fits. The rest says all there is to say."""


def describe(error: Exception | str) -> str:
    """A driver's error in one line, fit for a log and for `outbox.last_error`: it has no URL and no password.

    Of what the server refuses for its own reasons it says what to do.
    """
    text = f"Redis: {' '.join(str(error).split()) or type(error).__name__}"[:300]
    for kind, advice in _ADVICE:
        if kind in text if isinstance(kind, str) else isinstance(error, kind):
            return f"{text} ({advice})"
    return text


def redis_pool(redis_url: str, **options: Any) -> redis.ConnectionPool:
    """Connections to a Redis URL, without retries of the driver's own.

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
