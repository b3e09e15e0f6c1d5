"""The outbox: events written in the transaction of their change, and sent to Redis afterwards, at least once.

Call `write_events` inside the transaction of a change. `OutboxDispatcher` sends committed events in the order of
writing, one dispatcher at a time per database, and marks as sent only what Redis has confirmed. The shape of an event
is in `core.events.envelope`, its form in Redis in `adapters.events.stream_commands`.
"""

import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from tickstock_dagster.adapters.events.outbox_status import OutboxStatus, StreamAlert
from tickstock_dagster.adapters.postgres.database import connected, open_engine
from tickstock_dagster.adapters.postgres.locks import Lock, hold_if_free
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.clock import Clock, real_clock
from tickstock_dagster.core.errors import BadInputError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import Event

written_here: deque[uuid.UUID] = deque(maxlen=10_000)
"""Ids of the newest events that this process has written, committed or not. `adapters.events.sending` sends those that
wait; older ones go out with them, since a dispatch sends everything."""


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What one call of `dispatch` did.

    Attributes:
        sent: events that Redis took and that are marked as sent.
        left: events that still wait, from any transaction committed by now.
        seconds: time taken.
        error: why it stopped early, one line; None if it did not.
        busy: another dispatcher was at work: it also sends what was committed before this call.
        confirmed: whether Redis has confirmed that what was sent is in its append-only file; None if nothing was sent.
        refused: events that Redis refused for their own sake; counted in `dead_letters`, and `error` says why.
        waits_for: the consumer group, in words, that would lose entries of a full stream if more were sent now. The
            rest waits in the outbox until the group has read on; that is not an error.
    """

    sent: int
    left: int
    seconds: float
    error: str | None = None
    busy: bool = False
    confirmed: bool | None = None
    refused: int = 0
    waits_for: str | None = None


def write_events(connection: psycopg.Connection[Any], events: Iterable[Event]) -> int:
    """Write events in the transaction of the change that they report, after the change itself.

    Transactions that change the same row wait for one another, so their events keep the order of the changes.

    Args:
        connection: inside the transaction of the change.
        events: in the order in which consumers shall receive them.

    Returns:
        How many were new; an event that is already in the outbox stays as it is.

    Raises:
        RuntimeError: there is no transaction, so that an event could be stored without its change.
    """
    if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
        raise RuntimeError("events are written inside the transaction of their change")
    given = list(events)
    if not given:
        return 0
    columns = {
        "event_ids": [event.id for event in given],
        "channels": [event.channel for event in given],
        "subjects": [event.subject for event in given],
        "events": [json.dumps(event.envelope()) for event in given],
        "times": [event.time for event in given],
    }
    written_here.extend(event.id for event in given)
    return connection.execute(statement("events/outbox_write"), columns).rowcount


class OutboxDispatcher:
    """Sends the events of the outbox to Redis. Cheap to make; holds no connection between calls."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        *,
        clock: Clock = real_clock,
        round_size: int | None = None,
    ) -> None:
        """Nothing is connected yet.

        Args:
            database_url: the warehouse, `postgresql://…`.
            redis_url: `redis://…`.
            clock: gives `sent_at`, with a time zone.
            round_size: events per confirmation; None: `adapters.events.outbox_drain.ROUND`.
        """
        self._database_url = database_url
        self._redis_url = redis_url
        self._clock = clock
        self._round_size = round_size

    def dispatch(
        self, max_events: int | None = None, *, on_sent: Callable[[int], None] | None = None
    ) -> DispatchReport:
        """Send what is committed and not sent yet, in the order of writing.

        An outage or a refusal of Redis raises nothing; it is the report's `error`. The events stay, with `attempts`
        and `last_error`, and the next call sends them.

        Args:
            max_events: stop after so many, 1 or more; None for all.
            on_sent: called after each round with the number of events sent so far.

        Raises:
            ServiceUnavailableError: the database cannot be reached, is lost, or has no outbox.
            ConfigurationError: one of the URLs is not accepted.
        """
        if max_events is not None and max_events < 1:
            raise BadInputError("max_events", max_events, "a number from 1, or nothing for all")
        # Imported here so that writing events, or loading the definitions, needs no Redis client.
        from tickstock_dagster.adapters.events.outbox_drain import ROUND, OutboxDrain

        began = time.monotonic()
        error = None
        with self._session() as database:
            drain = OutboxDrain(database, self._redis_url, self._clock, self._round_size or ROUND)
            while True:
                with _only_dispatcher(database) as alone:
                    if alone:
                        error = drain.run(max_events, on_sent)
                left, sendable = _row(database, "events/outbox_count_unsent")
                # Counted after the lock is released: a dispatcher turned away in the meantime relies on this call.
                if not alone or error or drain.waits_for or not sendable or drain.sent == max_events:
                    break
        return DispatchReport(
            drain.sent,
            left,
            time.monotonic() - began,
            error,
            not alone,
            drain.confirmed if drain.sent else None,
            drain.refused,
            drain.waits_for,
        )

    def status(self, now: datetime) -> OutboxStatus:
        """How many events wait, since when and why. `now` has a time zone.

        Raises:
            ServiceUnavailableError: the database cannot be reached, or has no outbox.
        """
        with self._session() as database:
            row = _row(database, "events/outbox_status", since=now - timedelta(days=1))
            alerts = database.execute(
                statement("events/stream_alerts_read"), {"since": now - timedelta(days=7)}
            ).fetchall()
        return replace(OutboxStatus(*row), alerts=tuple(StreamAlert(*alert) for alert in alerts))

    def _session(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        return outbox_session(self._database_url)


@contextmanager
def outbox_session(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """One database session in which every statement is its own transaction.

    Raises:
        ServiceUnavailableError: the database cannot be reached, is lost, or has no outbox; or it refuses for its own
            reasons.
    """
    with connected(open_engine(database_url)) as connection:
        database = connection.execution_options(isolation_level="AUTOCOMMIT").connection.driver_connection
        assert isinstance(database, psycopg.Connection)  # noqa: S101  # the dialect is fixed
        try:
            yield database
        except BaseException as error:
            connection.invalidate()  # closes the session, so that the pool never keeps one that holds the lock
            if isinstance(error, psycopg.errors.UndefinedTable):
                raise ServiceUnavailableError("the database has no outbox yet: run `tickstock migrate`") from None
            raise


@contextmanager
def _only_dispatcher(database: psycopg.Connection[Any]) -> Iterator[bool]:
    """Hold the dispatcher's lock if it is free. Not released after an error: the session is closed then."""
    with hold_if_free(database, Lock.OUTBOX) as alone:
        yield alone


def _row(database: psycopg.Connection[Any], name: str, **values: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = database.execute(statement(name), values).fetchone()
    assert row is not None  # noqa: S101  # these statements always have one row
    return row
