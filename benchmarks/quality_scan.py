"""How long a whole market's judgement takes: from the store to the findings, beside the same questions asked in SQL.

4,000 securities × 252 sessions, all of them judged, and 11,000 × 1 with the history that a judgement needs. The bars
are real ones repeated under new ids. SQL asks of the same stored rows what window functions can tell
(`quality_windows.sql`): moves, gaps, ranges, spikes and droughts by a median of twenty bars a minute of trading, equal
bars; it has no context and gives no verdicts. Its session reads twenty sessions of history, no more.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import polars as pl
import psycopg
from rich.table import Table

from benchmarks import rivals
from benchmarks.load_command import verdict
from benchmarks.market_rows import market_calendar, market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.quality_panels import LIMITS, STOCK, as_bars, panel_of, repeated
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.core.judging.context import USUAL_SESSIONS
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.judging.panel import HISTORY_SESSIONS, PANEL_SCHEMA, Panel
from tickstock_dagster.reading import BarReader

YEAR, SESSION, TIMES = 3.0, 2.0, 2.0
"""Bounds: seconds of 4,000 × 252 and of 11,000 × 1 from the store to the findings, × faster than SQL (4,000 × 252)."""

SIZES = {"4,000 × 252": (4_000, 252, 0), "11,000 × 1": (11_000, 1, HISTORY_SESSIONS)}
"""Securities, judged sessions, sessions of history."""

FIRST_SESSION = 600
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SECURITIES = """
    INSERT INTO securities (security_id, name, updated_at, primary_exchange)
    OVERRIDING SYSTEM VALUE SELECT n, 'S' || n, now(), 'XNYS' FROM generate_series(1, %s) AS n"""


def measure_scan(rounds: int) -> None:
    """Both sizes, ours and SQL's in alternating order."""
    rows = market_rows()
    whole = panel_of(as_bars(rows.good), STOCK)
    statement = (Path(__file__).parent / "quality_windows.sql").read_text(encoding="utf-8")
    table = Table("securities × sessions", "", "s", "CPU s", title=f"{rows.label}, repeated; medians of {rounds}")
    results: dict[str, dict[str, list[Cost]]] = {}
    with running_servers() as servers:
        for words, (securities, sessions, history) in SIZES.items():
            span = whole.sessions[FIRST_SESSION : FIRST_SESSION + history + sessions]
            panel = replace(repeated(whole, span, securities), first=span[history])
            with servers.fresh_database() as url:
                fill(url, panel)
                results[words] = _measured(servers, url, panel, statement, rounds)
    for words, costs in results.items():
        for name, of in costs.items():
            table.add_row(words, name, f"{_wall(of):.2f}", f"{median(cost.cpu for cost in of):.2f}")
    console.print(table)
    for (words, costs), bound in zip(results.items(), (YEAR, SESSION), strict=True):
        ours = _wall(costs["ours, from the store"])
        verdict(f"{words} from the store to the findings: {ours:.2f} s", bound, ours)
    pairs = list(zip(*(results["4,000 × 252"][name] for name in ("ours, from the store", "SQL")), strict=True))
    times = median(sql.wall / ours.wall for ours, sql in pairs)
    of_cpu = median(sql.cpu / ours.cpu for ours, sql in pairs)
    words = f"4,000 × 252, SQL / ours: {times:.1f} × wall, {of_cpu:.1f} × CPU; ours / SQL {1 / times:.2f}"
    verdict(words, 1 / TIMES, 1 / times)


def fill(url: str, panel: Panel) -> None:
    """Store the panel's securities, bars and minutes of trading, and look at them as autovacuum would."""
    hours = market_calendar().session_hours(panel.sessions[0], panel.sessions[-1])
    closes = pl.DataFrame(
        {"session": [day.session for day in hours], "closes_at": [day.closes_at for day in hours]},
        schema={"session": pl.Date, "closes_at": pl.Datetime("us", "UTC")},
    )
    bars = panel.bars.join(closes, on="session").with_columns(
        pl.col("volume").cast(pl.Int64), vwap=pl.lit(None, dtype=pl.Float64), transactions=pl.lit(None, dtype=pl.Int64),
        status=pl.lit("final"),
    )  # fmt: skip
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SECURITIES, (panel.facts.height,))
        rivals.raw_copy(bars.select(rivals.COLUMNS).sort("security_id", "session"), rivals.Constants("bench", NOW), url)
        connection.execute("CREATE TABLE bench_minutes (session date PRIMARY KEY, minutes float8)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bench_minutes VALUES (%s, %s)", list(panel.minutes.items()))
        connection.execute("VACUUM ANALYZE")


def read_panel(reader: BarReader, panel: Panel) -> Panel:
    """The panel with its bars read from the store; facts, calendar and actions as they are."""
    bars = reader.bars(first=panel.sessions[0], last=panel.sessions[-1])
    return replace(panel, bars=bars.select(pl.col(name).cast(kind) for name, kind in PANEL_SCHEMA.items()))


def _measured(servers: Servers, url: str, panel: Panel, statement: str, rounds: int) -> dict[str, list[Cost]]:
    read_from = panel.sessions[max(0, panel.sessions.index(panel.first) - USUAL_SESSIONS)]
    values = {"first": panel.first, "read_from": read_from}
    with BarReader(url) as reader, psycopg.connect(url) as connection:
        contenders: dict[str, Callable[[], object]] = {
            "ours, from the store": lambda: judge(read_panel(reader, panel), LIMITS),
            "ours, bars in memory": lambda: judge(panel, LIMITS),
            "SQL": lambda: connection.execute(statement, values).fetchall(),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for number in range(rounds + 1):
            for name in contenders if number % 2 == 0 else reversed(contenders):
                with stopwatch(servers.postmaster) as watch:
                    contenders[name]()
                if number:  # the first time is for everybody's caches
                    costs[name].append(watch.cost)
    return costs


def _wall(costs: list[Cost]) -> float:
    return median(cost.wall for cost in costs)
