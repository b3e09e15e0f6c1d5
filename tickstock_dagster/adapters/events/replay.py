"""Replay: adds events of the last 90 days to the streams again, from the outbox, for a consumer that missed them.

Entries keep the events' ids and have the further field `replayed`. A replay publishes nothing on channels, where a
listener could not tell old events from new ones, and changes nothing in the outbox. It leaves events that were not sent
yet to the dispatcher.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self

import redis

from tickstock_dagster.adapters.events.outbox import outbox_session
from tickstock_dagster.adapters.events.outbox_drain import BATCH
from tickstock_dagster.adapters.events.stream import EventWriter, batches, describe, open_writer
from tickstock_dagster.adapters.events.stream_commands import STREAM, StoredEvent
from tickstock_dagster.adapters.events.trim import trim
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import EVENTS, event_model

PART = 2_000
"""Events to read at once; before each part the streams are checked for room."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The events to replay: `since` ≤ time of the change < `until`; positions are those of the outbox."""

    since: datetime | None = None
    until: datetime | None = None
    from_position: int = 1
    channel: str | None = None

    @classmethod
    def of(
        cls,
        *,
        since: str | None = None,
        until: str | None = None,
        from_position: int | None = None,
        channel: str | None = None,
    ) -> Self:
        """A selection from what people write. A beginning is required: `since` or `from_position`.

        Args:
            since: ISO 8601, inclusive; UTC where it has no offset.
            until: ISO 8601, exclusive; UTC where it has no offset.
            from_position: first position in the outbox.
            channel: only this channel's events; None for all.

        Raises:
            BadInputError: no beginning is given, a moment is not ISO 8601, or there is no such channel.
        """
        if since is None and from_position is None:
            raise BadInputError("since", "", "a beginning: --since or --from-position")
        if channel is not None:
            event_model(channel)
        begin, end = _moment("since", since), _moment("until", until)
        if begin and end and end <= begin:
            raise BadInputError("until", until, f"a moment after {since}")
        return cls(begin, end, from_position or 1, channel)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay did. `next_position`: where to continue after an `error`."""

    sent: int
    total: int
    next_position: int
    error: str | None = None


def replay(
    database_url: str,
    redis_url: str,
    selection: Selection,
    now: datetime,
    *,
    to_stream: str | None = None,
    on_sent: Callable[[int, int], None] = lambda _done, _total: None,
) -> ReplayReport:
    """Add events to the streams again, in the order of writing.

    Args:
        database_url: the warehouse.
        redis_url: `redis://…`.
        selection: the events to replay.
        now: the value of the field `replayed`, with a time zone.
        to_stream: only into this stream, without a cap; None: into the events' own two streams.
        on_sent: called with the number of events done and their total.

    Returns:
        What was done; an outage of Redis on the way, or a stream without room, is the report's `error`.

    Raises:
        BadInputError: `to_stream` is the name of an event's own stream, or of a key that is not a stream.
        ServiceUnavailableError: the database or Redis cannot be reached.
        ConfigurationError: one of the URLs is not accepted.
    """
    if to_stream in (STREAM, *EVENTS):
        raise BadInputError(
            "to-stream", to_stream, "a stream of the replay's own; leave it out for the events' streams"
        )
    sent, values = 0, asdict(selection)
    with outbox_session(database_url) as database:
        total, last = database.execute(statement("events/replay_count"), values).fetchone() or (0, None)
        try:
            with open_writer(redis_url) as writer:
                _check(writer, to_stream)
                on_sent(0, max(total, 1))
                values |= {"last": last or 0, "limit": PART}
                while rows := database.execute(statement("events/replay_read"), values).fetchall():
                    events = [StoredEvent(*row) for row in rows]
                    if problem := _send(writer, events, to_stream, now.astimezone(UTC).isoformat()):
                        return ReplayReport(sent, total, events[0].position, problem)
                    sent += len(events)
                    values["from_position"] = events[-1].position + 1
                    on_sent(sent, total)
        except (redis.RedisError, OSError) as error:
            if not sent and not isinstance(error, redis.ResponseError):
                raise ServiceUnavailableError(describe(error)) from None
            return ReplayReport(sent, total, values["from_position"], describe(error))
    return ReplayReport(sent, total, (last or 0) + 1)


def _send(writer: EventWriter, events: list[StoredEvent], to_stream: str | None, replayed: str) -> str | None:
    """Send one part; returns why it cannot be sent, None where it was."""
    if to_stream is None:
        standing = trim(writer, {event.channel for event in events})
        if standing.room < len(events):
            return f"{standing.slowest}: it would lose entries if more were sent"
    for batch in batches(events, BATCH, writer.batch_bytes):
        if to_stream is None:
            refused = writer.send(batch, replayed=replayed)
            if refused:
                return describe(next(iter(refused.values())))
        else:
            writer.send_to(to_stream, batch, replayed=replayed)
    return None


def _check(writer: EventWriter, to_stream: str | None) -> None:
    if to_stream is None:
        return
    (kind,) = writer.ask([("TYPE", to_stream)])
    if kind not in (b"none", b"stream"):
        raise BadInputError("to-stream", to_stream, f"a new name or a stream; this key is a {kind.decode()}")


def _moment(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar, another zone is outside of it
        raise BadInputError(field, text, "a moment such as 2026-11-20 or 2026-11-20T21:00:00+00:00") from None
