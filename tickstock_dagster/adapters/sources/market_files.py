"""A local file of bars of one market outside the US, which Massive does not cover.

Tickers are qualified with the market (`7203.XTKS`, `BP.XLON`): the same code may be one company in London and another
in New York, while a ticker belongs to one security on any day.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import Capabilities
from tickstock_dagster.core.calendars.markets import Market


class MarketFileSource(FileSource):
    """`MarketSource` over one file of one market. Thread-safe."""

    def __init__(self, path: Path | str, market: Market) -> None:
        super().__init__(path)
        self._suffix = f".{market.mic}"

    @property
    def capabilities(self) -> Capabilities:
        """Bars only: a list of this market's tickers would read as if every US security had vanished."""
        return replace(super().capabilities, listings=False)

    def spans(self) -> pl.DataFrame:
        """(ticker, first, last): the sessions between which the file has rows of each ticker, by ticker."""
        rows = self._bars().group_by("ticker")
        return rows.agg(first=pl.col("session").min(), last=pl.col("session").max()).sort("ticker")

    def _bars(self) -> pl.DataFrame:
        rows = super()._bars()
        ticker = pl.col("ticker")
        qualified = pl.when(ticker.str.ends_with(self._suffix)).then(ticker).otherwise(ticker + self._suffix)
        return rows.with_columns(qualified.alias("ticker"))
