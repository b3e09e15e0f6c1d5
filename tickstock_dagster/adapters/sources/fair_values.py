"""The protocol of sources with fair market values, and the shape of their answers."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import polars as pl

FMV_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "ticker": pl.String,
    "fmv": pl.Float64,
    "updated_at": pl.Datetime("us", "UTC"),
}
"""A value in currency units per share, and when the vendor last updated it. Nothing is null."""


@runtime_checkable
class FairValueSource(Protocol):
    """A source with fair market values."""

    def fair_values(self, tickers: Sequence[str]) -> pl.DataFrame:
        """The vendor's current values as `FMV_SCHEMA`, by ticker; no row where it has none."""
