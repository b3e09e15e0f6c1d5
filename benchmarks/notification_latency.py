"""Time from an event's commit to a consumer, through `tickstock events dispatch --follow`.

    python benchmarks/notification_latency.py [--events N] [--rate EVENTS_PER_SECOND]

Everything runs on embedded servers of the benchmark's own: PostgreSQL with its default durability, Valkey with an
append-only file forced to disk every second, the dispatcher as a process. Each event is a transaction of its own. The
consumer reads with a group, in the writer's process and so with the same clock; time starts when the commit has
returned. For comparison: a sensor that sends every 30 s, the shortest interval of Dagster's own sensors, computed and
not run.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import redis

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.events.stream_commands import STREAM
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.core.events.envelope import Event, JobProgress

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
FOLLOW = """
import signal, sys, threading
from tickstock_dagster.adapters.events.follow import follow
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
follow(sys.argv[1], sys.argv[2], stop)
"""


def event(number: int, count: int) -> Event:
    data = JobProgress(job_id=f"job-{number % 50}", done=number, total=count, unit="symbols")
    return Event.of(data, time=NOW, dedupe_key=str(number))


def consume(redis_url: str, count: int, arrived: dict[str, float]) -> None:
    with redis.Redis.from_url(redis_url) as client:
        while len(arrived) < count:
            reply = client.xreadgroup("bench", "one", {STREAM: ">"}, count=100, block=1_000)
            now = time.perf_counter()
            entries = reply[0][1] if reply else []
            for _, fields in entries:
                arrived.setdefault(fields[b"id"].decode(), now)
            if entries:
                client.xack(STREAM, "bench", *(entry_id for entry_id, _ in entries))


def measure(database_url: str, redis_url: str, count: int, rate: float) -> list[float]:
    """Seconds from commit to consumer, one figure per event.

    Args:
        database_url: the warehouse.
        redis_url: `redis://…`.
        count: number of events.
        rate: events a second; 0: as fast as possible.
    """
    arrived: dict[str, float] = {}
    committed: dict[str, float] = {}
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_create(STREAM, "bench", id="$", mkstream=True)
    reader = threading.Thread(target=consume, args=(redis_url, count, arrived))
    reader.start()
    began = time.perf_counter()
    for number in range(1, count + 1):
        published = event(number, count)
        with transaction(open_engine(database_url)) as connection:
            write_events(connection, [published])
        committed[str(published.id)] = time.perf_counter()
        if rate:
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
    reader.join(timeout=60)
    assert len(arrived) == count, f"{len(arrived)} of {count} events arrived"
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_destroy(STREAM, "bench")
    with transaction(open_engine(database_url)) as connection:
        connection.execute("DELETE FROM outbox")
    # Some arrive before the writer's commit has returned: they count as 0.
    return [max(0.0, arrived[event_id] - moment) for event_id, moment in committed.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000, help="events (1,000)")
    parser.add_argument("--rate", type=float, default=100.0, help="events a second, beside as fast as possible (100)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tickstock-bench-") as folder:
        services = LocalServices(Path(folder) / "state")
        service = None
        try:
            addresses = services.up(simulator=False)
            migrate(addresses.database_url)
            service = subprocess.Popen([sys.executable, "-c", FOLLOW, addresses.database_url, addresses.redis_url])
            measure(addresses.database_url, addresses.redis_url, 20, 0)  # until it is up
            print(f"{'commit to consumer':<44}{'events':>8}{'p50':>10}{'p95':>10}{'longest':>10}")
            for name, rate in ((f"{arguments.rate:g} events a second", arguments.rate), ("as fast as possible", 0.0)):
                found = measure(addresses.database_url, addresses.redis_url, arguments.events, rate)
                cuts = statistics.quantiles(found, n=20)
                figures = "".join(f"{seconds * 1000:>7.0f} ms" for seconds in (cuts[9], cuts[18], max(found)))
                print(f"{name:<44}{len(found):>8,}{figures}")
            print(f"{'a sensor every 30 s (computed)':<44}{'':>8}{'15,000 ms':>10}{'28,500 ms':>10}{'30,000 ms':>10}")
        finally:
            if service:
                service.terminate()
                service.wait(timeout=20)
            services.down()


if __name__ == "__main__":
    main()
