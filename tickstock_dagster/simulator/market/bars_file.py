"""A Parquet or CSV file of daily bars as the simulated market, served as given, broken rows included.

The file has no splits, dividends or renames. A ticker whose first row is later than the file's first date counts as
listed on that row's date; for all others the listing date is unknown.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.securities import (
    DaySeries,
    DividendEvent,
    Floats,
    FundFacts,
    Security,
    SplitEvent,
    TickerSpan,
    stable_hash,
)

_ALIASES = {"symbol": "ticker", "date": "session"}
_NUMBERS = ("open", "high", "low", "close", "volume")
_OPTIONAL = ("vwap", "transactions")
_ACCEPTED = "columns symbol (or ticker), date (or session), open, high, low, close, volume; optional vwap, transactions"
_SUFFIXES = (".parquet", ".csv")
_FIRST_EVER = date(1, 1, 1)


class FileMarket:
    """The market of one file."""

    def __init__(self, bars: pl.DataFrame) -> None:
        first_day = bars["session"].min()
        self.securities: Sequence[Security] = []
        self._series: dict[str, DaySeries] = {}
        for part in bars.sort("ticker", "session", maintain_order=True).partition_by("ticker", maintain_order=True):
            ticker = str(part["ticker"][0])
            listed = part["session"][0] if part["session"][0] != first_day else None
            self.securities.append(
                Security(
                    key=ticker,
                    name=f"{ticker} Inc.",
                    equity_type="CS",
                    exchange="XNAS" if stable_hash(ticker) % 2 else "XNYS",
                    cik=f"{1_000_000 + stable_hash(f'cik:{ticker}') % 800_000:010d}",
                    spans=(TickerSpan(ticker, listed or _FIRST_EVER),),
                    list_date=listed,
                )
            )
            self._series[ticker] = _series(part)
        self._by_ticker = {security.key: security for security in self.securities}

    def holders(self, ticker: str) -> Sequence[Security]:
        """The one security with this ticker."""
        return [self._by_ticker[ticker]] if ticker in self._by_ticker else []

    @property
    def listed(self) -> Sequence[Security]:
        """Every ticker of the file."""
        return self.securities

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """The one security with this ticker."""
        return self.holders(ticker)

    def shares_on(self, _listed: Security, _day: date) -> None:
        """None: a file of bars has no share counts."""

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """None: a file of bars does not say which tickers are funds."""
        return ()

    def series(self, security: Security) -> DaySeries:
        """Its rows."""
        return self._series[security.key]

    def splits(self, _security: Security) -> Sequence[SplitEvent]:
        """None: prices are as given."""
        return ()

    def dividends(self, _security: Security) -> Sequence[DividendEvent]:
        """None."""
        return ()

    def reach(self, _day: date) -> bool:
        """A file has no later bars to draw."""
        return False

    def warm(self) -> None:
        """Everything is in memory already."""


def _series(part: pl.DataFrame) -> DaySeries:
    days = part["session"].to_physical().to_numpy() + date(1970, 1, 1).toordinal()

    def column(name: str) -> Floats:
        return part[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    opening, high, low, close, volume = (column(name) for name in _NUMBERS)
    vwap, transactions = (column(name) if name in part.columns else None for name in _OPTIONAL)
    return DaySeries(days.astype(np.int32), opening, high, low, close, volume, vwap, transactions)


def read_bars_file(path: Path) -> pl.DataFrame:
    """Read and validate a file of daily bars, for `FileMarket`.

    Raises:
        BadInputError: the file cannot be read, lacks a column, or has a wrong value in one; names file and column.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise BadInputError("bars", path, "a file that ends with .parquet or .csv")
    if not path.is_file():
        raise BadInputError("bars", path, "a file that exists")
    try:
        bars = _read(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInputError(
            "bars", path, f"a Parquet or CSV file with {_ACCEPTED}; reading it failed: {reason}"
        ) from None
    return _checked(path, bars.rename({old: new for old, new in _ALIASES.items() if old in bars.columns}))


def _read(path: Path) -> pl.DataFrame:
    if path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    # read as text first: the tickers TRUE and NA must stay tickers
    return pl.read_csv(path, infer_schema=False)


def _checked(path: Path, bars: pl.DataFrame) -> pl.DataFrame:
    for name in ("ticker", "session", *_NUMBERS):
        if name not in bars.columns:
            raise BadInputError("bars", path, f"column {name!r} is missing; {_ACCEPTED}")
    if bars.is_empty():
        raise BadInputError("bars", path, f"at least one row; {_ACCEPTED}")
    wanted = {"session": pl.Date, **dict.fromkeys((*_NUMBERS, *_OPTIONAL), pl.Float64)}
    for name, dtype in wanted.items():
        if name in bars.columns and bars[name].dtype != dtype:
            bars = bars.with_columns(_converted(path, bars[name], dtype))
    for name in ("ticker", "session"):
        if bars[name].null_count():
            raise BadInputError(
                "bars", path, f"column {name!r} has {bars[name].null_count()} empty values; {_ACCEPTED}"
            )
    return bars.with_columns(pl.col("ticker").cast(pl.String))


def _converted(path: Path, column: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    kind = "a date, YYYY-MM-DD" if dtype == pl.Date else "a number"
    try:
        if dtype == pl.Date and column.dtype == pl.String:
            return column.str.to_date("%Y-%m-%d", strict=True)
        return column.cast(dtype, strict=True)
    except pl.exceptions.PolarsError:
        raise BadInputError("bars", path, f"column {column.name!r} must be {kind} in every row; {_ACCEPTED}") from None
