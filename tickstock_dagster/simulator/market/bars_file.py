"""A Parquet or CSV file of daily bars as the simulated market, served as given, broken rows included.

`core.bars.bar_files` reads it, as it does for `--source files:`.

The file has no splits, dividends or renames. A ticker whose first row is later than the file's first date counts as
listed on that row's date; for all others the listing date is unknown.
"""

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import polars as pl

from tickstock_dagster.core.bars.bar_file_tables import ENDINGS
from tickstock_dagster.core.bars.bar_files import read_bar_files, summary_of
from tickstock_dagster.core.bars.file_options import parse_file_text
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

_NUMBERS = ("open", "high", "low", "close", "volume")
_OPTIONAL = ("vwap", "transactions")
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


def read_bars_file(text: Path | str) -> pl.DataFrame:
    """Read and validate a file of daily bars, or a folder of them, for `FileMarket`.

    Args:
        text: its path, and what is declared about it: `core.bars.file_options`.

    Raises:
        BadInputError: it cannot be read, has no rows, lacks a column, or has a wrong value in one; names file, line,
            column, value and what is accepted.
    """
    named, options = parse_file_text(str(text))
    path = Path(named).expanduser()
    if not path.exists():
        raise BadInputError("bars", path, "a file that exists")
    try:
        read = read_bar_files(_contents(path), options)
    except OSError as error:
        raise BadInputError("bars", path, f"a file that can be read ({error.strerror})") from None
    if read.bars.is_empty():
        raise BadInputError("bars", path, "a file with at least one row of bars")
    for line in summary_of(read):
        print(f"{path.name}: {line}", file=sys.stderr, flush=True)
    return read.bars.drop(name for name in _OPTIONAL if read.bars[name].null_count() == read.bars.height)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the file, or of the files of bars in the folder."""
    if not path.is_dir():
        yield str(path), _bytes(path)
        return
    for file in sorted(path.rglob("*")):
        if file.name.lower().endswith(ENDINGS):
            yield str(file), _bytes(file)


def _bytes(file: Path) -> bytes:
    if not file.name.lower().endswith(".zip"):
        return file.read_bytes()
    try:
        with ZipFile(file) as archive:
            [member] = archive.namelist()
            return archive.read(member)
    except (BadZipFile, ValueError):
        raise BadInputError("bars", file, "a whole archive of one CSV file") from None
