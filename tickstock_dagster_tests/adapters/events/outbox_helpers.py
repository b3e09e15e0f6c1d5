"""What the tests of the outbox share: events to write, a look into the streams, a Valkey that may be killed."""

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import redis

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.core.events.envelope import Event, JobProgress
from tickstock_dagster_tests.kept_connections import run

_MARKING = """
FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%SET sent_at%' AND wait_event_type = 'Lock'
"""

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def progress(job: str, done: int, total: int = 100_000) -> Event:
    """The event number `done` of a subject."""
    data = JobProgress(job_id=job, done=done, total=total, unit="symbols")
    return Event.of(data, time=NOW, dedupe_key=str(done))


def interleaved(jobs: int, events: int) -> list[Event]:
    """Events of several subjects in turn."""
    return [progress(f"job-{job}", number) for number in range(1, events + 1) for job in range(jobs)]


def commit(database_url: str, events: Iterable[Event]) -> int:
    """Write events in a transaction of their own."""
    with transaction(open_engine(database_url)) as connection:
        return write_events(connection, events)


def prune(database_url: str, now: datetime, keep: timedelta = timedelta(days=90)) -> int:
    """Delete the events that maintenance deletes at a moment; returns how many."""
    with transaction(open_engine(database_url)) as connection:
        return connection.execute(statement("events/outbox_prune"), {"before": now - keep}).rowcount


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query returns, asked by another session than our code's."""
    return run(database_url, query)


def entries(redis_url: str, stream: str = "tickstock.events") -> list[dict[str, str]]:
    """The fields of a stream's entries, oldest first."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        return [fields for _, fields in client.xrange(stream)]


def ids(redis_url: str, stream: str = "tickstock.events") -> list[str]:
    """The events' ids in a stream, oldest first."""
    return [entry["id"] for entry in entries(redis_url, stream)]


def first_copies_by_subject(redis_url: str) -> dict[str, list[str]]:
    """The order in which a consumer that drops ids it has seen gets each subject's events."""
    order: dict[str, dict[str, None]] = defaultdict(dict)
    for entry in entries(redis_url):
        order[entry["subject"]].setdefault(entry["id"])
    return {subject: list(found) for subject, found in order.items()}


def expected_by_subject(events: Iterable[Event]) -> dict[str, list[str]]:
    """The order in which events were written, by subject."""
    order: dict[str, list[str]] = defaultdict(list)
    for event in events:
        order[event.subject].append(str(event.id))
    return dict(order)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@contextmanager
def marks_blocked(database_url: str) -> Iterator[None]:
    """Hold the outbox's rows, so that a dispatcher sends and then waits to mark."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT 1 FROM outbox FOR UPDATE")
        yield
        connection.rollback()


def wait_until_marking(database_url: str) -> None:
    """Return when a dispatcher has sent a round and waits for `marks_blocked` to mark it."""
    wait_until(lambda: bool(rows(database_url, f"SELECT 1 {_MARKING}")))


def end_marking_session(database_url: str) -> None:
    """Break the database session of the dispatcher that waits to mark, and wait until it is gone."""
    assert rows(database_url, f"SELECT pg_terminate_backend(pid, 5000) {_MARKING}") == [(True,)]


class PrivateValkey:
    """A Valkey of one test's own, with an append-only file: it may be killed and started again."""

    def __init__(self, state_dir: Path) -> None:
        self._services = LocalServices(state_dir)
        self.start()

    @property
    def url(self) -> str:
        url = self._services.valkey.url()
        assert url is not None
        return url

    def start(self) -> None:
        self._services.start({"valkey"})

    def kill(self) -> None:
        pid = self._services.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self._services.valkey.pid is None)

    def configure(self, name: str, value: str | int) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.config_set(name, value)

    def length(self) -> int:
        """Entries in the stream of all events; 0 while it is away."""
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url) as client:
            return int(client.xlen("tickstock.events"))
        return 0

    def stop(self) -> None:
        self._services.down()
