"""Adjusted prices beside the raw ones, the former view, pandas and Zipline: 505 tickers × 1,259 sessions with actions.

    python -m benchmarks.adjusted_prices [--rounds N] [--zipline PYTHON]

Every ticker has 20 dividends, every fifth a split. Sums are computed in the server. pandas adjusts each ticker by its
own cumulated product: once it reads bars and actions from the same tables, as we do, once it has them in memory, as
our reader's own step is measured. `--zipline` names an interpreter of an environment into which zipline-reloaded is
installed (it wants other versions of pandas and SQLAlchemy); its files are written beforehand. Frames come over
`tickstock_dagster.reading.BarReader`, and by SQL over `read_frame`, all columns, the adjusted ones with total returns
besides.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg
import sqlalchemy as sa
from rich.table import Table

from benchmarks import rivals
from benchmarks.market_rows import FIRST, MarketRows, market_calendar, market_rows
from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.reading import BarReader
from tickstock_dagster.reading.bars import FACTOR_SCHEMA, adjusted_bars

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SUM_BOUND, SECONDS_BOUND, FRAME_BOUND, VIEW_BOUND = 10.0, 1.0, 1.5, 0.3

SECURITIES = (
    "INSERT INTO securities (name, updated_at, primary_exchange) SELECT n, now(), 'XNYS' FROM unnest(%s::text[]) AS n"
)
DIVIDENDS = """
    INSERT INTO corporate_actions (
        security_id, ticker, action, kind, ex_date, cash_amount, currency, source, known_from)
    SELECT s.security_id, s.name, 'dividend', 'recurring', %(first)s::date + 60 * k + (s.security_id %% 30)::int,
        0.1 + (s.security_id * 7 + k) %% 50 / 100.0, 'USD', 'bench', now()
    FROM securities AS s, generate_series(1, 20) AS k"""
SPLITS = """
    INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, known_from)
    SELECT s.security_id, s.name, 'split', 'forward_split', %(first)s::date + 600 + (s.security_id %% 300)::int, 1,
        2 + s.security_id %% 2, 'bench', now()
    FROM securities AS s WHERE s.security_id %% 5 = 0"""
FUNDS = """
    INSERT INTO cache_entries (key, type, name, value, created_at, updated_at, membership, universe_category)
    VALUES ('etf_bench', 'theme', 'Bench', '[]', now(), now(), 'dated', 'bench');
    INSERT INTO universe_memberships (universe, security_id, valid_from, known_from)
    SELECT 'etf_bench', security_id, '1900-01-01', now() FROM securities ORDER BY security_id LIMIT 58"""
PRICES = "security_id, session, ticker, " + ", ".join(
    f"{name}::float8 AS {name}" for name in ("open", "high", "low", "close")
)
SUMS = {
    "raw: sum of closes": "SELECT sum(close) FROM ohlcv_daily",
    "adjusted: sum of closes": "SELECT sum(close) FROM ohlcv_daily_adjusted",
    "adjusted: sum of total returns": "SELECT sum(total_return_close) FROM ohlcv_daily_adjusted",
    "performance of 58 funds": "SELECT count(*) FROM (SELECT * FROM etf_universe_performance OFFSET 0) AS p",
}
IN_MEMORY = "our reader in memory: factors put to bars"
CLOSES = "SELECT security_id, session, close::float8 AS close FROM ohlcv_daily ORDER BY 1, 2"
SHARE = 10
FORMER = f"SELECT sum(total_return_close) FROM former_adjusted WHERE security_id % {SHARE} = 0"
FRAMES = {
    "raw frame by SQL": f"SELECT {PRICES}, volume FROM ohlcv_daily",
    "adjusted frame by SQL": f"SELECT {PRICES}, volume::float8 AS volume, "
    "total_return_close::float8 AS total_return_close FROM ohlcv_daily_adjusted",
}


def fill(url: str, rows: MarketRows) -> None:
    """Store securities, bars and then actions, and look at them as autovacuum would."""
    hours = market_calendar().session_hours(rows.sessions[0], rows.sessions[-1])
    closes = pl.DataFrame(
        {"session": [day.session for day in hours], "closes_at": [day.closes_at for day in hours]},
        schema={"session": pl.Date, "closes_at": pl.Datetime("us", "UTC")},
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SECURITIES, (list(rows.tickers),))
        names: dict[str, int] = dict(connection.execute("SELECT name, security_id FROM securities").fetchall())
        ids = pl.DataFrame({"ticker": list(names), "security_id": list(names.values())})
        bars = rows.good.join(ids, on="ticker").join(closes, on="session")
        bars = bars.with_columns(pl.col("volume").cast(pl.Int64), status=pl.lit("final"))
        rivals.raw_copy(bars.select(rivals.COLUMNS).sort("security_id", "session"), rivals.Constants("bench", NOW), url)
        with stopwatch() as watch:
            connection.execute(DIVIDENDS, {"first": FIRST})
            connection.execute(SPLITS, {"first": FIRST})
        console.print(f"  actions with their factors stored in {watch.cost.wall:.2f} s", style="dim")
        connection.execute(FUNDS)
        connection.execute((Path(__file__).parent / "former_adjusted_view.sql").read_bytes())
        connection.execute("VACUUM ANALYZE")


def in_pandas(engine: sa.Engine) -> Callable[[], float]:
    """The usual way in pandas, ready to run: per ticker, factors at ex-dates, cumulated from the end."""
    import pandas as pd

    bars = read_frame(engine, CLOSES).to_pandas()
    actions = read_frame(
        engine,
        "SELECT security_id, ex_date, (split_from / split_to)::float8 AS ratio, cash_amount::float8 AS cash "
        "FROM corporate_actions ORDER BY 1, 2",
    ).to_pandas()
    by_security: dict[Any, Any] = dict(list(actions.groupby("security_id")))

    def adjusted(part: "pd.DataFrame") -> "pd.Series[float]":
        closes, factor = part["close"].to_numpy(), np.ones(len(part) + 1)
        told = by_security[part["security_id"].iat[0]]
        places = np.searchsorted(part["session"].to_numpy(), told["ex_date"].to_numpy())
        for place, ratio, cash in zip(places, told["ratio"], told["cash"], strict=True):
            if 0 < place < len(part):
                factor[place] *= ratio if ratio == ratio else 1 - cash / closes[place - 1]
        return pd.Series(closes * factor[::-1].cumprod()[::-1][1:], index=part.index)

    def run() -> float:
        frame = bars.groupby("security_id", group_keys=False)[["security_id", "session", "close"]].apply(adjusted)
        return float(np.sum(frame.to_numpy()))

    return run


def in_polars(engine: sa.Engine, reader: BarReader) -> Callable[[], float]:
    """What our reader does with bars and factors when they have arrived."""
    bars = reader.bars()
    query = "SELECT security_id, ex_dates, split_factors::float8[], dividend_factors::float8[] FROM adjustment_factors"
    with transaction(engine) as connection:
        rows = connection.execute(query).fetchall()
    factors = pl.DataFrame(rows, schema=FACTOR_SCHEMA, orient="row")
    return lambda: float(adjusted_bars(bars, factors)["total_return_close"].sum())


def in_zipline(python: str, url: str, folder: Path) -> dict[str, list[Cost]]:
    """Zipline's two readers of adjusted closes, each three times, in a process of their own."""
    engine = open_engine(url)
    bars = read_frame(engine, f"SELECT {PRICES}, volume FROM ohlcv_daily ORDER BY 1, 2")
    splits = read_frame(engine, "SELECT security_id, ex_date, (split_from / split_to)::float8 AS ratio FROM "
        "corporate_actions WHERE action = 'split'")  # fmt: skip
    dividends = read_frame(engine, "SELECT security_id, ex_date, cash_amount::float8 AS cash FROM corporate_actions "
        "WHERE action = 'dividend'")  # fmt: skip
    for name, frame in (("bars", bars.drop("ticker")), ("splits", splits), ("dividends", dividends)):
        columns = {key: frame[key].to_numpy() for key in frame.columns}
        days = {key: value.astype("datetime64[ns]") for key, value in columns.items() if value.dtype.kind == "M"}
        np.savez(folder / f"{name}.npz", **(columns | days))
    script = Path(__file__).parent / "zipline_reader.py"
    done = subprocess.run([python, script, folder], check=True, capture_output=True, text=True)
    costs: dict[str, list[Cost]] = {}
    for way, wall, cpu, *_ in (line.split() for line in done.stdout.splitlines() if line):
        costs.setdefault(f"Zipline's {way} (closes, from its files)", []).append(Cost(float(wall), float(cpu)))
    return costs


