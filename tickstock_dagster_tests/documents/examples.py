"""Makes the files of bars under `examples/`: a piece of the simulator's market, so that their prices have no owner.

python -m tickstock_dagster_tests.documents.examples
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.securities import Security
from tickstock_dagster.simulator.synthetic.market import synthetic_market

FOLDER = PROJECT_ROOT / "examples"

MAPS = {
    "newc": "20190301,oldc\n20260814,oldc\n20501231,newc\n",
    "splt": "20030910,splt\n20501231,splt\n",
}
FACTORS = {
    "newc": "20190301,1,1,0\n20501231,1,1,0\n",
    "splt": "20030910,1,0.3333333,0\n20260911,1,0.3333333,{close}\n20501231,1,1,0\n",
}
"""Three for one in SPLT on 2026-09-14, the rename of OLDC on 2026-08-17."""


def bars_of(market: MarketData, security: Security, first: date, last: date) -> pl.DataFrame:
    """Raw daily bars: session, open, high, low, close in USD, volume in shares."""
    series = market.series(security)
    columns = {name: getattr(series, name) for name in ("open", "high", "low", "close", "volume")}
    days = [date.fromordinal(int(ordinal)) for ordinal in series.ordinals]
    frame = pl.DataFrame({"session": pl.Series(days, dtype=pl.Date), **columns})
    return frame.filter(pl.col("session").is_between(first, last)).with_columns(pl.col("volume").cast(pl.Int64))


def example_bars() -> pl.DataFrame:
    """`bars.parquet`: two tickers, every session of 2024."""
    market = synthetic_market(7, 1)
    frames = []
    for ticker in ("AAPL", "MSFT"):
        bars = bars_of(market, market.holders(ticker)[0], date(2024, 1, 2), date(2024, 12, 31))
        frames.append(bars.select(pl.lit(ticker).alias("ticker"), pl.all()))
    return pl.concat(frames)


def example_texts() -> Mapping[str, str]:
    """The text files, by their path below `examples/`."""
    market = synthetic_market(7, 1)
    aapl, renamed, halved = (market.holders(ticker)[0] for ticker in ("AAPL", "OLDC", "SPLT"))
    american = bars_of(market, aapl, date(2025, 1, 2), date(2025, 1, 10)).with_columns(
        pl.col("session").dt.strftime("%m/%d/%Y")
    )
    split = bars_of(market, halved, date(2026, 8, 10), date(2026, 9, 18))
    before = bars_of(market, renamed, date(2026, 8, 10), date(2026, 8, 14))
    after = bars_of(market, renamed, date(2026, 8, 17), date(2026, 9, 18))
    close = split.filter(pl.col("session") == date(2026, 9, 11))["close"][0]
    names = {"session": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
    return {
        "us.csv": american.select(pl.lit("AAPL").alias("Ticker"), pl.all()).rename(names).write_csv(),
        "history/prices/SPLT.csv": split.write_csv(),
        "history/prices/OLDC.csv": before.write_csv(),
        "history/prices/NEWC.csv": after.write_csv(),
        **{f"history/map_files/{name}.csv": text for name, text in MAPS.items()},
        **{f"history/factor_files/{name}.csv": text.format(close=close) for name, text in FACTORS.items()},
    }


def write(folder: Path) -> None:
    """Write all of them below a folder."""
    for name, text in example_texts().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    example_bars().write_parquet(folder / "bars.parquet", compression="zstd")


if __name__ == "__main__":
    write(FOLDER)
