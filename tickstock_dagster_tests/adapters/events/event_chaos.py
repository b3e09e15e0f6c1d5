"""Chaos for the notifications: everything that carries an event is killed again and again while events are written."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from tickstock_dagster.core.events.envelope import Event
from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster_tests.adapters.events.outbox_helpers import PrivateValkey, commit, entries, rows, wait_until

EXAMPLE = PROJECT_ROOT / "examples" / "tickstock_app.py"
FOLLOW = """
import signal, sys, threading
from tickstock_dagster.adapters.events.follow import follow
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
follow(sys.argv[1], sys.argv[2], stop, on_trouble=lambda text: print(text, file=sys.stderr, flush=True))
"""


class Killable:
    """A process that is started, killed and started again."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self._arguments = [sys.executable, *arguments]
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._arguments, stdout=log, stderr=log, cwd=PROJECT_ROOT)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL, self._log.read_text()

    def end(self, seconds: float = 15.0) -> int:
        """Ask it to end; returns its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=seconds)


def dispatcher(folder: Path, database_url: str, redis_url: str) -> Killable:
    """`tickstock events dispatch --follow` on these servers."""
    return Killable(folder / "dispatcher.log", "-c", FOLLOW, database_url, redis_url)


def consumer(folder: Path, redis_url: str, name: str = "app") -> Killable:
    """The example application; what it did is in `seen.sqlite`."""
    return Killable(folder / f"{name}.log", str(EXAMPLE), redis_url, str(folder / "seen.sqlite"), name)


def done(folder: Path) -> list[tuple[str, str]]:
    """Ids and subjects of the events that the application has done, in its order."""
    if not (folder / "seen.sqlite").exists():
        return []
    database = sqlite3.connect(folder / "seen.sqlite", timeout=30)
    try:
        return database.execute("SELECT id, subject FROM done ORDER BY n").fetchall()
    except sqlite3.OperationalError:  # it has not made its tables yet
        return []
    finally:
        database.close()


def count_done(folder: Path) -> int:
    """How many that are."""
    database = sqlite3.connect(folder / "seen.sqlite", timeout=30)
    try:
        return int(database.execute("SELECT count(*) FROM done").fetchone()[0])
    finally:
        database.close()


def group_is_there(redis_url: str) -> bool:
    """Whether the application has made its consumer group."""
    try:
        with redis.Redis.from_url(redis_url) as client:
            return bool(client.xinfo_groups("tickstock.events"))
    except redis.RedisError:
        return False


@dataclass(frozen=True)
class ChaosReport:
    """What happened. `sent_twice`: entries that Redis took beyond one per event."""

    kills: Counter[str]
    seconds: float
    sent_twice: int


def run_chaos(
    database_url: str,
    valkey: PrivateValkey,
    folder: Path,
    events: Sequence[Event],
    *,
    pause: float,
    seed: int,
    most: int,
) -> ChaosReport:
    """Write events in small transactions while dispatcher, consumer and Redis are killed at random; wait for the end.

    Args:
        database_url: a migrated database.
        valkey: with its append-only file.
        folder: for logs and the application's database.
        events: to write.
        pause: seconds between two kills, on the average.
        seed: of chance.
        most: kills at most; each of the three is killed at least once.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    targets = {"dispatcher": dispatcher(folder, database_url, valkey.url), "consumer": consumer(folder, valkey.url)}
    kills: Counter[str] = Counter()
    wait_until(lambda: group_is_there(valkey.url))

    def write() -> None:
        start = 0
        while start < len(events):
            size = chance.randint(1, 200)
            commit(database_url, events[start : start + size])
            start += size

    writer = threading.Thread(target=write)
    writer.start()
    order = ["dispatcher", "consumer", "redis"]
    try:
        while writer.is_alive() or not kills.keys() >= set(order) or count_done(folder) < len(events):
            assert time.monotonic() - began < 280, f"{count_done(folder)} of {len(events)} events after {kills}"
            time.sleep(chance.uniform(0.5, 1.5) * pause)
            if kills.total() >= most:
                continue
            victim = order[kills.total()] if kills.total() < len(order) else chance.choice(order)
            kills[victim] += 1
            if victim == "redis":
                valkey.kill()
                time.sleep(chance.uniform(0, 0.5))
                valkey.start()
            else:
                targets[victim].kill()
                time.sleep(chance.uniform(0, 0.5))
                targets[victim].start()
        writer.join()
        seconds = time.monotonic() - began
        wait_until(lambda: rows(database_url, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)])
    finally:
        writer.join()
        codes = [target.end() for target in targets.values()]
    # One that was started a moment ago may be told to end before it listens.
    assert set(codes) <= {0, -signal.SIGTERM}, codes
    with redis.Redis.from_url(valkey.url) as client:
        added = int(client.xinfo_stream("tickstock.events")["entries-added"])
    return ChaosReport(kills, seconds, added - len(events))


def assert_nothing_lost(database_url: str, valkey: PrivateValkey, folder: Path, events: Sequence[Event]) -> None:
    """Every event done once, in its subject's order; and what Redis has twice has the same id and the same content."""
    found = done(folder)
    assert Counter(event_id for event_id, _ in found) == Counter(str(event.id) for event in events)
    order: dict[str, list[str]] = {}
    for event_id, subject in found:
        order.setdefault(subject, []).append(event_id)
    wanted: dict[str, list[str]] = {}
    for event in events:
        wanted.setdefault(event.subject, []).append(str(event.id))
    assert order == wanted
    stored = dict(rows(database_url, "SELECT event_id::text, event::text FROM outbox"))
    assert all(stored[entry["id"]] == entry["event"] for entry in entries(valkey.url))
