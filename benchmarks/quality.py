"""The quality report of one session: 11,000 symbols with the history that a judgement needs, part by part.

The parts are reading the panel, judging it, and the whole report with findings, scores and summary stored, the first
time and again. The floor is a bare copy of the same rows to the client. Bound: 2 s for reading and judging.
"""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import polars as pl
import psycopg
from rich.table import Table

from benchmarks.measuring import console, measured, stopwatch
from benchmarks.servers import running_servers
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.quality.judged import current_findings, judge_sessions
from tickstock_dagster.adapters.quality.panel import read_panel
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.panel import HISTORY_SESSIONS

CALENDAR = library_calendar("XNYS")
SYMBOLS, BOUND = 11_000, 2.0
SESSION = date(2026, 11, 20)
DAYS = CALENDAR.sessions_before(SESSION, HISTORY_SESSIONS)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

FILL = (
    """
    INSERT INTO securities (security_id, composite_figi, equity_type, sector, primary_exchange, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, 'F' || n, 'CS', 'Sector ' || n %% 11, 'XNYS', now() FROM generate_series(1, %(symbols)s) AS n
    """,
    """
    INSERT INTO ticker_intervals (security_id, ticker, valid_from, start_known, seen_from, seen_to)
    SELECT security_id, 'T' || security_id, '1900-01-01', 'unknown', '2003-09-10', %(session)s FROM securities
    """,
    """
    INSERT INTO cache_entries (key, type, name, value, track, track_from, created_at, updated_at)
    SELECT 'all', 'list', 'All', jsonb_agg('T' || security_id), true, %(session)s, now(), now() FROM securities
    """,
    "CREATE TEMP TABLE given (LIKE ohlcv_daily)",
)
"""Securities 1, 2, …, tracked from the judged session on."""


def bars() -> pl.DataFrame:
    """Random walks of `SYMBOLS` companies; on the judged session some move by half or trade tenfold."""
    random = np.random.default_rng(5)
    days = [*DAYS, SESSION]
    shape = (SYMBOLS, len(days))
    moves = random.normal(0, 0.006, len(days)) + random.normal(0, 0.015, shape)
    moves[::500, -1] += 0.5
    close = 20 * np.exp(moves.cumsum(axis=1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1) * np.exp(random.normal(0, 0.003, shape))
    volume = 500_000 * np.exp(random.normal(0, 0.4, shape))
    volume[250::500, -1] *= 10
    span = np.abs(random.normal(0, 0.005, shape))
    ids = np.repeat(np.arange(1, SYMBOLS + 1), len(days))
    frame = pl.DataFrame(
        {
            "security_id": ids,
            "session": days * SYMBOLS,
            "open": opened.ravel(),
            "high": (np.maximum(opened, close) * np.exp(span)).ravel(),
            "low": (np.minimum(opened, close) * np.exp(-span)).ravel(),
            "close": close.ravel(),
            "volume": volume.ravel().astype(np.int64),
        }
    ).with_columns(pl.col("open", "high", "low", "close").round(4))
    return frame.select(
        "security_id", "session", pl.format("T{}", "security_id").alias("ticker"),
        pl.format("{}T21:00:00+00", "session").alias("closes_at"), "open", "high", "low", "close", "volume",
        vwap=pl.lit(None, pl.Float64), transactions=pl.lit(None, pl.Int64), fmv=pl.lit(None, pl.Float64),
        is_fmv=pl.lit(value=False), source=pl.lit("bench"), status=pl.lit("final"),
        loaded_at=pl.lit("2026-11-20T22:00:00+00"), volume_printed=pl.lit(None, pl.Float64),
    )  # fmt: skip


def fill(url: str) -> None:
    """Store what `FILL` and `bars` have."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for text in FILL:
            cursor.execute(text.encode(), {"symbols": SYMBOLS, "session": SESSION})
        copy_frame(cursor, "given", bars())
        cursor.execute("INSERT INTO ohlcv_daily SELECT * FROM given")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def floor(url: str) -> int:
    """Copies the same columns to the client, as they are."""
    asked = "COPY (SELECT security_id, session, ticker, open, high, low, close, volume FROM ohlcv_daily) TO STDOUT"
    with transaction(open_engine(url)) as connection, connection.cursor().copy(asked) as copy:
        return sum(len(part) for part in copy)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    rounds = parser.parse_args().rounds
    table = Table("part", "s", "CPU s", "bound", title=f"quality of {SESSION}: {SYMBOLS:,} × 1 + {HISTORY_SESSIONS}")
    with running_servers() as servers, servers.fresh_database() as url:
        fill(url)
        engine = open_engine(url)
        report = partial(report_sessions, engine, CALENDAR, [SESSION], run_id="bench", now=NOW)
        with stopwatch(servers.postmaster) as watch:
            [first] = report()
        parts: tuple[tuple[str, Callable[[], object], float | None], ...] = (
            ("floor: a bare copy of the rows", partial(floor, url), None),
            ("reading the panel", partial(read_panel, engine, CALENDAR, range(1, SYMBOLS + 1), SESSION, SESSION), None),
            ("reading and judging", lambda: list(judge_sessions(engine, CALENDAR, [SESSION])), BOUND),
            ("the report again", lambda: list(report()), None),
            ("reading what is stored", partial(current_findings, engine, CALENDAR, SESSION), None),
        )
        for name, run, bound in parts:
            cost = measured(servers, run, rounds)
            table.add_row(name, f"{cost.wall:.2f}", f"{cost.cpu:.2f}", "" if bound is None else f"{bound}")
        found = f"{first.stored.found} findings, {first.stored.alerted} alerts, {len(first.stored.set_aside)} set aside"
        table.add_row(f"the first report: {found}", f"{watch.cost.wall:.2f}", f"{watch.cost.cpu:.2f}", "")
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"medians; {os.cpu_count()} cores, load average at the end {load}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
