"""A whole market's session, 11,000 symbols by one grouped call: from the sensor's tick to `tickstock.eod.complete`.

    python -m benchmarks.whole_market [--symbols N]

Nothing is called by hand: the project's daemon ticks the sensor, queues the run and starts its process, and the run
loads the latest closed session from the simulator and publishes its end. As on any evening the daemon has been running
for a while: the sensor is switched on when code server and warm process are there. There are two days: the first one
ever, which also loads the vendor's list of symbols, and an ordinary one, with the session before already stored. The
phases come from Dagster's ticks and events, from the run's summary and from the ledger of calls.

The unit is `import dagster` in a new process, measured around the days; bounds of an ordinary day: 5 of them from the
tick, 1.2 of them ours.
"""

import argparse
import os
import statistics
import string
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice, product
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import psycopg
from rich.table import Table

from benchmarks.dagster_runs import execute
from benchmarks.dagster_setup import MODULE, daemon, environment, simulator, track
from benchmarks.market_rows import MarketRows, market_calendar
from benchmarks.measuring import console
from benchmarks.servers import Servers, running_servers

SYMBOLS = 11_000
SENSOR, JOB, STEP = "us_eod_sensor", "us_eod", "us__session_bars"
WAIT_SECONDS = 180.0
TICK_BOUND, OURS_BOUND = 5.0, 1.2
"""Bounds of an ordinary day, in `import dagster`."""

FIRST_EVER, ORDINARY = "the first day ever", "an ordinary day"
TOTAL, OURS = "tick to eod.complete in Redis", "ours: the step until the event is sent"
PUBLISHED = (
    "SELECT sent_at, event -> 'data' FROM outbox WHERE channel = 'tickstock.eod.complete' AND sent_at IS NOT NULL"
)
CALLS = """
    SELECT count(*), coalesce(sum(elapsed_ms), 0) / 1000
    FROM vendor_calls WHERE run_id = %s AND called_at BETWEEN %s AND %s"""


@dataclass(frozen=True)
class Day:
    """One measured day: seconds by phase, in order, and counts."""

    name: str
    seconds: dict[str, float]
    counts: dict[str, int]


def tickers(count: int) -> list[str]:
    """SPY, whose bar shows whether the vendor has published the day, and names of four letters."""
    return ["SPY", *("".join(letters) for letters in islice(product(string.ascii_uppercase, repeat=4), count - 1))]


def market(symbols: int, days: tuple[date, ...]) -> MarketRows:
    """Bars of every symbol on some sessions."""
    random = np.random.default_rng(7)
    names, frames = tickers(symbols), []
    for day in days:
        close = random.uniform(5, 500, symbols).round(2)
        prices = {"open": close, "high": (close * 1.02).round(2), "low": (close * 0.98).round(2), "close": close}
        volume = random.integers(10_000, 5_000_000, symbols)
        frames.append(pl.DataFrame({"ticker": names, "session": [day] * symbols, **prices, "volume": volume}))
    return MarketRows(f"{symbols:,} symbols", pl.concat(frames))


def measured_day(name: str, servers: Servers, instance: dg.DagsterInstance, url: str, symbols: int) -> Day:
    """Let the daemon load the missing latest session, wait until its end is published, and read the phases.

    Args:
        name: of the day.
        servers: running.
        instance: Dagster's.
        url: the warehouse.
        symbols: number of expected symbols.
    """
    before = {run.run_id for run in instance.get_runs()}
    with daemon(instance, servers.folder):
        wait_until_warm(servers.folder / "daemon.log")
        start_sensor(servers.folder)
        deadline = time.monotonic() + WAIT_SECONDS
        while not (published := rows_of(url, PUBLISHED)):
            if time.monotonic() > deadline:
                raise TimeoutError("the session's end was not published")
            time.sleep(0.2)
        [record] = [
            record
            for record in instance.get_run_records(dg.RunsFilter(job_name=JOB))
            if record.dagster_run.run_id not in before
        ]
        run_id = record.dagster_run.run_id
        while not ((run := instance.get_run_by_id(run_id)) and run.is_finished):
            time.sleep(0.2)
    [(sent_at, data)] = published
    assert (data["stored"], data["missing"]) == (symbols, 0), data
    return Day(name, *read_phases(instance, run_id, url, sent_at.timestamp(), record.create_timestamp.timestamp()))


def start_sensor(folder: Path) -> None:
    """Switch the sensor on with Dagster's own command, in a folder without a `.env`."""
    command = [str(Path(sys.executable).with_name("dagster")), "sensor", "start", SENSOR, "-m", MODULE]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]


def wait_until_warm(log: Path) -> None:
    """Wait for the line of the warm process in the daemon's log."""
    deadline = time.monotonic() + WAIT_SECONDS
    while "Runs start warm" not in log.read_text(encoding="utf-8", errors="replace"):
        if time.monotonic() > deadline:
            raise TimeoutError("there is no warm process")
        time.sleep(0.2)


