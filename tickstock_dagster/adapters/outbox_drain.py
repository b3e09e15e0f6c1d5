"""The work of one dispatcher: rounds of reading from the outbox, sending, confirming and marking.

That there is only one dispatcher at a time is seen to in `adapters.outbox`.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import psycopg
import redis

from tickstock_dagster.adapters.event_stream import (
    EventWriter,
    StoredEvent,
    UnconfirmedError,
    describe,
    open_writer,
)
from tickstock_dagster.adapters.sql_files import statement

BATCH = 100
"""Events to a MULTI: what consumers get at once, and what fails together."""

ROUND = 20_000
"""Events to a confirmation: about what can be sent within the second in which a server may let a confirmation wait.
After a crash before it, the round's events are sent a second time. Some 40 MB while it is under way."""


class OutboxDrain:
    """Sends round after round while it has the lock."""

    def __init__(
        self, database: psycopg.Connection[Any], redis_url: str, clock: Callable[[], datetime], round_size: int
    ) -> None:
        self._database = database
        self._redis_url = redis_url
        self._clock = clock
        self._round_size = round_size
        self.sent = 0
        self.confirmed = True

    def run(self, limit: int | None, on_sent: Callable[[int], object] | None) -> str | None:
        """Send until nothing is left or `limit` events are sent in all; returns why it stopped early."""
        with ExitStack() as stack:
            writer: EventWriter | None = None
            while limit is None or self.sent < limit:
                size = self._round_size if limit is None else min(self._round_size, limit - self.sent)
                events = self._unsent(size)
                if not events:
                    return None
                try:
                    writer = writer or stack.enter_context(open_writer(self._redis_url))
                except (redis.RedisError, OSError) as error:
                    return self._failed(events[:BATCH], error)
                if error_text := self._send(writer, events):
                    return error_text
                if on_sent:
                    on_sent(self.sent)
        return None

    def _send(self, writer: EventWriter, events: Sequence[StoredEvent]) -> str | None:
        """One round: batches, one confirmation, one mark."""
        taken = 0
        refusal: redis.ResponseError | None = None
        try:
            for start in range(0, len(events), BATCH):
                writer.send(events[start : start + BATCH])
                taken = min(start + BATCH, len(events))
        except redis.ResponseError as error:
            refusal = error  # those before it were taken, and can still be confirmed
        except (redis.RedisError, OSError) as error:
            return self._failed(events[: taken + BATCH], error)
        try:
            self.confirmed = writer.confirm() and self.confirmed
        except (redis.RedisError, OSError, UnconfirmedError) as error:
            return self._failed(events[:taken], error)
        self._sent(events[:taken])
        return None if refusal is None else self._failed(events[taken : taken + BATCH], refusal)

    def _unsent(self, limit: int) -> list[StoredEvent]:
        rows = self._database.execute(statement("outbox_unsent"), {"limit": limit}).fetchall()
        return [StoredEvent(*row) for row in rows]

    def _sent(self, events: Sequence[StoredEvent]) -> None:
        positions = [event.position for event in events]
        values = {"now": self._clock(), "positions": positions}
        self.sent += self._database.execute(statement("outbox_mark_sent"), values).rowcount

    def _failed(self, events: Sequence[StoredEvent], error: Exception) -> str:
        text = describe(error)
        positions = [event.position for event in events]
        self._database.execute(statement("outbox_mark_failed"), {"error": text, "positions": positions})
        return text
