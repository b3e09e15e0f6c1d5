"""Other ways to store the same rows: a bare staged merge (the floor), raw COPY, dlt, ArcticDB, pandas.

All get the rows ready made: validated, with their security and their session's close. None of them quarantines,
explains absent cells or keeps a ledger.
"""

import io
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

import polars as pl
import psycopg

from benchmarks.measuring import Contender, Cost
from benchmarks.servers import Servers
from tickstock_dagster.adapters.postgres.database import open_engine, transaction

COLUMNS = (
    "security_id", "session", "ticker", "closes_at", "open", "high", "low", "close", "volume", "vwap",
    "transactions", "status",
)  # fmt: skip
MULTI_SAMPLE = 10_000

_numbers = count(1)


@dataclass(frozen=True)
class Constants:
    """Columns that are the same in every row."""

    source: str
    now: datetime


BY_ROW = "ohlcv_daily_by_row"
"""A copy of our table with a foreign key to `securities`, as it was until references were proven by statement."""


def make_table_by_row(servers: Servers) -> None:
    """Make `BY_ROW` in the template, with the columns, key, index and checks that our table had then."""
    with psycopg.connect(servers.url(servers.template)) as connection:
        connection.execute(f"CREATE TABLE {BY_ROW} (LIKE ohlcv_daily INCLUDING ALL EXCLUDING INDEXES)")
        connection.execute(f"ALTER TABLE {BY_ROW} ADD PRIMARY KEY (security_id, session)")
        connection.execute(f"CREATE INDEX ON {BY_ROW} (session)")
        connection.execute(f"ALTER TABLE {BY_ROW} ADD FOREIGN KEY (security_id) REFERENCES securities")
        connection.execute(f"GRANT INSERT, UPDATE ON {BY_ROW} TO tickstock_writer")


def contenders(rows: pl.DataFrame, at: Constants, folder: Path) -> list[Contender]:
    """The expensive rivals, each in its fastest usual variant."""
    few = rows.head(MULTI_SAMPLE)
    return [
        Contender(
            "dlt merge (own table: float prices, no keys or checks)",
            partial(dlt_merge, rows, at, folder),
            rows.height,
            table="lake.ohlcv_daily",
            every=3,
        ),
        Contender("pandas to_sql (append only)", partial(to_sql, rows, at, None), rows.height, every=3),
        Contender(
            "pandas to_sql, method='multi' (append only)",
            partial(to_sql, few, at, "multi"),
            few.height,
            every=3,
            share=few.height / rows.height,
        ),
    ]


def arcticdb(rows: pl.DataFrame, folder: Path) -> Contender:
    """ArcticDB, in every round: a bound refers to it."""
    name = "ArcticDB on LMDB (files, no database)"
    return Contender(name, partial(arcticdb_write, rows, folder), rows.height, table=None)


def as_csv(rows: pl.DataFrame) -> memoryview:
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z")
    return text.getbuffer()


def bare_merge(rows: pl.DataFrame, at: Constants, batches: int, url: str, *, table: str = "ohlcv_daily") -> None:
    """COPY to a TEMP table, INSERT … ON CONFLICT DO UPDATE: the floor.

    Args:
        rows: with `COLUMNS`.
        at: columns that are the same in every row.
        batches: number of transactions.
        url: of the database.
        table: into which.
    """
    columns = ", ".join(COLUMNS)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*COLUMNS[2:], "source", "loaded_at"))
    for part in rows.iter_slices(-(-rows.height // batches)):
        with transaction(open_engine(url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT {columns} FROM ohlcv_daily LIMIT 0")
            with cursor.copy(f"COPY stage ({columns}) FROM STDIN (FORMAT csv)") as copy:
                copy.write(as_csv(part))
            cursor.execute(
                f"INSERT INTO {table} ({columns}, source, loaded_at)"
                f" SELECT {columns}, %s, %s FROM stage ON CONFLICT (security_id, session) DO UPDATE SET {updates}",
                (at.source, at.now),
            )


def raw_copy(rows: pl.DataFrame, at: Constants, url: str) -> None:
    """COPY straight into the table: a single row that exists already makes it fail as a whole."""
    complete = _with_constants(rows, at)
    statement = f"COPY ohlcv_daily ({', '.join(complete.columns)}) FROM STDIN (FORMAT csv)"
    with transaction(open_engine(url)) as connection, connection.cursor().copy(statement) as copy:
        copy.write(as_csv(complete))


def dlt_merge(rows: pl.DataFrame, at: Constants, folder: Path, url: str) -> None:
    """A dlt pipeline with merge disposition, from Arrow, loading CSV by COPY: faster than its default of INSERTs.

    Args:
        rows: with `COLUMNS`.
        at: columns that are the same in every row.
        folder: for dlt's working files.
        url: of the database.
    """
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    import dlt

    pipeline = dlt.pipeline(
        f"bars_{next(_numbers)}",
        destination=dlt.destinations.postgres(url),
        dataset_name="lake",
        pipelines_dir=str(folder / "dlt"),
    )
    bars = dlt.resource(
        _with_constants(rows, at).to_arrow(),
        name="ohlcv_daily",
        write_disposition="merge",
        primary_key=("security_id", "session"),
    )
    pipeline.run(bars, loader_file_format="csv")


def to_sql(rows: pl.DataFrame, at: Constants, method: Literal["multi"] | None, url: str) -> None:
    """`DataFrame.to_sql` into the table; it cannot merge.

    Args:
        rows: with `COLUMNS`.
        at: columns that are the same in every row.
        method: of `to_sql`; None: one row per statement.
        url: of the database.
    """
    frame = _with_constants(rows, at).to_pandas()
    chunk = 1_000 if method else 10_000  # one statement takes 65,535 parameters
    frame.to_sql("ohlcv_daily", open_engine(url), if_exists="append", index=False, method=method, chunksize=chunk)


def arcticdb_write(rows: pl.DataFrame, folder: Path, _url: str) -> Cost:
    """One ArcticDB symbol per ticker, in a separate process: its libraries and psycopg2's conflict in one process."""
    path = folder / "rows.parquet"
    if not path.exists():
        rows.select("ticker", "session", "open", "high", "low", "close", "volume").write_parquet(path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_arcticdb_write, path, folder / f"arctic-{next(_numbers)}").result()


def _arcticdb_write(path: Path, folder: Path) -> Cost:
    import arcticdb

    parts = pl.read_parquet(path).partition_by("ticker", as_dict=True)
    library = arcticdb.Arctic(f"lmdb://{folder}").create_library("bars")
    wall, cpu = time.perf_counter(), time.process_time()
    for (ticker,), part in parts.items():
        library.write(ticker, part.drop("ticker").to_pandas().set_index("session"))
    cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
    assert len(library.list_symbols()) == len(parts)
    return cost


def _with_constants(rows: pl.DataFrame, at: Constants) -> pl.DataFrame:
    return rows.with_columns(source=pl.lit(at.source), loaded_at=pl.lit(at.now))
