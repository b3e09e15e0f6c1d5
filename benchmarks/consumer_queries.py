"""What consumers ask first, of 14 million bars: a symbol, a session, a universe over a span; raw and adjusted.

    python -m benchmarks.consumer_queries [--symbols N] [--rounds N]

11,000 symbols × 1,260 sessions with 20 dividends each and a split for every fifth, stored session by session, as
evenings store them: the bars of a symbol lie far apart. Making them takes minutes and 3 GB; nothing is synchronised
to disk meanwhile. Milliseconds are the server's own for planning and executing (`EXPLAIN ANALYZE`), the least of the
rounds and their median, and those of a whole answer in Python on an open connection. No plan may scan the whole
table.
"""

import argparse
import re
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
from rich.table import Table

from benchmarks.measuring import console
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services.local import LocalServices

SYMBOLS, SESSIONS, CHUNK = 11_000, 1_260, 105
SYMBOL_BOUND, PYTHON_BOUND = 5.0, 20.0
BARS = """
    INSERT INTO ohlcv_daily (
        security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, loaded_at)
    SELECT s, day, 'T' || s, day + time '21:00', p, p + 1, p - 1, p, 1000 + d, 'bench', 'final', now()
    FROM generate_series(%(first)s::int, %(last)s::int) AS d,
        LATERAL (SELECT date '2020-01-06' + d + 2 * (d / 5)) AS w (day), generate_series(1, %(symbols)s::int) AS s,
        LATERAL (SELECT round((50 + s %% 7 + 20 * random())::numeric, 2)) AS q (p)"""
ACTIONS = """
    INSERT INTO corporate_actions (
        security_id, ticker, action, kind, ex_date, split_from, split_to, cash_amount, currency, source, known_from)
    SELECT s, 'T' || s, 'dividend', 'recurring', date '2020-01-06' + k * 80 + s % 30, NULL, NULL,
        0.1 + (s * 7 + k) % 50 / 100.0, 'USD', 'bench', now()
    FROM generate_series(1, {symbols}) AS s, generate_series(1, 20) AS k
    UNION ALL
    SELECT s, 'T' || s, 'split', 'forward_split', date '2020-01-06' + 600 + s % 300, 1, 2 + s % 2, NULL, NULL,
        'bench', now()
    FROM generate_series(1, {symbols}, 5) AS s"""
UNIVERSE = "security_id = ANY (ARRAY(SELECT security_id FROM universe_memberships WHERE universe = 'bench'))"
QUESTIONS = {
    "one symbol by ticker": "ticker = 'T{n}' ORDER BY session",
    "one symbol by ticker, the last month": "ticker = 'T{n}' AND session >= '2024-10-01' ORDER BY session",
    "one symbol by security_id": "security_id = {n} ORDER BY session",
    "one session of everything": "session = '2024-06-03'",
    "500 symbols of a universe, a quarter": UNIVERSE + " AND session BETWEEN '2024-04-01' AND '2024-06-28'",
}
TABLES = {"raw": ("ohlcv_daily", "close, volume"), "adjusted": ("ohlcv_daily_adjusted", "close, total_return_close")}


def make(connection: psycopg.Connection, symbols: int) -> None:
    """Securities, bars session by session, actions with their factors, a universe."""
    began = time.perf_counter()
    connection.execute("SET statement_timeout = 0")
    connection.execute("SET transaction_timeout = 0")
    connection.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT IF EXISTS ohlcv_daily_security_id_fkey")
    connection.execute(
        "INSERT INTO securities (name, updated_at, primary_exchange) SELECT 'S' || i, now(), 'XNYS'"
        " FROM generate_series(1, %s) AS i",
        (symbols,),
    )
    for first in range(0, SESSIONS, CHUNK):
        connection.execute(BARS, {"first": first, "last": first + CHUNK - 1, "symbols": symbols})
    connection.execute(ACTIONS.format(symbols=symbols).encode())
    connection.execute(
        "INSERT INTO cache_entries (key, type, name, value, created_at, updated_at)"
        " VALUES ('bench', 'list', 'Bench', '[\"T1\"]', now(), now())"
    )
    connection.execute(
        "INSERT INTO universe_memberships (universe, security_id, valid_from, known_from)"
        " SELECT 'bench', security_id, '1900-01-01', now() FROM securities ORDER BY security_id LIMIT 500"
    )
    connection.execute("VACUUM ANALYZE")
    [(size,)] = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchall()
    console.print(f"  {symbols * SESSIONS:,} bars in {time.perf_counter() - began:.0f} s, {size}", style="dim")


def ask(connection: psycopg.Connection, text: str) -> tuple[float, float, str]:
    """Milliseconds in the server, milliseconds of the whole answer in Python, and the plan."""
    began = time.perf_counter()
    connection.execute(text.encode()).fetchall()
    elapsed = (time.perf_counter() - began) * 1000
    rows = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {text}".encode()).fetchall()
    plan = "\n".join(line for (line,) in rows)
    return sum(float(ms) for ms in re.findall(r"(?:Planning|Execution) Time: ([\d.]+)", plan)), elapsed, plan


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, default=SYMBOLS, help=f"symbols ({SYMBOLS:,})")
    parser.add_argument("--rounds", type=int, default=11, help="rounds; each asks for other symbols (11)")
    arguments = parser.parse_args()
    fast = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_wal_size": "4GB",
        "autovacuum": "off",
    }
    costs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    scans = set()
    with tempfile.TemporaryDirectory(prefix="tickstock-bench-") as folder:
        services = LocalServices(Path(folder) / "state", postgres_options=fast)
        try:
            url = services.up(simulator=False).database_url
            migrate(url)
            with psycopg.connect(url, autocommit=True) as connection:
                make(connection, arguments.symbols)
            with psycopg.connect(url, autocommit=True) as connection:
                for number in range(arguments.rounds):
                    for question, condition in list(QUESTIONS.items())[:: 1 if number % 2 == 0 else -1]:
                        for kind, (table, columns) in TABLES.items():
                            where = condition.format(n=arguments.symbols // 2 + number % 3)
                            text = f"SELECT session, ticker, {columns} FROM {table} WHERE {where}"
                            server, python, plan = ask(connection, text)
                            costs.setdefault((question, kind), []).append((server, python))
                            if re.search(r"Seq Scan on ohlcv_daily\b", plan):
                                scans.add(f"{question}, {kind}")
        finally:
            services.down()
    shown = Table("question", "", "server: least ms", "median", "in Python: least ms", "median")
    for (question, kind), each in costs.items():
        servers, pythons = zip(*each, strict=True)
        figures = (min(servers), statistics.median(servers), min(pythons), statistics.median(pythons))
        shown.add_row(question, kind, *(f"{figure:.1f}" for figure in figures))
    console.print(shown)
    for kind in TABLES:
        server, python = (statistics.median(each) for each in zip(*costs["one symbol by ticker", kind], strict=True))
        met = "met" if server <= SYMBOL_BOUND and python <= PYTHON_BOUND else "NOT MET"
        console.print(
            f"one symbol by ticker, {kind}: [bold]{server:.1f} ms in the server, {python:.1f} in Python[/]; bounds "
            f"{SYMBOL_BOUND:g} and {PYTHON_BOUND:g} ms: {met}"
        )
    console.print(f"plans that scan the whole table: {', '.join(sorted(scans)) or 'none'}")
    return 1 if scans else 0


if __name__ == "__main__":
    raise SystemExit(main())
