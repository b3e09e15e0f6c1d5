"""Makes the files of bars under `examples/`: a piece of the simulator's market, so that nobody owns their prices.

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
    "aapl": "20030910,aapl\n20501231,aapl\n",
    "meta": "20120518,fb\n20220608,fb\n20501231,meta\n",
}
FACTORS = {
    "aapl": "20030910,1,0.25,0\n20200828,1,0.25,{close}\n20501231,1,1,0\n",
    "meta": "20120518,1,1,0\n20501231,1,1,0\n",
}
"""Four for one in AAPL on 2020-08-31, a rename of FB on 2022-06-09."""


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
    aapl, meta = market.holders("AAPL")[0], market.holders("FB")[0]
    american = bars_of(market, aapl, date(2025, 1, 2), date(2025, 1, 10)).with_columns(
        pl.col("session").dt.strftime("%m/%d/%Y")
    )
    split = bars_of(market, aapl, date(2020, 8, 24), date(2020, 9, 4))
    before = bars_of(market, meta, date(2022, 6, 1), date(2022, 6, 8))
    after = bars_of(market, meta, date(2022, 6, 9), date(2022, 6, 15))
    close = split.filter(pl.col("session") == date(2020, 8, 28))["close"][0]
    names = {"session": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
    return {
        "us.csv": american.select(pl.lit("AAPL").alias("Ticker"), pl.all()).rename(names).write_csv(),
        "history/prices/aapl.csv": split.write_csv(),
        "history/prices/fb.csv": before.write_csv(),
        "history/prices/meta.csv": after.write_csv(),
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
