"""One Dagster run per partition, the usual way, beside ours: one run with range tags over the same partitions.

    python -m benchmarks.dagster_runs [--sample N]

Three ways, the same assets, checks, instance and vendor:

* backfill: `dagster job backfill`, as the UI's job backfill does it: one queued run per partition, launched by the
  daemon in a process of its own (project's limits: 4 runs at once, 2 that talk to the vendor);
* in this process: one `execute_in_process` per partition, one after the other: it starts no processes and so is the
  most favourable form of one run per partition;
* ours: one run with `dagster/asset_partition_range_start|end`; over all sessions it is `tickstock load`, as people type
  it, the whole command with its checks (`load_command` has its figures in full).

The first two are measured on a sample and EXTRAPOLATED; ours over all sessions is measured in full.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import dagster as dg
import psutil
from rich.table import Table

from benchmarks.dagster_setup import MODULE, daemon, environment, simulator, track
from benchmarks.load_command import load
from benchmarks.market_rows import MarketRows, market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.servers import Servers, running_servers

SAMPLE = 12
GRID_TICKERS, GRID_SESSIONS = 20, 252
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Way:
    """A measured way: the cost of a number of partitions in a number of runs."""

    name: str
    runs: int
    partitions: int
    cost: Cost

    def costs_for(self, partitions: int) -> Cost:
        """The cost of that many partitions, at the same cost for each."""
        return self.cost.times(partitions / self.partitions)


def execute(instance: dg.DagsterInstance, job: str, partition: str | None, tags: Mapping[str, str]) -> None:
    """One run in this process; it must succeed.

    Args:
        instance: Dagster's.
        job: its name.
        partition: partition key; None for a run with range tags.
        tags: of the run.
    """
    from tickstock_dagster.definitions import definitions

    definition = definitions().resolve_job_def(job)
    result = definition.execute_in_process(
        instance=instance, partition_key=partition, tags=dict(tags), run_config=QUIET, raise_on_error=False
    )
    failures = [str(event.step_failure_data.user_failure_data) for event in result.all_events if event.is_step_failure]
    assert result.success, f"a run of {job} for {partition or tags} failed: {failures}"


def in_this_process(server: psutil.Process, instance: dg.DagsterInstance, job: str, partitions: Sequence[str]) -> Way:
    """One run after the other.

    Args:
        server: the database server's main process, whose processor time counts.
        instance: Dagster's.
        job: its name.
        partitions: partition keys, one run each.
    """
    with stopwatch(server) as watch:
        for partition in partitions:
            execute(instance, job, partition, {})
    return Way("one run each, in this process", len(partitions), len(partitions), watch.cost)


def one_run(
    server: psutil.Process, instance: dg.DagsterInstance, job: str, first: str, last: str, partitions: int
) -> Way:
    """The project's way: one run over a range.

    Args:
        server: the database server's main process, whose processor time counts.
        instance: Dagster's.
        job: its name.
        first: first partition key of the range.
        last: last partition key, inclusive.
        partitions: how many the range has.
    """
    from tickstock_dagster.defs.tags import RANGE_END, RANGE_START

    with stopwatch(server) as watch:
        execute(instance, job, None, {RANGE_START: first, RANGE_END: last})
    return Way("ours: one run with range tags", 1, partitions, watch.cost)


def backfill(
    server: psutil.Process,
    launcher: psutil.Process,
    instance: dg.DagsterInstance,
    job: str,
    partitions: Sequence[str],
    folder: Path,
) -> Way:
    """Submit with Dagster's own command and wait; timed from the first run's creation to the last run's end.

    Args:
        server: the database server's main process, whose processor time counts.
        launcher: the daemon, whose processor time and children's count.
        instance: Dagster's.
        job: its name.
        partitions: partition keys, one run each.
        folder: working directory without a `.env`.
    """
    known = {run.run_id for run in instance.get_runs()}
    command = [str(Path(sys.executable).with_name("dagster")), "job", "backfill", "-m", MODULE, "-j", job]
    command += ["--partitions", ",".join(partitions), "--noprompt"]
    with stopwatch(server, launcher) as watch:
        submitted = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert submitted.returncode == 0, submitted.stdout[-2_000:] + submitted.stderr[-2_000:]
        while True:
            records = [record for record in instance.get_run_records() if record.dagster_run.run_id not in known]
            if len(records) == len(partitions) and all(record.dagster_run.is_finished for record in records):
                break
            time.sleep(0.5)
    assert all(record.dagster_run.is_success for record in records), [r.dagster_run.status for r in records]
    ended = max(record.end_time or 0.0 for record in records)
    wall = ended - min(record.create_timestamp.timestamp() for record in records)
    return Way("one run each, backfill by the daemon", len(records), len(partitions), Cost(wall, watch.cost.cpu))


def measure(servers: Servers, rows: MarketRows, sample: int) -> tuple[list[Way], list[Way]]:
    """(by session, by session × ticker). Every way loads other sessions, on which all tickers were listed."""
    days = [str(day) for day in rows.sessions]
    fresh = iter(days[-3 * sample - 4 :])
    tickers, server = rows.tickers[:GRID_TICKERS], servers.postmaster
    with simulator(rows, servers.folder) as vendor_url:
        with (
            servers.fresh_database() as url,
            environment(servers, url, vendor_url),
            dg.DagsterInstance.get() as instance,
        ):
            from tickstock_dagster.defs.partitions import TICKERS

            track(url, rows)
            instance.add_dynamic_partitions(TICKERS, list(tickers))
            execute(instance, "us_eod", next(fresh), {})  # imports, listings and first connections
            by_session = [in_this_process(server, instance, "us_eod", list(islice(fresh, sample)))]
            span = list(islice(fresh, sample))
            by_session.append(one_run(server, instance, "us_eod", span[0], span[-1], sample))
            by_cell = [in_this_process(server, instance, "us_symbols", cells(next(fresh), tickers, sample))]
            with daemon(instance, servers.folder) as launcher:
                backfill(
                    server, launcher, instance, "us_eod", [next(fresh)], servers.folder
                )  # imports of the code server
                by_session.insert(
                    0, backfill(server, launcher, instance, "us_eod", list(islice(fresh, sample)), servers.folder)
                )
                chosen = cells(next(fresh), tickers, sample)
                by_cell.insert(0, backfill(server, launcher, instance, "us_symbols", chosen, servers.folder))
            grid = days[-GRID_SESSIONS:]
            first, last = f"{grid[0]}|{tickers[0]}", f"{grid[-1]}|{tickers[-1]}"
            by_cell.append(one_run(server, instance, "us_symbols", first, last, len(grid) * len(tickers)))
        whole, _ = load(servers, vendor_url, rows, rows.sessions)
        cost = Cost(whole.wall, whole.cpu)
        by_session.append(Way("ours: one run with range tags, by `tickstock load`", 1, len(days), cost))
    return by_session, by_cell


def cells(day: str, tickers: Sequence[str], count: int) -> list[str]:
    """Partition keys of some tickers on one session."""
    return [f"{day}|{ticker}" for ticker in tickers[:count]]


def duration(seconds: float) -> str:
    """Seconds as text, in a readable unit."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def show(title: str, ways: Sequence[Way], total: int, best: Cost) -> None:
    """Print a table of ways, as measured and for `total` partitions.

    Args:
        title: of the table.
        ways: one row each.
        total: number of partitions to extrapolate to.
        best: our cost for all of them.
    """
    measured = ("way", "runs", "partitions", "s", "CPU s")
    table = Table(*measured, f"{total:,} partitions", "× ours", "CPU × ours", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for way in ways:
        whole = way.costs_for(total)
        figure = duration(whole.wall) if way.partitions == total else f"{duration(whole.wall)} EXTRAPOLATED"
        table.add_row(
            way.name,
            f"{way.runs:,}",
            f"{way.partitions:,}",
            f"{way.cost.wall:.1f}",
            f"{way.cost.cpu:.1f}",
            figure,
            f"{whole.wall / best.wall:,.1f}",
            f"{whole.cpu / best.cpu:,.1f}",
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"partitions of a sample ({SAMPLE})")
    sample = parser.parse_args().sample
    assert 1 <= sample <= SAMPLE, f"a sample of 1 to {SAMPLE}: no more sessions have every ticker listed"
    rows = market_rows()
    with running_servers() as servers:
        by_session, by_cell = measure(servers, rows, sample)
    whole = by_session[-1]
    show(f"us/session_bars, 505 tickers a session; {rows.label}", by_session, whole.partitions, whole.cost)
    total = len(rows.tickers) * len(rows.sessions)
    all_cells = Way("ours: the same cells by session, one run", 1, total, whole.cost)
    show("us/ohlcv_daily, session × ticker cells", [*by_cell, all_cells], total, whole.cost)


if __name__ == "__main__":
    main()
