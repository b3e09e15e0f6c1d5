"""An example consumer of the notifications to start from: handles every event once, and may be killed at any time.

    python examples/tickstock_app.py redis://:password@localhost:6379/0 seen.sqlite [consumer name]

It needs `pip install redis` and nothing of this project. Any number may run side by side under different names; each
event goes to one of them. `docs/events.md` describes the events.

How it loses nothing and does nothing twice:

* It reads the stream with a consumer group: events sent while it was not running are still there, and an entry counts
  as unfinished until the consumer acknowledges it (XACK). Another consumer takes over the entries of one that died
  (XAUTOCLAIM).
* Events are delivered at least once, so it stores the ids it has seen, in the same database transaction as the work
  that an event causes: if it is killed before the commit, neither has happened and the event comes again; if it is
  killed after it, the id is known. A Redis set, even in the MULTI of the XACK, cannot do that: the work is not in
  Redis. In TickStockApp the table belongs in its own database; here SQLite takes its place.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from types import FrameType
from typing import Any, cast

import redis

Entry = tuple[str, dict[str, str] | None]
"""An entry of the stream: its id, and its fields; none where it was cut meanwhile."""

STREAM, GROUP = "tickstock.events", "tickstock-app"
COUNT = 200  # entries at once
BLOCK_MS = 1_000  # how long to wait for the next entry; also how long stopping takes at most
DEAD_MS = 15_000  # a consumer that has held entries for so long counts as dead
REMEMBER = "-100 days"  # longer than the 90 days for which a replay may bring an event again


class App:
    """Your application: the work that an event causes, and the record of events already handled."""

    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP)"
        )
        self.database.execute("CREATE TABLE IF NOT EXISTS done (n INTEGER PRIMARY KEY, id TEXT, subject TEXT)")
        self.database.execute("DELETE FROM seen WHERE at < datetime('now', ?)", (REMEMBER,))

    def handle(self, entries: list[Entry]) -> None:
        """Handle the events not handled yet, in order, in one transaction. Returns when it is on disk."""
        self.database.execute("BEGIN IMMEDIATE")
        for entry_id, fields in entries:
            if not fields or "event" not in fields:
                print(f"entry {entry_id} is no longer in the stream: replay it", file=sys.stderr)
                continue
            new = self.database.execute("INSERT OR IGNORE INTO seen (id) VALUES (?)", (fields["id"],)).rowcount
            if new:
                self.work(json.loads(fields["event"]))
        self.database.execute("COMMIT")

    def work(self, event: dict[str, Any]) -> None:
        """Replace this. It runs inside the transaction; effects outside the database may happen twice."""
        self.database.execute("INSERT INTO done (id, subject) VALUES (?, ?)", (event["id"], event["subject"]))
        print(event["time"], event["type"], event["subject"], json.dumps(event["data"]), flush=True)


class Consumer:
    """Reads its share of the stream until `stop` is called."""

    def __init__(self, url: str, name: str, app: App) -> None:
        self.redis = redis.Redis.from_url(url, decode_responses=True, socket_timeout=10, health_check_interval=15)
        self.name, self.app, self.stopping = name, app, False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Stop after the work in progress."""
        self.stopping = True

    def run(self) -> None:
        """Read, work, acknowledge; start again after an outage of Redis."""
        while not self.stopping:
            try:
                self.join()
                self.take(self.read("0"))  # what a consumer of this name had read but not finished when it was killed
                looked = 0.0
                while not self.stopping:
                    if time.monotonic() - looked > DEAD_MS / 3_000:
                        self.take_over()
                        looked = time.monotonic()
                    self.take(self.read(">"))
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
                print(f"Redis: {error}; trying again", file=sys.stderr)  # also NOGROUP, from a Redis that lost its data
                time.sleep(0.5)

    def join(self) -> None:
        """Create the group at the beginning of the stream, if it does not exist."""
        try:
            self.redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read(self, start: str) -> list[Entry]:
        """The next entries of the group (`>`), or those that this consumer has not acknowledged (`0`)."""
        reply = self.redis.xreadgroup(GROUP, self.name, {STREAM: start}, count=COUNT, block=BLOCK_MS)
        # The client is typed for every protocol and decoding at once; this one is asked for text over RESP2.
        return cast("list[tuple[str, list[Entry]]]", reply)[0][1] if reply else []

    def take(self, entries: list[Entry]) -> None:
        """Do the work, and only then acknowledge it; then the rest of this consumer's unfinished entries, if any."""
        while entries:
            self.app.handle(entries)
            self.redis.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))
            entries = self.read("0") if len(entries) == COUNT else []

    def take_over(self) -> None:
        """Finish the entries of consumers that died."""
        start = "0-0"
        while not self.stopping:
            start, entries, *_ = self.redis.xautoclaim(STREAM, GROUP, self.name, DEAD_MS, start, count=COUNT)
            if entries:
                self.app.handle(entries)
                self.redis.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))
            if start == "0-0":
                return


def main() -> None:
    """Consume until SIGTERM or an interrupt."""
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: tickstock_app.py REDIS_URL FILE [CONSUMER]")
    consumer = Consumer(
        sys.argv[1], sys.argv[3] if len(sys.argv) == 4 else f"app-{os.uname().nodename}", App(sys.argv[2])
    )
    signal.signal(signal.SIGTERM, consumer.stop)
    signal.signal(signal.SIGINT, consumer.stop)
    consumer.run()


if __name__ == "__main__":
    main()
