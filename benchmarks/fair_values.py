"""Errors of estimated fair values: real closes are hidden and compared, beside the last close carried forward.

Reads daily bars of ETFs from `etf_daily_2013_2017/etf_daily_2013_2017.parquet` under TICKSTOCK_REAL_DATA (columns
symbol, date, close, volume; closes adjusted). Without it, or with `--synthetic`, it shows the method on drawn prices.
"""

import argparse
import os
import sys
import time
from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.core.valuation.accuracy import PRINT_SCHEMA, QUANTILES, error_table, hide_and_value
from tickstock_dagster.core.valuation.fair_value import MARKET_FUND

console = Console(width=120)

FILE = Path("etf_daily_2013_2017") / "etf_daily_2013_2017.parquet"


def real_prints(folder: Path) -> pl.DataFrame:
    """Bars of the file as `PRINT_SCHEMA`."""
    bars = pl.read_parquet(folder / FILE).rename({"symbol": "ticker", "date": "session"})
    return bars.select(list(PRINT_SCHEMA)).cast(pl.Schema(PRINT_SCHEMA))


def synthetic_prints(symbols: int = 30, sessions: int = 400, seed: int = 11) -> pl.DataFrame:
    """Drawn prices: SPY, symbols with betas of -1 to 2 to it; less liquid ones have more noise and fewer prints."""
    random = np.random.default_rng(seed)
    market = random.normal(0, 0.01, sessions)
    days = [date(2025, 1, 1) + timedelta(days=day) for day in range(sessions)]
    frames = []
    for number in range(symbols + 1):
        noise = 0 if number == 0 else 0.001 + 0.006 * (symbols - number) / symbols
        beta = 1.0 if number == 0 else random.uniform(-1, 2)
        close = 50 * np.cumprod(1 + beta * market + random.normal(0, noise, sessions))
        printed = random.random(sessions) < (1 if number == 0 else 0.6 + 0.4 * number / symbols)
        frame = pl.DataFrame({"session": days, "close": close, "volume": np.full(sessions, 10 ** (3 + number // 6))})
        name = "SPY" if number == 0 else f"F{number:02}"
        frames.append(frame.filter(pl.Series(printed)).select(pl.lit(name).alias("ticker"), pl.all()))
    return pl.concat(frames).cast(pl.Schema(PRINT_SCHEMA))


def thinned(prints: pl.DataFrame, printed: float, references: Collection[str], seed: int = 7) -> pl.DataFrame:
    """The prints without some random ones, as if nothing had traded.

    Args:
        prints: in `PRINT_SCHEMA`.
        printed: share of prints to keep, 0 to 1.
        references: tickers that keep all of theirs.
        seed: of the random numbers.
    """
    kept = pl.Series(np.random.default_rng(seed).random(prints.height) < printed)
    return prints.filter(kept | prints["ticker"].is_in(list(references)))


def show(table: pl.DataFrame, title: str) -> None:
    """Print the table, in basis points."""
    shown = Table(title=title)
    for name in ("bucket", "hidden", "symbols", "values"):
        shown.add_column(name, justify="left" if name == "bucket" else "right")
    for name in QUANTILES:
        shown.add_column(f"{name}\nestimate", justify="right")
        shown.add_column(f"{name}\nlast close", justify="right")
    shown.add_column("last close\nnearer", justify="right")
    for row in table.iter_rows(named=True):
        pairs = [f"{row[f'{column}_{name}']:,.1f}" for name in QUANTILES for column in ("estimate", "last_close")]
        counts = [f"{row[name]:,}" for name in ("silence", "symbols", "values")]
        shown.add_row(row["bucket"], *counts, *pairs, f"{row['worse']:.0%}")
    console.print(shown)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=5, help="value one session of so many (default 5)")
    parser.add_argument("--synthetic", action="store_true", help="drawn prices instead of real ones")
    parser.add_argument(
        "--printed",
        type=float,
        default=1.0,
        help="share of sessions on which tickers other than references print (default 1)",
    )
    options = parser.parse_args()
    folder = os.environ.get("TICKSTOCK_REAL_DATA", "")
    is_real = bool(folder) and (Path(folder) / FILE).is_file() and not options.synthetic
    prints = real_prints(Path(folder)) if is_real else synthetic_prints()
    references = {fund.ticker: fund.correlation_reference for fund in seed_funds()} if is_real else {}
    if options.printed < 1:
        prints = thinned(prints, options.printed, {MARKET_FUND, *references.values()})
    began = time.perf_counter()
    errors = hide_and_value(prints, references, every=options.every)
    days = prints["session"].sort()
    span = f"{days[0]} to {days[-1]}"
    kind = "real closes of ETFs" if is_real else "DRAWN prices (set TICKSTOCK_REAL_DATA for real ones)"
    show(error_table(errors), f"absolute error in basis points of the hidden close: {kind}, {span}")
    console.print(
        f"{errors.height:,} values, {errors['by_reference'].sum() / errors.height:.1%} of them by a reference, "
        f"{time.perf_counter() - began:.1f} s; hidden: sessions in a row without a print, the last of which is valued; "
        "buckets: thirds by median dollar volume",
        style="dim",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
