"""Sending what this process has written: meanwhile, where it takes long, and before it ends, however it ends.

A dispatcher that runs as a service (`adapters.events.follow`) usually sends first; then nothing is left to do here.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from tickstock_dagster.adapters.events.follow import follow
from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher, outbox_session, written_here
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.clock import Clock, real_clock
from tickstock_dagster.core.errors import TickstockError

MEANWHILE_AFTER = 3.0
"""Seconds of work from which on events are sent as they are committed: what is over sooner sends them at its end."""

SEND_SECONDS = 10.0
"""From when on no further part is begun: a command does not stay for all that somebody else has left."""

_PART = 10_000  # events between two looks at the time: about a second


def send_written(database_url: str, redis_url: str, *, clock: Clock = real_clock) -> DispatchReport | None:
    """Send the events that this process has committed, with all that wait beside them.

    Bounded in time: an answer from Redis is waited for as long as a dispatcher waits, and after `SEND_SECONDS` nothing
    more is begun. What then waits is sent by the next dispatch.

    Args:
        database_url: the warehouse.
        redis_url: `redis://…`.
        clock: gives `sent_at`, with a time zone.

    Returns:
        What the last dispatch did, `sent` added up; None where nothing that this process wrote was waiting.

    Raises:
        ServiceUnavailableError: the database cannot be reached, or has no outbox.
        ConfigurationError: one of the URLs is not accepted.
    """
    if not _waiting(database_url):
        written_here.clear()  # sent by others, or rolled back
        return None
    dispatcher = OutboxDispatcher(database_url, redis_url, clock=clock)
    sent, deadline = 0, time.monotonic() + SEND_SECONDS
    while True:
        report = dispatcher.dispatch(_PART)
        sent += report.sent
        if report.sent < _PART or report.error or time.monotonic() > deadline:
            break
    if not report.error:
        written_here.clear()
    return replace(report, sent=sent)


@contextmanager
def sending_meanwhile(database_url: str, redis_url: str, *, clock: Clock = real_clock) -> Iterator[None]:
    """Send events as they are committed while the block is at work, from `MEANWHILE_AFTER` seconds on.

    Whatever keeps it from sending is left to `send_written`, which says it.

    Args:
        database_url: the warehouse.
        redis_url: `redis://…`.
        clock: gives `sent_at`, with a time zone.
    """
    stop = threading.Event()

    def work() -> None:
        if not stop.wait(MEANWHILE_AFTER):
            with suppress(TickstockError):
                follow(database_url, redis_url, stop, clock=clock)

    thread = threading.Thread(target=work, name="events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(SEND_SECONDS)


def _waiting(database_url: str) -> bool:
    """Whether an event that this process wrote is committed and not sent."""
    if not written_here:
        return False
    with outbox_session(database_url) as database:
        row = database.execute(statement("events/outbox_waiting_of"), {"event_ids": list(written_here)}).fetchone()
    return bool(row and row[0])
