"""Events a second that the dispatcher drains from the outbox, against relays that send one XADD per round trip.

    python benchmarks/outbox_drain.py [--events N] [--sample N]

Everything runs on embedded servers of the benchmark's own: PostgreSQL with its default durability, Valkey with an
append-only file forced to disk every second. All of them do the same for an event: an entry in `tickstock.events`, an
entry in the channel's stream, a message on the channel, and a mark in the outbox. Only ours waits until the
append-only file has the events before it marks them. The rivals drain only a sample. Ratios carry over to other
machines, events a second do not.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import redis

from tickstock_dagster.adapters.events.outbox import OutboxDispatcher, write_events
from tickstock_dagster.adapters.events.stream_commands import MAX_ENTRIES, STREAM
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.core.events.envelope import EodStatus, Event

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
MARK = "UPDATE outbox SET sent_at = now(), attempts = attempts + 1 WHERE position = ANY(%s)"


def write(database_url: str, count: int) -> None:
    """Empty the outbox and fill it with `count` events of 500 subjects."""
    events = []
    for number in range(count):
        status = EodStatus(
            session=date.fromordinal(730_000 + number % 500),
            market="XNYS",
            expected=11_000,
            stored=10_000,
            explained=400,
            missing=600,
            gaps_by_reason={"no_trade": 400, "vendor_late": 600},
            run_id="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            state="progress",
            attempt=1 + number // 500,
        )
        events.append(Event.of(status, time=NOW, dedupe_key=str(number)))
    with transaction(open_engine(database_url)) as connection:
        connection.execute("DELETE FROM outbox")
        assert write_events(connection, events) == count


def ours(database_url: str, redis_url: str) -> None:
    report = OutboxDispatcher(database_url, redis_url).dispatch()
    assert report.error is None
    assert report.confirmed


def one_xadd_a_round_trip(marks_each: int) -> Callable[[str, str], None]:
    """A relay that sends Redis one command at a time and marks events after every `marks_each` of them."""

    def relay(database_url: str, redis_url: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as database, redis.Redis.from_url(redis_url) as client:
            while rows := database.execute(
                "SELECT position, event_id::text, channel, subject, event::text FROM outbox"
                " WHERE sent_at IS NULL ORDER BY position LIMIT %s",
                (marks_each,),
            ).fetchall():
                for _, event_id, channel, subject, event in rows:
                    fields = {"id": event_id, "channel": channel, "subject": subject, "event": event}
                    client.xadd(STREAM, fields, maxlen=MAX_ENTRIES, approximate=True)
                    client.xadd(channel, fields, maxlen=MAX_ENTRIES, approximate=True)
                    client.publish(channel, event)
                database.execute(MARK, ([row[0] for row in rows],))

    return relay


def measure(relay: Callable[[str, str], None], database_url: str, redis_url: str, count: int) -> float:
    """Events a second.

    Args:
        relay: drains the outbox, given the two URLs.
        database_url: the warehouse.
        redis_url: `redis://…`.
        count: number of events.
    """
    write(database_url, count)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        began = time.perf_counter()
        relay(database_url, redis_url)
        seconds = time.perf_counter() - began
        added = client.xinfo_stream(STREAM)["entries-added"]
    assert added == count, f"{added} of {count} events arrived"
    return count / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000, help="events that ours drains (100,000)")
    parser.add_argument("--sample", type=int, default=3_000, help="events that the rivals drain (3,000)")
    arguments = parser.parse_args()
    relays = [
        ("ours: 100 events per round trip, confirmed on disk", ours, arguments.events),
        ("ours, the rivals' sample", ours, arguments.sample),
        ("one XADD per round trip, marked 100 at once", one_xadd_a_round_trip(100), arguments.sample),
        ("one XADD per round trip, marked one by one", one_xadd_a_round_trip(1), arguments.sample),
    ]
    with tempfile.TemporaryDirectory(prefix="tickstock-bench-") as folder:
        services = LocalServices(Path(folder) / "state")
        try:
            addresses = services.up(simulator=False)
            migrate(addresses.database_url)
            found = [
                (name, count, measure(relay, addresses.database_url, addresses.redis_url, count))
                for name, relay, count in relays
            ]
        finally:
            services.down()
    fastest = found[0][2]
    print(f"{'relay':<50}{'events':>9}{'events/s':>11}{'ours is':>10}")
    for name, count, rate in found:
        print(f"{name:<50}{count:>9,}{rate:>11,.0f}{fastest / rate:>8.1f} x")


if __name__ == "__main__":
    main()
