"""Sources that can be asked for fair market values: their protocol and the shape of their answers. Nothing is asked."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import polars as pl

FMV_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "ticker": pl.String,
    "fmv": pl.Float64,
    "updated_at": pl.Datetime("us", "UTC"),
}
"""A value in currency units per share, and when the vendor last renewed it. Nothing is null."""


@runtime_checkable
class FairValueSource(Protocol):
    """A source that can be asked for fair market values."""

    def fair_values(self, tickers: Sequence[str]) -> pl.DataFrame:
        """The vendor's values of now as `FMV_SCHEMA`, by ticker; no row where it has none."""