def measure(servers: Servers, url: str, rounds: int) -> dict[str, list[Cost]]:
    """Every contender once a round, in changing order; the former view in the first round alone."""
    engine = open_engine(url)
    with psycopg.connect(url, autocommit=True) as connection, BarReader(url) as reader:

        def ask(text: str) -> Callable[[], object]:
            return lambda: connection.execute(text.encode()).fetchone()

        def read(text: str) -> Callable[[], object]:
            return lambda: read_frame(engine, text)

        contenders = {name: ask(text) for name, text in SUMS.items()} | {
            name: read(text) for name, text in FRAMES.items()
        }

        def read_by_pandas() -> float:
            return in_pandas(engine)()

        contenders |= {
            "raw frame": reader.bars,
            "adjusted frame": lambda: reader.bars(adjusted=True),
            "pandas: read, cumulated per ticker": read_by_pandas,
            IN_MEMORY: in_polars(engine, reader),
            "pandas in memory: cumulated per ticker": in_pandas(engine),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, run in list(contenders.items())[:: 1 if number % 2 == 0 else -1]:
                with stopwatch(servers.postmaster) as watch:
                    run()
                costs[name].append(watch.cost)
        began = time.perf_counter()
        [(former,)] = connection.execute(FORMER.encode()).fetchall()
        cost = Cost(time.perf_counter() - began, float("nan")).times(SHARE)
        costs["the former view: sum of total returns (EXTRAPOLATED from a tenth)"] = [cost]
        [(ours,)] = connection.execute(FORMER.replace("former_adjusted", "ohlcv_daily_adjusted").encode()).fetchall()
        assert abs(ours / former - 1) < 1e-12, (ours, former)
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds (7)")
    parser.add_argument(
        "--zipline", default=os.environ.get("TICKSTOCK_ZIPLINE_PYTHON"), help="an interpreter with zipline-reloaded"
    )
    arguments = parser.parse_args()
    rows = market_rows()
    with running_servers() as servers, servers.fresh_database() as url, tempfile.TemporaryDirectory() as folder:
        fill(url, rows)
        costs = measure(servers, url, arguments.rounds)
        if arguments.zipline:
            costs |= in_zipline(arguments.zipline, url, Path(folder))
    raw = costs["raw: sum of closes"]
    table = Table("", "s", "CPU s", "× raw sum", title=f"adjusted prices, {rows.label}")
    walls = {name: statistics.median(cost.wall for cost in each) for name, each in costs.items()}
    for name, each in costs.items():
        cpu = statistics.median(cost.cpu for cost in each)
        table.add_row(name, f"{walls[name]:.3f}", f"{cpu:.3f}", f"{walls[name] / walls['raw: sum of closes']:.1f}")
    console.print(table)
    for name in ("adjusted: sum of closes", "adjusted: sum of total returns"):
        ratio = _ratio(costs[name], raw)
        met = ratio <= SUM_BOUND and walls[name] < SECONDS_BOUND
        told = f"{name}: [bold]{ratio:.1f} × raw, {walls[name]:.2f} s[/]; bound {SUM_BOUND:g} ×, {SECONDS_BOUND:g} s"
        console.print(f"{told}: {_word(met)}")
    ratio, by_sql = (_ratio(costs[f"adjusted frame{way}"], costs[f"raw frame{way}"]) for way in ("", " by SQL"))
    console.print(
        f"adjusted frame: [bold]{ratio:.2f} × raw frame[/]; bound {FRAME_BOUND} ×: {_word(ratio <= FRAME_BOUND)} "
        f"(by SQL {by_sql:.2f} ×)"
    )
    seconds = walls["performance of 58 funds"]
    console.print(
        f"performance of 58 funds: [bold]{seconds:.2f} s[/]; bound {VIEW_BOUND} s: {_word(seconds < VIEW_BOUND)}"
    )
    for name, wall in walls.items():
        if name.startswith(("pandas", "the former", "Zipline")):
            ours = walls[IN_MEMORY if "in memory" in name else "adjusted: sum of total returns"]
            console.print(f"faster than {name}: {ours:.3f} to {wall:.3f} s: {_word(ours < wall)}")
    if not arguments.zipline:
        console.print("Zipline was not asked: --zipline names an interpreter that has it", style="dim")


def _ratio(ours: list[Cost], other: list[Cost]) -> float:
    return statistics.median(a.wall / b.wall for a, b in zip(ours, other, strict=True))


def _word(met: bool) -> str:
    return "met" if met else "NOT MET"


if __name__ == "__main__":
    main()
