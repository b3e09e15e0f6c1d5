"""A local file of bars of one market outside the US, which Massive does not cover.

Tickers are qualified with the market (`7203.XTKS`, `VOD.XLON`): the same code may be one company in London and another
in New York, while a ticker belongs to one security on any day.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import polars as pl

from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import Capabilities
from tickstock_dagster.core.bars.file_options import FileOptions
from tickstock_dagster.core.calendars.markets import Market


class MarketFileSource(FileSource):
    """`MarketSource` over the one file, or folder, of a market. Thread-safe."""

    def __init__(self, path: Path | str, market: Market, options: FileOptions | None = None) -> None:
        super().__init__(path, options, market=market.mic)
        self._suffix = f".{market.mic}"

    @property
    def capabilities(self) -> Capabilities:
        """Bars of a whole market: what it lacks of its tickers is missing there."""
        return replace(super().capabilities, own_rows=False)

    def _spelt(self, ticker: str) -> str:
        return super()._spelt(ticker) + self._suffix

    @cached_property
    def _bars(self) -> pl.DataFrame:
        return self._stored.file.bars.with_columns(pl.col("ticker") + self._suffix)
