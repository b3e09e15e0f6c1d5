"""Loading stored rows again: bytes of write-ahead log (WAL) and seconds, ours beside a plain ON CONFLICT DO UPDATE.

    python -m benchmarks.reload [--rounds N]

WAL is the cost of a re-load for replicas, backups and disks. We count it for the whole server, on which nothing else
runs and autovacuum is off. Between the loads we vacuum the table and write a checkpoint, as on a server that was idle
for a while: after that, the first change of every page writes the whole page into the log.
"""

import argparse
import statistics
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import psycopg
from rich.table import Table

from benchmarks import rivals
from benchmarks.ingest import NOW, Ingest
from benchmarks.market_rows import market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.servers import Servers, running_servers

BOUND = 1_000_000
OURS, PLAIN = "ours, every row delivered again", "plain ON CONFLICT DO UPDATE of every row"
LATER = NOW + timedelta(days=1)


def wal_position(url: str) -> int:
    """Bytes written to the log since the server was created."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def settle(servers: Servers, url: str) -> None:
    """Vacuum the tables and write a checkpoint."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) ohlcv_daily, bar_gaps, work_units, quarantined_bars, outbox")
    # The login has no right to CHECKPOINT; dropping a database writes one.
    servers.execute("CREATE DATABASE checkpoint STRATEGY file_copy")
    servers.execute("DROP DATABASE checkpoint")


def measure(
    servers: Servers, load: Callable[[str], object], again: Callable[[str], object], *, settled: bool
) -> tuple[int, Cost]:
    """WAL bytes and cost of the second load.

    Args:
        servers: running.
        load: the first load, given a database URL.
        again: the second load, likewise.
        settled: whether to vacuum and write a checkpoint in between.
    """
    with servers.fresh_database() as url:
        load(url)
        if settled:
            settle(servers, url)
        before = wal_position(url)
        with stopwatch(servers.postmaster) as watch:
            again(url)
        return wal_position(url) - before, watch.cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    rounds = parser.parse_args().rounds
    rows = market_rows()
    with running_servers() as servers:
        ingest = Ingest.prepare(servers, rows)
        finished = ingest.finished_rows()

        def deliver_again(url: str) -> None:
            stored = ingest.load(url, LATER)
            assert stored.unchanged == finished.height, stored

        def load_again(url: str) -> None:
            stored = ingest.whole_load(url, LATER)  # cells with a broken row are due again after a day
            assert stored.inserted == stored.restated == 0, stored

        at, later = rivals.Constants(ingest.source.name, NOW), rivals.Constants(ingest.source.name, LATER)
        plain = partial(rivals.bare_merge, finished, at, 11), partial(rivals.bare_merge, finished, later, 11)
        ways: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
            OURS: (ingest.first_load, deliver_again),
            "ours, `tickstock load` again: calls for broken rows alone": (ingest.whole_first_load, load_again),
            PLAIN: plain,
        }
        found: dict[tuple[str, bool], list[tuple[int, Cost]]] = {}
        for _ in range(rounds):
            for name, (load, again) in ways.items():
                for settled in (False, True):
                    found.setdefault((name, settled), []).append(measure(servers, load, again, settled=settled))
    table = Table("second load, nothing changed", "before it", "WAL kB", "s", "CPU s", title=rows.label)
    for (name, settled), measured in found.items():
        table.add_row(
            name,
            "vacuum, checkpoint" if settled else "nothing",
            f"{statistics.median(wal for wal, _ in measured) / 1e3:,.0f}",
            f"{statistics.median(cost.wall for _, cost in measured):.2f}",
            f"{statistics.median(cost.cpu for _, cost in measured):.2f}",
        )
    console.print(table)
    most = max(wal for (name, _), measured in found.items() if name == OURS for wal, _ in measured)
    least = min(wal for (name, _), measured in found.items() if name == PLAIN for wal, _ in measured)
    console.print(
        f"every row delivered again: ours wrote at most [bold]{most / 1e3:,.0f} kB[/], the plain merge at least "
        f"{least / 1e6:,.0f} MB ({least / most:,.0f} ×); bound {BOUND / 1e6:.0f} MB: "
        f"{'met' if most < BOUND else 'NOT MET'}"
    )


if __name__ == "__main__":
    main()
