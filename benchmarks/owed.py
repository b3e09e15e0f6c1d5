"""What is owed, for five patterns of what is lacking, beside a bare count of the bars; and `tickstock status`.

Two stores: 500 symbols × 1,260 sessions and 11,000 × 252, all of them tracked. The floor is `SELECT count(*)` of the
bars in the same round: no answer about every cell can read less. Bounds: 0.3 s and 2 s for every pattern, 1.5 s for
the process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from functools import partial

import psycopg
from rich.table import Table

from benchmarks.measuring import console, measured
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.core.calendars.session_calendar import library_calendar

CALENDAR = library_calendar("XNYS")
LAST = date(2026, 11, 20)
FLOOR = "SELECT count(*) FROM ohlcv_daily WHERE NOT is_fmv"
STATUS = "import sys; sys.argv[1:] = ['status', '--json']; from tickstock_dagster.cli import main; main()"

FILL = (
    """
    INSERT INTO securities (security_id, composite_figi, equity_type, primary_exchange, updated_at)
    OVERRIDING SYSTEM VALUE SELECT n, 'F' || n, 'CS', 'XNYS', now() FROM generate_series(1, %(symbols)s) AS n
    """,
    """
    INSERT INTO ticker_intervals (security_id, ticker, valid_from, start_known, seen_from, seen_to)
    SELECT security_id, 'T' || security_id, '1900-01-01', 'unknown', '2003-09-10', %(last)s FROM securities
    """,
    """
    INSERT INTO cache_entries (key, type, name, value, track, track_from, created_at, updated_at)
    SELECT 'all', 'list', 'All', jsonb_agg('T' || security_id), true, %(first)s, now(), now() FROM securities
    """,
    """
    INSERT INTO ohlcv_daily (
        security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, loaded_at)
    SELECT security_id, day, 'T' || security_id, day + interval '21 hours', 10, 11, 9, 10.5, 1000, 'bench',
        'final', now()
    FROM unnest(%(days)s::date[]) AS day, securities
    """,
)
"""Securities 1, 2, …, tracked from the first session on, with a bar on each session."""


@dataclass(frozen=True)
class Store:
    """So many symbols on so many sessions, every bar of them stored at first."""

    symbols: int
    sessions: int
    bound: float

    @property
    def days(self) -> tuple[date, ...]:
        """The sessions, ascending."""
        return (*CALENDAR.sessions_before(LAST, self.sessions - 1), LAST)

    def patterns(self) -> dict[str, tuple[tuple[str, ...], int]]:
        """What is deleted, and how many cells are owed then."""
        days, cells = self.days, self.symbols * self.sessions
        four = f"session >= '{days[-4]}'"
        two = "security_id <= 2"
        anywhere = "(security_id * 7 + (session - '1970-01-01'::date)) % 97 = 0"
        epoch = date(1970, 1, 1).toordinal()
        hit = sum((n * 7 + day.toordinal() - epoch) % 97 == 0 for n in range(1, self.symbols + 1) for day in days)
        return {
            "nothing": ((), 0),
            "four sessions": ((four,), 4 * self.symbols),
            "four sessions, two securities": ((four, two), 4 * self.symbols + 2 * (self.sessions - 4)),
            "one cell in 97": ((anywhere,), hit),
            "half": ((f"session < '{days[self.sessions // 2]}'",), cells // 2),
        }


STORES = (Store(500, 1_260, 0.3), Store(11_000, 252, 2.0))


def fill(url: str, store: Store) -> None:
    """Store what `FILL` has."""
    days = list(store.days)
    values = {"symbols": store.symbols, "first": days[0], "last": days[-1], "days": days}
    with psycopg.connect(url, autocommit=True) as connection:
        for text in FILL:
            connection.execute(text.encode(), values)
        connection.execute("VACUUM ANALYZE")


def lack(url: str, conditions: tuple[str, ...]) -> None:
    """Delete the bars that meet one of some conditions, as if nobody had asked for them."""
    with psycopg.connect(url, autocommit=True) as connection:
        for condition in conditions:
            connection.execute(f"DELETE FROM ohlcv_daily WHERE {condition}".encode())
        connection.execute("VACUUM ANALYZE ohlcv_daily")


def status_seconds(servers: Servers, url: str, rounds: int) -> float:
    """Median seconds of `tickstock status` in a process of its own."""
    addresses = servers.addresses
    environment = os.environ | {
        "TICKSTOCK_STATE_DIR": str(servers.folder / "state"),
        "TICKSTOCK_DATABASE_URL": url,
        "TICKSTOCK_DAGSTER_STORAGE_URL": addresses.dagster_storage_url,
        "TICKSTOCK_REDIS_URL": addresses.redis_url,
        "TICKSTOCK_NOW": "2026-11-21T12:00:00+00:00",
    }
    seconds = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", STATUS], env=environment, check=True, stdout=subprocess.DEVNULL)
        if number:  # the first copies the calendars
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    rounds = parser.parse_args().rounds
    table = Table("store", "lacking", "cells owed", "s", "bound", "× floor", "CPU × floor", title="what is owed")
    whole = 0.0
    with running_servers() as servers:
        for store in STORES:
            name = f"{store.symbols:,} × {store.sessions:,}"
            for label, (conditions, cells) in store.patterns().items():
                with servers.fresh_database() as url:
                    fill(url, store)
                    lack(url, conditions)
                    engine = open_engine(url)
                    found = owed_cells(engine, CALENDAR, LAST).height
                    assert found == cells, f"{found} cells are owed instead of {cells}"
                    floor = measured(servers, partial(read_frame, engine, FLOOR), rounds)
                    ours = measured(servers, partial(owed_cells, engine, CALENDAR, LAST), rounds)
                    if store is STORES[0] and not conditions:
                        whole = status_seconds(servers, url, rounds)
                ratios = (f"{ours.wall / floor.wall:.1f}", f"{ours.cpu / floor.cpu:.1f}")
                table.add_row(name, label, f"{cells:,}", f"{ours.wall:.2f}", f"{store.bound}", *ratios)
    console.print(table)
    console.print(f"`tickstock status`, the process, 500 × 1,260, nothing owed: {whole:.2f} s (bound 1.5)")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"medians; {os.cpu_count()} cores, load average at the end {load}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
