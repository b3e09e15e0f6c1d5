"""Following the streams of events: for people who watch, and as the simplest of consumers.

A consumer that must not miss anything while it is not running reads with a consumer group, as `docs/events.md` says.
"""

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis

from tickstock_dagster.adapters.events.stream import describe, redis_pool
from tickstock_dagster.adapters.events.stream_commands import STREAM
from tickstock_dagster.core.errors import BadInputError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import event_model

logger = logging.getLogger(__name__)

_BLOCK_SECONDS = 1.0
_ENTRY_ID = re.compile(r"\$|\d+(-\d+)?")


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One entry of a stream. `entry_id` is Redis's, `id` the event's: the same event may be in two entries."""

    entry_id: str
    id: str
    channel: str
    subject: str
    envelope: dict[str, Any]


def tail(
    redis_url: str,
    *,
    channel: str | None = None,
    start: str = "$",
    timeout: float | None = None,
) -> Iterator[StreamEntry]:
    """Follow the stream of all events, or of one channel, through restarts of Redis.

    Args:
        redis_url: `redis://…`.
        channel: only this channel's events, from its own stream; None for all.
        start: `$` for what comes from now on, `0` for all that the stream has, or an entry id to continue after.
        timeout: end after so many seconds; None to follow without end.

    Raises:
        BadInputError: there is no such channel, or `start` is not one of these.
        ConfigurationError: not a Redis URL.
        ServiceUnavailableError: Redis cannot be reached at the start, or refuses.
    """
    if channel is not None:
        event_model(channel)
    if not _ENTRY_ID.fullmatch(start):
        raise BadInputError("start", start, "$, 0 or an entry id such as 1795361967710-0")
    return _follow(redis_pool(redis_url, decode_responses=True), channel or STREAM, start, timeout)


def _follow(pool: redis.ConnectionPool, stream: str, start: str, timeout: float | None) -> Iterator[StreamEntry]:
    deadline = None if timeout is None else time.monotonic() + timeout
    client = redis.Redis(connection_pool=pool)
    away = False
    try:
        # Read in any case, to fail at once if Redis cannot be reached. `$` becomes an id, since repeated after an
        # interruption it would skip what came in the meantime.
        newest = _newest(client, stream)
        last = newest if start == "$" else start
        while deadline is None or time.monotonic() < deadline:
            left = _BLOCK_SECONDS if deadline is None else min(_BLOCK_SECONDS, deadline - time.monotonic())
            try:
                reply: Any = client.xread({stream: last}, count=100, block=max(1, int(left * 1000)))
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if not away:
                    logger.warning("%s; trying again until it is back", describe(error))
                away = True
                time.sleep(min(0.5, max(0.0, left)))
                continue
            except redis.RedisError as error:
                raise ServiceUnavailableError(describe(error)) from None
            if away:
                logger.warning("Redis is back")
            away = False
            for entry_id, fields in (entry for _, entries in reply or () for entry in entries):
                last = entry_id
                if entry := _entry(entry_id, fields):
                    yield entry
    finally:
        pool.disconnect()


def _newest(client: redis.Redis, stream: str) -> str:
    try:
        newest: Any = client.xrevrange(stream, count=1)
    except (redis.RedisError, OSError) as error:
        raise ServiceUnavailableError(describe(error)) from None
    return str(newest[0][0]) if newest else "0"


def _entry(entry_id: str, fields: dict[str, str]) -> StreamEntry | None:
    try:
        envelope = json.loads(fields["event"])
        return StreamEntry(entry_id, fields["id"], fields["channel"], fields["subject"], envelope)
    except (KeyError, ValueError):
        logger.warning("entry %s is not an event of this factory: skipped", entry_id)
        return None
