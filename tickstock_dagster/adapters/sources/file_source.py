"""A local Parquet or CSV file as a source of daily bars.

The first question reads and checks the whole file, and keeps it in memory. A file knows tickers from its rows alone:
it has no names, no delistings and no corporate actions, and does not guess them. Rows pass as they are;
`core.bars.daily_bars` validates them. `adapters.sources.bar_files` reads the columns.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from tickstock_dagster.adapters.sources.bar_files import read_bar_file
from tickstock_dagster.adapters.sources.protocol import (
    LISTING_SCHEMA,
    Capabilities,
    NotFoundError,
    PermanentVendorError,
    Publication,
    SpecialDay,
    TickerChange,
    TickerDetails,
    VendorCall,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import VendorPlan
from tickstock_dagster.core.securities.tickers import canonical_ticker

MAX_ROWS = 1_000_000
"""In practice no limit of a range call."""


class FileSource:
    """`MarketSource` over one file. Thread-safe.

    Attributes:
        name: stored as the rows' source.
        plan: none; a file has no rate and no history limit.
    """

    def __init__(self, path: Path | str, *, columns: Mapping[str, str] | None = None, name: str = "files") -> None:
        self.name = name
        self.plan: VendorPlan | None = None
        self._path = Path(path)
        self._columns = dict(columns or {})
        self._lock = threading.Lock()
        self._rows: pl.DataFrame | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Bars and the list of tickers; no facts about them, no corporate actions and no renames."""
        return Capabilities(
            range_bars=True,
            grouped_bars=True,
            listings=True,
            corporate_actions=False,
            max_range_rows=MAX_ROWS,
            details=False,
            etf_profiles=False,
        )

    def range_bars(self, ticker: str, start: date, end: date) -> pl.DataFrame:
        """Bars of one ticker, `start` and `end` inclusive, as `BAR_SCHEMA`, by session.

        Raises:
            BadInputError: the ticker is not valid, the range is inverted, or the file cannot be read; names file and
                column.
        """
        if start > end:
            raise BadInputError("range", f"{start}..{end}", "a first day that is not after the last")
        symbol = canonical_ticker(ticker)
        return self._bars().filter(pl.col("ticker") == symbol, pl.col("session").is_between(start, end))

    def grouped_bars(self, session: date) -> pl.DataFrame:
        """Bars of every ticker on one session, as `BAR_SCHEMA`."""
        return self._bars().filter(pl.col("session") == session)

    def listings(
        self, *, on: date | None = None, active: bool = True, tickers: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The file's tickers as `LISTING_SCHEMA`; with `on`, those whose rows have begun by then.

        No ticker is ever delisted: the end of a file's rows is no evidence of a delisting.
        """
        if not active:
            return pl.DataFrame(schema=LISTING_SCHEMA)
        rows = self._bars()
        if on is not None:
            rows = rows.filter(pl.col("session") <= on)
        if tickers is not None:
            rows = rows.filter(pl.col("ticker").is_in([canonical_ticker(ticker) for ticker in tickers]))
        known = rows.select("ticker", active=True).unique("ticker", maintain_order=True)
        unknown = {name: pl.lit(None, dtype=dtype) for name, dtype in LISTING_SCHEMA.items() if name not in known}
        return known.with_columns(**unknown).select(list(LISTING_SCHEMA))

    def ticker_changes(self, ticker: str) -> list[TickerChange]:
        """Not known: the caller finds the days of change from the dated lists.

        Raises:
            NotFoundError: always, as a vendor's for a ticker that it does not know.
        """
        raise NotFoundError(f"{self.name}: a file of bars has no ticker changes (asked for {ticker})")

    def ticker_details(self, ticker: str, *, on: date | None = None) -> TickerDetails:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered(f"details (asked for {ticker}{f' on {on}' if on else ''})")

    def etf_profiles(self, on: date) -> pl.DataFrame:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered(f"ETF profiles (asked for {on})")

    def splits(self, start: date, end: date) -> pl.DataFrame:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered(f"splits (asked for {start}..{end})")

    def dividends(self, start: date, end: date) -> pl.DataFrame:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered(f"dividends (asked for {start}..{end})")

    def publication(self, session: date) -> Publication:
        """Whether the file has rows of the session."""
        sessions = self._bars()["session"]
        if (sessions == session).any():
            return Publication(True, f"{self.name}: {self._path.name} has rows of {session}")
        held = f"it holds {sessions.min()!s} to {sessions.max()!s}" if len(sessions) else "it is empty"
        return Publication(False, f"{self.name}: {self._path.name} has no row of {session}; {held}")

    def special_days(self) -> list[SpecialDay]:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered("special days to come")

    def drain_calls(self) -> list[VendorCall]:
        """None: a file is not called."""
        return []

    def _not_offered(self, what: str) -> PermanentVendorError:
        return PermanentVendorError(f"{self.name}: a file of bars has no {what}; use a vendor for them")

    def _bars(self) -> pl.DataFrame:
        with self._lock:
            if self._rows is None:
                self._rows = read_bar_file(self._path, self._columns)
            return self._rows
