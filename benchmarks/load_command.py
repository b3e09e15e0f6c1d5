"""`tickstock load` as people type it, the first time and again, beside our ingest alone; and `tickstock run` again.

    python -m benchmarks.load_command [--rounds N] [--only load|growth|run]

Each command is a process of its own, from its start to its end: imports, Dagster's run with its checks, the vendor's
simulator over HTTP at the rate of a paid plan. CPU is the command's and the database server's; peak memory is the
command's. "Beyond imports" is its own CPU less that of a process which imports the command and loads the code location.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
from rich.table import Table

from benchmarks.dagster_setup import environment, simulator, track
from benchmarks.ingest import Ingest
from benchmarks.market_rows import MarketRows, market_calendar, market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.settings import load_settings

FIRST_TIME, AGAIN_CPU, AGAIN_ROWS, MEMORY, RUN_AGAIN = 2.0, 2.0, 50, 400, 4.0
"""Bounds: × ingest, seconds of CPU beyond imports, rows in Dagster's database, MB, × `import dagster`."""

INSTANCE = "import dagster; dagster.DagsterInstance.get()"
DAGSTER = [sys.executable, "-c", "import dagster"]
LOADED = (
    "import tickstock_dagster.cli.loading.load, tickstock_dagster.cli.loading.runs; "
    "from tickstock_dagster.definitions import executed_here; executed_here()"
)
IMPORTS = [sys.executable, "-W", "ignore", "-c", LOADED]
MEASURED = (
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr); sys.exit(code)"
)
"""A small process between: a command's peak of memory begins with that of the process that starts it."""

TICKSTOCK = str(Path(sys.executable).with_name("tickstock"))
GROWTH = (252, 1_260, 5_040)
GROWTH_LAST, GROWTH_TICKERS = date(2024, 12, 31), 100


@dataclass(frozen=True)
class Run:
    """What a command took: seconds of wall time, of its own CPU and of the server's, MB, new rows of Dagster's."""

    wall: float
    own: float
    server: float
    memory: float
    rows: int

    @property
    def cpu(self) -> float:
        """Its own seconds and the server's."""
        return self.own + self.server


def command(servers: Servers, arguments: Sequence[str]) -> Run:
    """Run a command in this process's environment; it must succeed."""
    before = dagster_rows()
    with stopwatch(servers.postmaster) as watch:
        began = time.perf_counter()
        measured = subprocess.run(
            [sys.executable, "-S", "-c", MEASURED, *arguments],
            cwd=servers.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.perf_counter() - began
    told = measured.stderr.rstrip().splitlines()
    assert measured.returncode == 0, "\n".join(told)[-2_000:]
    own, memory = map(float, told[-1].split())
    # The stopwatch reads this process, which does nothing meanwhile, and the server.
    return Run(wall, own, watch.cost.cpu, memory, dagster_rows() - before)


def dagster_rows() -> int:
    """The rows of all tables of Dagster's database, without what it notes about its own schema."""
    with psycopg.connect(os.environ["TICKSTOCK_DAGSTER_STORAGE_URL"]) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        kept = {name for (name,) in names} - {"secondary_indexes", "alembic_version"}
        counts = [connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in sorted(kept)]
    return sum(count[0] for count in counts if count)


@contextmanager
def world(servers: Servers, vendor_url: str, now: datetime | None) -> Iterator[str]:
    """New databases of the store and of Dagster, prepared, as the commands' environment; yields the store's URL.

    The store's calendars are copied and Dagster's tables made before: a machine's first command of any kind does that,
    and it is no part of a load.
    """
    with servers.fresh_database() as url, environment(servers, url, vendor_url):
        name = f"dagster_of_{url.rpartition('/')[2]}"
        servers.execute(f"CREATE DATABASE {name}")
        os.environ["TICKSTOCK_DAGSTER_STORAGE_URL"] = servers.url(name)
        subprocess.run([TICKSTOCK, "migrate"], cwd=servers.folder, check=True, capture_output=True)
        subprocess.run([sys.executable, "-c", INSTANCE], cwd=servers.folder, check=True, capture_output=True)
        if now is not None:
            os.environ["TICKSTOCK_NOW"] = now.isoformat()
        load_settings.cache_clear()
        try:
            yield url
        finally:
            servers.execute(f"DROP DATABASE {name} WITH (FORCE)")


def load(servers: Servers, vendor_url: str, rows: MarketRows, days: Sequence[date]) -> tuple[Run, Run]:
    """`tickstock load` of a tracked universe over some sessions, into new databases: the first time, and again."""
    typed = [TICKSTOCK, "load", "--universe", "bench", "--from", str(days[0]), "--to", str(days[-1])]
    after = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
    with world(servers, vendor_url, after) as url:
        track(url, rows, days[0])
        return command(servers, typed), command(servers, typed)


def made_rows(tickers: int, days: Sequence[date]) -> MarketRows:
    """Bars of every ticker on every session, by random walks."""
    random, parts = np.random.default_rng(7), []
    for number in range(tickers):
        close = (50 * np.exp(random.normal(0, 0.01, len(days)).cumsum())).round(2)
        prices = {"open": close, "high": close + 1, "low": close * 0.99, "close": close}
        named = {"ticker": [f"B{chr(65 + number // 26)}{chr(65 + number % 26)}"] * len(days), "session": days}
        parts.append(pl.DataFrame({**named, **prices, "volume": [1e6] * len(days)}))
    frame = pl.concat(parts).with_columns(vwap=pl.lit(None), transactions=pl.lit(None))
    frame = frame.select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())
    return MarketRows(f"random walks, {frame.height:,} rows", frame)


