"""The work of one dispatcher: rounds of reading from the outbox, sending, confirming and marking.

`adapters.events.outbox` makes sure that there is only one dispatcher at a time.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import psycopg
import redis

from tickstock_dagster.adapters.events import stream as event_stream
from tickstock_dagster.adapters.events.stream import (
    EventWriter,
    UnconfirmedError,
    batches,
    describe,
    open_writer,
)
from tickstock_dagster.adapters.events.stream_commands import StoredEvent, sendable
from tickstock_dagster.adapters.events.trim import Standing, trim
from tickstock_dagster.adapters.postgres.sql_files import statement

logger = logging.getLogger(__name__)

BATCH = 100
"""Events per MULTI: what consumers get at once, and what fails together."""

ROUND = 20_000
"""Events per confirmation: about what can be sent in the second that a server may take to confirm. After a crash before
the confirmation, the round's events are sent a second time. A round takes some 40 MB of memory."""

DEAD_AFTER = 5
"""Refusals of one event after which it is given up until somebody releases it. An outage of Redis is no refusal."""

_SLICE = 0.05  # seconds to wait for a confirmation before sending what was committed in the meantime


class OutboxDrain:
    """Sends round after round while it has the lock.

    Attributes:
        sent: events sent and marked.
        confirmed: whether Redis has confirmed that all of them are in its append-only file.
        refused: events that Redis refused for their own sake.
        waits_for: the consumer group, in words, for which sending has stopped until it has read on.
    """

    def __init__(
        self, database: psycopg.Connection[Any], redis_url: str, clock: Callable[[], datetime], round_size: int
    ) -> None:
        """Nothing is sent yet.

        Args:
            database: a session in autocommit that holds the dispatcher's lock while `run` runs.
            redis_url: `redis://…`.
            clock: gives `sent_at`, with a time zone.
            round_size: events per confirmation.
        """
        self._database = database
        self._redis_url = redis_url
        self._clock = clock
        self._round_size = round_size
        self._in_flight: list[StoredEvent] = []
        self._refused: list[int] = []
        self._refusal: str | None = None
        self.sent = 0
        self.confirmed = True
        self.waits_for: str | None = None

    @property
    def refused(self) -> int:
        """Events that Redis refused for their own sake."""
        return len(self._refused)

    def run(self, limit: int | None, on_sent: Callable[[int], object] | None) -> str | None:
        """Send until nothing is left or `limit` events are sent in all.

        Returns:
            Why it stopped early, or else why Redis refused an event; None where neither happened.
        """
        self.waits_for = None
        with ExitStack() as stack:
            writer: EventWriter | None = None
            channels: set[str] = set()
            unconfirmed_since = 0.0
            while limit is None or self.sent < limit:
                events = self._unsent(limit)
                if events:
                    try:
                        writer = writer or stack.enter_context(open_writer(self._redis_url))
                        events = events[: self._room(trim(writer, {event.channel for event in events}), len(events))]
                    except (redis.RedisError, OSError) as error:
                        return self._failed((self._in_flight + events)[:BATCH], error)
                if not events and not self._in_flight:
                    break
                assert writer is not None  # noqa: S101  # a writer sent the events in flight
                channels |= {event.channel for event in events}
                if events:
                    unconfirmed_since = time.monotonic()
                    if error_text := self._send(writer, events):
                        return error_text
                if error_text := self._confirm(writer, unconfirmed_since, limit, on_sent):
                    return error_text
            if writer is not None:
                self._look_back(writer, channels)
        return self._refusal

    def _room(self, standing: Standing, wanted: int) -> int:
        """How many of the wanted events can be sent now."""
        self._report_losses(standing)
        if standing.room >= min(BATCH, wanted):
            self.waits_for = None
            return standing.room
        self.waits_for = standing.slowest
        return 0

    def _send(self, writer: EventWriter, events: Sequence[StoredEvent]) -> str | None:
        """Send one round in batches. What Redis took is in flight afterwards, even if the round ends early."""
        refused: dict[int, str] = {}
        held: set[str] = set()  # subjects with a refused event: their later events must not overtake it
        begun: Sequence[StoredEvent] = ()
        failure: Exception | None = None
        try:
            begun = events[:BATCH]
            closed = writer.refusals(events)
            for begun in batches(events, BATCH, writer.batch_bytes):
                ready = sendable(begun, closed, writer.max_bytes, refused, held)
                for position, why in writer.send(ready).items():
                    refused.setdefault(position, why)
                for event in ready:
                    if event.position in refused:
                        held.add(event.subject)
                    elif event.subject not in held:  # else it goes out again, under its id, after the refused one
                        self._in_flight.append(event)
        except redis.ResponseError as error:
            failure = error  # Redis took the batches before it, and can still confirm them
        except (redis.RedisError, OSError) as error:
            self._record(refused)
            return self._failed([*self._in_flight, *begun], error)
        self._record(refused)
        if failure is None:
            return None
        taken = {event.position for event in self._in_flight}
        left = [event for event in begun if event.position not in taken | refused.keys()]
        return self._confirm(writer, time.monotonic(), len(taken), None) or self._failed(left, failure)

    def _confirm(
        self, writer: EventWriter, since: float, limit: int | None, on_sent: Callable[[int], object] | None
    ) -> str | None:
        """Wait for a confirmation of what is in flight, and mark it as sent.

        While the round has room for more events, the wait is short and may end without a confirmation.
        """
        if not self._in_flight:
            return None
        full = len(self._in_flight) >= self._round_size or (limit is not None and self._planned >= limit)
        late = time.monotonic() - since + _SLICE >= event_stream.CONFIRM_SECONDS
        try:
            confirmed = writer.confirm(None if full or late else _SLICE)
        except (redis.RedisError, OSError, UnconfirmedError) as error:
            return self._failed(self._in_flight, error)
        if confirmed is None:
            return None
        self.confirmed = confirmed and self.confirmed
        values = {"now": self._clock(), "positions": [event.position for event in self._in_flight]}
        row = self._database.execute(statement("events/outbox_mark_sent"), values).fetchone()
        self.sent += row[0] if row else 0
        self._in_flight.clear()
        if on_sent:
            on_sent(self.sent)
        return None

    @property
    def _planned(self) -> int:
        return self.sent + len(self._in_flight)

    def _unsent(self, limit: int | None) -> list[StoredEvent]:
        size = self._round_size - len(self._in_flight)
        if limit is not None:
            size = min(size, limit - self._planned)
        if size < 1:
            return []
        passed_over = [*self._refused, *(event.position for event in self._in_flight)]
        values = {"limit": size, "passed_over": passed_over}
        rows = self._database.execute(statement("events/outbox_unsent"), values).fetchall()
        return [StoredEvent(*row) for row in rows]

    def _record(self, refused: dict[int, str]) -> None:
        """Count refusals, and log which events are given up."""
        if not refused:
            return
        errors = {position: describe(text) for position, text in refused.items()}
        self._refused += errors
        self._refusal = self._refusal or next(iter(errors.values()))
        for error in dict.fromkeys(errors.values()):
            positions = [position for position, text in errors.items() if text == error]
            self._database.execute(statement("events/outbox_mark_failed"), {"error": error, "positions": positions})
        values = {
            "now": self._clock(),
            "limit": DEAD_AFTER,
            "positions": list(errors),
            "errors": list(errors.values()),
        }
        for event_id, channel, subject, error, attempts, _, _, dead_at in self._database.execute(
            statement("events/dead_letters_refuse"), values
        ):
            if dead_at is not None:
                logger.error(
                    "event %s (%s, %s) is a dead letter after %s refusals: %s; see `tickstock events dead list`",
                    event_id, channel, subject, attempts, error,
                )  # fmt: skip

    def _failed(self, events: Sequence[StoredEvent], error: Exception) -> str:
        text = describe(error)
        positions = [event.position for event in events]
        self._in_flight.clear()  # it may or may not have arrived: it is sent again
        self._database.execute(statement("events/outbox_mark_failed"), {"error": text, "positions": positions})
        return text

    def _look_back(self, writer: EventWriter, channels: set[str]) -> None:
        """Trim behind the last round, and report the groups that lost entries by it."""
        try:
            self._report_losses(trim(writer, channels))
        except (redis.RedisError, OSError) as error:
            logger.warning("the streams were not trimmed: %s", describe(error))

    def _report_losses(self, standing: Standing) -> None:
        for loss in standing.losses:
            values = {
                "stream": loss.stream,
                "group": loss.group,
                "entries": loss.entries,
                "now": self._clock(),
                "read_until": loss.read_until,
            }
            row = self._database.execute(statement("events/stream_alerts_write"), values).fetchone()
            if row:
                logger.error(
                    "stream %s is full: group %s has lost at least %s entries; `tickstock events replay "
                    "--from-position %s --to-stream NAME` brings them back",
                    loss.stream, loss.group, loss.entries, row[0],
                )  # fmt: skip
