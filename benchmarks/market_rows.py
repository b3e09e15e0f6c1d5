"""The rows that the benchmarks load: five years of daily bars of 505 tickers, as a source delivers them.

If TICKSTOCK_REAL_DATA names a folder with `sp500_5yr/sp500_5yr_2013_2018.parquet`, they are the real ones (619,040
rows, of which 23 are broken; 51 symbol-days are absent). Otherwise they are the simulator's synthetic market in the
same shape, with the same numbers of broken and absent rows. Storing them belongs in `ingest` and `rivals`.
"""

import os
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, validate_bars
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar

REAL_FILE = Path("sp500_5yr") / "sp500_5yr_2013_2018.parquet"
FIRST, LAST = date(2013, 2, 8), date(2018, 2, 7)
TICKERS, SESSIONS = 505, 1_259
BROKEN, ABSENT = 23, 51
SEED = 7


@dataclass(frozen=True)
class MarketRows:
    """Bars in memory: `frame` is `BAR_SCHEMA` by ticker and session; `label` says what they are."""

    label: str
    frame: pl.DataFrame

    @cached_property
    def tickers(self) -> tuple[str, ...]:
        """All tickers, ascending."""
        return tuple(self.frame["ticker"].unique().sort())

    @cached_property
    def sessions(self) -> tuple[date, ...]:
        """All sessions of the span, ascending."""
        return tuple(market_calendar().sessions(FIRST, LAST))

    @cached_property
    def good(self) -> pl.DataFrame:
        """The rows that keep every invariant: what all contenders store."""
        return validate_bars(self.frame).good.sort("ticker", "session")


class RowsInMemory(FileSource):
    """A source with its answers in memory: a call costs nothing, so that only the work after it is measured."""

    def __init__(self, rows: MarketRows) -> None:
        super().__init__("memory.parquet")
        self._frame = rows.frame
        self._by_ticker = {key[0]: part for key, part in rows.frame.partition_by("ticker", as_dict=True).items()}

    @property
    def name(self) -> str:
        """As a file's, without one."""
        return "files:memory"

    @cached_property
    def _bars(self) -> pl.DataFrame:
        return self._frame.sort("ticker", "session")

    def range_bars(self, ticker: str, start: date, end: date) -> pl.DataFrame:
        """The rows of one ticker, `start` and `end` inclusive."""
        rows = self._by_ticker[ticker]
        return rows.filter(pl.col("session").is_between(start, end))


def market_calendar() -> SessionCalendar:
    """The calendar of the rows' market."""
    return library_calendar(MARKET)


def market_rows() -> MarketRows:
    """The real rows if the environment names their folder, else the synthetic ones."""
    folder = os.environ.get("TICKSTOCK_REAL_DATA")
    if not folder:
        return synthetic_rows()
    source = FileSource(Path(folder) / REAL_FILE)
    tickers = source.listings()["ticker"]
    frame = pl.concat([source.range_bars(ticker, FIRST, LAST) for ticker in tickers]).sort("ticker", "session")
    return MarketRows(f"real S&P 500 set, {frame.height:,} rows", frame)


def synthetic_rows() -> MarketRows:
    """Tickers of the synthetic market that were listed all the time, with some rows broken and some removed."""
    from tickstock_dagster.simulator.synthetic.market import synthetic_market

    market, days = synthetic_market(SEED, 1_200), market_calendar().sessions(FIRST, LAST)
    first, last = days[0].toordinal(), days[-1].toordinal()
    parts: list[pl.DataFrame] = []
    for security in market.securities:
        series = market.series(security)
        inside = (series.ordinals >= first) & (series.ordinals <= last)
        if len(security.spans) > 1 or np.count_nonzero(inside) != len(days) or len(parts) == TICKERS:
            continue
        numbers = {name: getattr(series, name)[inside] for name in ("open", "high", "low", "close", "volume")}
        parts.append(pl.DataFrame({"ticker": [security.last_ticker] * len(days), "session": days, **numbers}))
    assert len(parts) == TICKERS, f"the synthetic market has {len(parts)} tickers that were listed all the time"
    frame = pl.concat(parts).sort("ticker", "session").with_row_index("row")
    random = np.random.default_rng(SEED)
    # Never the first or last session of a ticker: removing one would move its listing.
    inner = frame.filter(pl.col("session").is_between(days[1], days[-2]))["row"].to_numpy()
    chosen = random.choice(inner, BROKEN + ABSENT, replace=False)
    broken, absent = chosen[:BROKEN].tolist(), chosen[BROKEN:].tolist()
    frame = (
        frame.filter(~pl.col("row").is_in(absent))
        .with_columns(
            high=pl.when(pl.col("row").is_in(broken)).then(pl.col("low") / 2).otherwise("high"),
            vwap=pl.lit(None, dtype=pl.Float64),
            transactions=pl.lit(None, dtype=pl.Int64),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())
    )
    return MarketRows(f"SYNTHETIC market (seed {SEED}), {frame.height:,} rows", frame)
