"""Bars into a polars frame, ours beside ArcticDB, Parquet, pandas and psycopg: all of 505 × 5 years, and one symbol.

    python -m benchmarks.reads [--rounds N]

Ours is `tickstock_dagster.reading.BarReader` on an open connection. The floor is the server's own work: it makes the
same rows into text and sends them nowhere. ArcticDB and Parquet have files without keys, checks or corrections, and are
asked for the same columns. Bounds: all ≤ 1.5 × ArcticDB, one symbol ≤ 20 ms. Needs about two minutes.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from rich.table import Table

from benchmarks import rivals
from benchmarks.ingest import Ingest
from benchmarks.market_rows import market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.reading import BarReader

ALL_BOUND, ONE_BOUND = 1.5, 0.020
ONCE = 25
"""Reads of one symbol that are measured as one."""

COLUMNS = "ticker, session, open, high, low, close, volume"
FLOATS = "ticker, session, open::float8, high::float8, low::float8, close::float8, volume"
OF_ONE = "security_id = (SELECT security_id FROM symbols WHERE symbol = '{}')"

Costs = dict[str, list[Cost]]


def select(ticker: str | None, columns: str = COLUMNS) -> str:
    """The statement for all bars, or for one symbol's by its key."""
    return f"SELECT {columns} FROM ohlcv_daily" + (f" WHERE {OF_ONE.format(ticker)}" if ticker else "")


def floor(connection: psycopg.Connection[Any], ticker: str | None) -> None:
    connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SERIALIZE TEXT) {select(ticker)}".encode()).fetchall()


def by_rows(connection: psycopg.Connection[Any], ticker: str | None) -> int:
    rows = connection.execute(select(ticker, FLOATS).encode()).fetchall()
    return pl.DataFrame(rows, schema=COLUMNS.split(", "), orient="row", infer_schema_length=None).height


def by_pandas(url: str, ticker: str | None) -> int:
    import pandas as pd

    return len(pd.read_sql(select(ticker, FLOATS), open_engine(url)))


def by_parquet(file: Path, ticker: str | None) -> int:
    frame = pl.scan_parquet(file).select(COLUMNS.split(", "))
    return (frame.filter(pl.col("ticker") == ticker) if ticker else frame).collect().height


def ours(reader: BarReader, ticker: str | None) -> int:
    return reader.bars(ticker).height


def by_frame(url: str, ticker: str | None) -> int:
    return read_frame(open_engine(url), select(ticker)).height


class Arctic:
    """ArcticDB on LMDB, in a process of its own: its libraries and psycopg's conflict in one process."""

    def __init__(self, folder: Path, rows: pl.DataFrame) -> None:
        rows.select(COLUMNS.split(", ")).write_parquet(folder / "arctic.parquet")
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        self._pool.submit(_arctic_write, folder).result()

    def read(self, ticker: str | None) -> Cost:
        """The cost of a read into one polars frame."""
        return self._pool.submit(_arctic_read, ticker).result()


_library: list[Any] = []


def _arctic_write(folder: Path) -> None:
    import arcticdb

    library = arcticdb.Arctic(f"lmdb://{folder / 'arctic'}").create_library("bars")
    for (ticker,), part in pl.read_parquet(folder / "arctic.parquet").partition_by("ticker", as_dict=True).items():
        library.write(ticker, part.drop("ticker").to_pandas().set_index("session"))
    _library.append(library)


def _arctic_read(ticker: str | None) -> Cost:
    [library] = _library
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(ONCE if ticker else 1):
        names = [ticker] if ticker else library.list_symbols()
        parts = [pl.from_pandas(one.data, include_index=True) for one in library.read_batch(names)]
        pl.concat(
            [part.insert_column(0, pl.lit(name).alias("ticker")) for name, part in zip(names, parts, strict=True)]
        )
    share = ONCE if ticker else 1
    return Cost((time.perf_counter() - wall) / share, (time.process_time() - cpu) / share)


def measured(servers: Servers, read: Callable[[str | None], object], ticker: str | None) -> Cost:
    """The cost of a read: of everything, or the mean of some of one symbol."""
    times = ONCE if ticker else 1
    with stopwatch(servers.postmaster) as watch:
        for _ in range(times):
            found = read(ticker)
    return found if isinstance(found, Cost) else watch.cost.times(1 / times)


def show(title: str, costs: Mapping[str, list[Cost]], base: str) -> dict[str, float]:
    """Print a table of medians; returns by contender the median ratio to `base` of the same round."""
    table = Table("contender", "ms", "CPU ms", f"× {base}", "CPU ×", title=title)
    ratios = {}
    for name, of in costs.items():
        pairs = [(one.wall / two.wall, one.cpu / max(two.cpu, 1e-9)) for one, two in zip(of, costs[base], strict=True)]
        ratios[name] = statistics.median(wall for wall, _ in pairs)
        figures = (statistics.median(cost.wall for cost in of), statistics.median(cost.cpu for cost in of))
        cpu = statistics.median(cpu for _, cpu in pairs)
        table.add_row(name, *(f"{1000 * figure:,.1f}" for figure in figures), f"{ratios[name]:.2f}", f"{cpu:.2f}")
    console.print(table)
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (5)")
    rounds = parser.parse_args().rounds
    rows = market_rows()
    with running_servers() as servers, tempfile.TemporaryDirectory(prefix="tickstock-bench-reads-") as name:
        folder = Path(name)
        finished = Ingest.prepare(servers, rows).finished_rows()
        finished.write_parquet(folder / "bars.parquet", statistics=True)
        with servers.fresh_database() as url:
            rivals.raw_copy(finished, rivals.Constants("bench", datetime.now(UTC)), url)
            with psycopg.connect(url, autocommit=True) as connection, BarReader(url) as reader:
                connection.execute("VACUUM ANALYZE")
                contenders: dict[str, Callable[[str | None], object]] = {
                    "ours: BarReader": partial(ours, reader),
                    "our read_frame, by SQL": partial(by_frame, url),
                    "floor: the server's text, sent nowhere": partial(floor, connection),
                    "ArcticDB on LMDB": Arctic(folder, finished).read,
                    "Parquet, one file, by ticker": partial(by_parquet, folder / "bars.parquet"),
                    "psycopg rows to polars": partial(by_rows, connection),
                    "pandas.read_sql": partial(by_pandas, url),
                }
                results: dict[str | None, Costs] = {}
                for ticker in (None, "AAPL" if "AAPL" in rows.tickers else rows.tickers[0]):
                    costs = results.setdefault(ticker, {label: [] for label in contenders})
                    for number in range(rounds + 1):  # the first warms everything up
                        order = list(contenders.items())
                        for label, read in order if number % 2 else reversed(order):
                            cost = measured(servers, read, ticker)
                            if number:
                                costs[label].append(cost)
    whole, one = results.values()
    ratio = show(f"all bars, {rows.label}", whole, "ArcticDB on LMDB")["ours: BarReader"]
    show("one symbol by ticker", one, "ArcticDB on LMDB")
    seconds = statistics.median(cost.wall for cost in one["ours: BarReader"])
    met = ratio <= ALL_BOUND and seconds <= ONE_BOUND
    console.print(
        f"all: [bold]{ratio:.2f} × ArcticDB[/], bound {ALL_BOUND}; one symbol: [bold]{1000 * seconds:.1f} ms[/], "
        f"bound {1000 * ONE_BOUND:.0f} ms: {'met' if met else 'NOT MET'}"
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"medians; {os.cpu_count()} cores, load average at the end {load}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