def import_dagster() -> float:
    """Seconds of `import dagster` in a new process: the median of five."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import dagster"], check=True)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def read_phases(
    instance: dg.DagsterInstance, run_id: str, url: str, sent_at: float, queued_at: float
) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds by phase and counts of one run.

    Args:
        instance: Dagster's.
        run_id: of the run.
        url: the warehouse.
        sent_at: Unix seconds at which `tickstock.eod.complete` was sent.
        queued_at: Unix seconds at which the run was created.
    """
    entries = instance.all_logs(run_id)
    events = [(entry.timestamp, entry.dagster_event) for entry in entries if entry.dagster_event]
    first: dict[str, float] = {}
    for moment, event in events:
        if event.step_key in (None, STEP):
            first.setdefault(event.event_type_value, moment)
    asset = dg.AssetKey(["us", "session_bars"])
    of_asset = [event.event_type_value for _, event in events if event.asset_key == asset]
    cells = summary_cells(events)
    span = [datetime.fromtimestamp(moment, UTC) for moment in (first["STEP_START"], sent_at)]
    ((calls, vendor),) = rows_of(url, CALLS, run_id, *span)
    step = sent_at - first["STEP_START"]
    seconds = {
        "Dagster: tick until the run is queued": queued_at - tick_of(instance, run_id),
        "Dagster: queue": first["PIPELINE_STARTING"] - queued_at,
        "process, imports, the steps before": first["STEP_START"] - first["PIPELINE_STARTING"],
        "vendor: calls of the step": float(vendor),
        OURS: step - float(vendor),
        **{f"  of the step: {name}": float(value) for name, value in cells.items() if name.endswith(" s")},
        TOTAL: sent_at - tick_of(instance, run_id),
    }
    counts = {
        "vendor calls of the step": calls,
        "materialisation events": of_asset.count("ASSET_MATERIALIZATION"),
        "planned events": of_asset.count("ASSET_MATERIALIZATION_PLANNED"),
    }
    return seconds, counts


def summary_cells(events: list[tuple[float, dg.DagsterEvent]]) -> dict[str, str]:
    """The summary in the run's metadata, by column."""
    for _, event in events:
        if event.is_step_materialization:
            metadata = event.step_materialization_data.materialization.metadata
            if "summary" in metadata:
                head, _, row = str(metadata["summary"].value).splitlines()
                return dict(zip(head.strip("| ").split(" | "), row.strip("| ").split(" | "), strict=True))
    raise AssertionError("the run has no summary")


def tick_of(instance: dg.DagsterInstance, run_id: str) -> float:
    """Unix seconds at the start of the sensor's tick that requested a run."""
    for state in instance.all_instigator_state():
        if state.name == SENSOR:
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
                if run_id in tick.run_ids:
                    return tick.timestamp
    raise AssertionError(f"no tick of {SENSOR} requested {run_id}")


def rows_of(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query on the store."""
    with psycopg.connect(url) as connection:
        return connection.execute(query, values).fetchall()


def measure(servers: Servers, symbols: int, names: tuple[str, ...]) -> list[Day]:
    """The named ones of the two days."""
    calendar = market_calendar()
    latest = calendar.latest_closed_session(datetime.now(UTC))
    before = calendar.previous_session(latest)
    rows, days = market(symbols, (before, latest)), []
    with simulator(rows, servers.folder) as vendor_url:
        for name in names:
            with (
                servers.fresh_database() as url,
                environment(servers, url, vendor_url),
                dg.DagsterInstance.get() as instance,
            ):
                os.environ["TICKSTOCK_AUTOMATION"] = "stopped"  # but for the one sensor
                track(url, rows, before)  # else millions of older bars were owed
                if name == ORDINARY:
                    execute(instance, JOB, str(before), {})
                days.append(measured_day(name, servers, instance, url, symbols))
                instance.wipe()
    return days


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=SYMBOLS, help="symbols of the market (default %(default)s)")
    parser.add_argument("--ordinary", action="store_true", help="the ordinary day alone")
    arguments = parser.parse_args()
    with running_servers() as servers:
        units = [import_dagster()]
        days = measure(servers, arguments.symbols, (ORDINARY,) if arguments.ordinary else (FIRST_EVER, ORDINARY))
        units.append(import_dagster())
    table = Table("phase", *(day.name for day in days), title=f"{arguments.symbols:,} symbols, one session; seconds")
    for column in table.columns[1:]:
        column.justify = "right"
    for phase in days[0].seconds:
        table.add_row(phase, *(f"{day.seconds[phase]:.2f}" for day in days))
    for what in days[0].counts:
        table.add_row(what, *(f"{day.counts[what]:,}" for day in days))
    console.print(table)
    unit = statistics.mean(units)
    for what, bound in ((TOTAL, TICK_BOUND), (OURS, OURS_BOUND)):
        times = days[-1].seconds[what] / unit
        verdict = "within" if times <= bound else "ABOVE"
        console.print(f"{what}: {times:.2f} x import dagster ({unit:.2f} s), {verdict} the bound of {bound}")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"{os.cpu_count()} cores, load average at the end {load}", style="dim")


if __name__ == "__main__":
    main()