def measure_load(servers: Servers, rounds: int) -> None:
    """505 tickers × five years: the command beside what the same rows take without a command and without Dagster."""
    rows = market_rows()
    ingest = Ingest.prepare(servers, rows)
    floors: list[Cost] = []
    loads: list[tuple[Run, Run]] = []
    others: list[tuple[Run, Run]] = []
    with simulator(rows, servers.folder) as vendor_url:
        for number in range(rounds):
            if number % 2 == 0:
                floors.append(_ingest(servers, ingest))
            loads.append(load(servers, vendor_url, rows, rows.sessions))
            if number % 2:
                floors.append(_ingest(servers, ingest))
            with world(servers, vendor_url, None):
                others.append((command(servers, IMPORTS), command(servers, DAGSTER)))
    table = Table("", "s", "CPU s", "of it the server", "peak MB", "rows of Dagster", title=f"load; {rows.label}")
    floor = min(floors, key=lambda cost: cost.cpu)
    table.add_row("ingest, with listings, planning, completeness", f"{floor.wall:.1f}", f"{floor.cpu:.1f}", "", "", "")
    first, again = (min((pair[place] for pair in loads), key=lambda run: run.cpu) for place in (0, 1))
    imports, alone = (min((pair[place] for pair in others), key=lambda run: run.cpu) for place in (0, 1))
    named = {"load, first time": first, "load again": again, "its imports": imports, "import dagster": alone}
    for name, run in named.items():
        table.add_row(name, *_columns(run), str(run.rows))
    console.print(table)
    median = sorted(one[0].wall / floor.wall for one, floor in zip(loads, floors, strict=True))[rounds // 2]
    median_cpu = sorted(one[0].cpu / floor.cpu for one, floor in zip(loads, floors, strict=True))[rounds // 2]
    verdict(f"first time / ingest, median: {median:.2f} × wall, {median_cpu:.2f} × CPU", FIRST_TIME, median)
    verdict(f"again, beyond imports ({imports.own:.2f} s): {again.own - imports.own:.2f} s of CPU", AGAIN_CPU,
            again.own - imports.own)  # fmt: skip
    verdict(f"again: {again.rows} rows in Dagster's database", AGAIN_ROWS, again.rows)
    verdict(f"peak memory, first time {first.memory:.0f} MB, again {again.memory:.0f} MB", MEMORY, first.memory)


def _ingest(servers: Servers, ingest: Ingest) -> Cost:
    with servers.fresh_database() as url:
        with stopwatch(servers.postmaster) as watch:
            ingest.whole_first_load(url)
        return watch.cost


def measure_growth(servers: Servers) -> None:
    """100 tickers over one, five and twenty years."""
    last = GROWTH_LAST
    days = market_calendar().sessions_before(last, GROWTH[-1])
    rows = made_rows(GROWTH_TICKERS, days)
    table = Table("sessions", "first: s", "CPU s", "server", "MB", "rows", "again: s", "CPU s", "server", "MB", "rows",
                  title=f"growth; {rows.label}")  # fmt: skip
    found: dict[int, tuple[Run, Run]] = {}
    with simulator(rows, servers.folder) as vendor_url:
        for count in GROWTH:
            found[count] = load(servers, vendor_url, rows, days[-count:])
            first, again = found[count]
            table.add_row(f"{count:,}", *_columns(first), str(first.rows), *_columns(again), str(again.rows))
    console.print(table)
    for what, runs in (("first time", [pair[0] for pair in found.values()]), ("again", [p[1] for p in found.values()])):
        cpu, rows_of = np.polyfit(GROWTH, [run.cpu for run in runs], 1), np.polyfit(GROWTH, [r.rows for r in runs], 1)
        console.print(f"{what}: {cpu[0] * 1_000:.2f} s of CPU and {rows_of[0] * 1_000:,.0f} rows per 1,000 sessions")


def measure_run(servers: Servers, rounds: int) -> None:
    """`tickstock run`, the latest session of the default profile, when nothing is to do."""
    with simulator(None, servers.folder) as vendor_url, world(servers, vendor_url, None):
        command(servers, [TICKSTOCK, "run"])
        pairs = [(command(servers, DAGSTER), command(servers, [TICKSTOCK, "run"])) for _ in range(rounds)]
    table = Table("", "s", "CPU s", "of it the server", "peak MB", "rows of Dagster", title="run again, nothing to do")
    for name, place in (("import dagster", 0), ("tickstock run", 1)):
        best = min((pair[place] for pair in pairs), key=lambda run: run.wall)
        table.add_row(name, *_columns(best), str(best.rows))
    console.print(table)
    ratio = sorted(run.wall / alone.wall for alone, run in pairs)[len(pairs) // 2]
    of_cpu = sorted(run.cpu / alone.cpu for alone, run in pairs)[len(pairs) // 2]
    verdict(f"run again / import dagster, median of {rounds}: {ratio:.2f} × wall, {of_cpu:.2f} × CPU", RUN_AGAIN, ratio)


def _columns(run: Run) -> tuple[str, ...]:
    return f"{run.wall:.1f}", f"{run.cpu:.1f}", f"{run.server:.1f}", f"{run.memory:.0f}"


def verdict(words: str, bound: float, value: float) -> None:
    """Print a result beside its bound."""
    console.print(f"{words}; bound {bound:g}: [bold]{'met' if value <= bound else 'NOT MET'}[/]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("load", "growth", "run"))
    arguments = parser.parse_args()
    with running_servers() as servers:
        if arguments.only in (None, "load"):
            measure_load(servers, arguments.rounds)
        if arguments.only in (None, "growth"):
            measure_growth(servers)
        if arguments.only in (None, "run"):
            measure_run(servers, arguments.rounds + 2)


if __name__ == "__main__":
    main()
