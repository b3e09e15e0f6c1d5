"""A Parquet or CSV file of daily bars as the simulated market, served as given, broken rows included.

`core.bars.bar_files` reads it, as it does for `--source files:`, with splits, dividends and renames beside it. A ticker
whose first row is later than the file's first counts as listed on its date; for others the listing date is unknown.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tickstock_dagster.core.bars.action_files import FileAction, read_actions
from tickstock_dagster.core.bars.bar_files import read_bar_files, summary_of
from tickstock_dagster.core.bars.listing_files import DeclaredListing, TickerDays, by_key, read_listings
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.given_files import beside, contents, declared_path
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
    """The market of one file.

    Args:
        bars: `BAR_SCHEMA`.
        declared: listings and renames given beside them; each is one security.
        actions: splits and dividends given beside them.
    """

    def __init__(
        self, bars: pl.DataFrame, declared: Sequence[DeclaredListing] = (), actions: Sequence[FileAction] = ()
    ) -> None:
        first_day = bars["session"].min()
        self.securities: list[Security] = []
        self._series: dict[str, DaySeries] = {}
        self._by_ticker: dict[str, list[Security]] = {}
        self._splits: dict[str, list[SplitEvent]] = {}
        self._dividends: dict[str, list[DividendEvent]] = {}
        ordered = bars.sort("ticker", "session", maintain_order=True)
        for listing in declared:
            own = pl.any_horizontal(_within(span) for span in listing.spans)
            part, ordered = ordered.filter(own).sort("session", maintain_order=True), ordered.filter(~own)
            if part.height:
                self._add(_declared(listing), part)
        for part in ordered.partition_by("ticker", maintain_order=True):
            listed = part["session"][0] if part["session"][0] != first_day else None
            self._add(_of_ticker(str(part["ticker"][0]), listed), part)
        for holders in self._by_ticker.values():
            holders.sort(key=lambda security: security.spans[0].first)
        for action in actions:
            self._take(action)

    def _add(self, security: Security, part: pl.DataFrame) -> None:
        self.securities.append(security)
        self._series[security.key] = _series(part)
        for ticker in {span.ticker for span in security.spans}:
            self._by_ticker.setdefault(ticker, []).append(security)

    def _take(self, action: FileAction) -> None:
        """An action is of the security that holds the ticker last and was listed that day, else of the day's holder."""
        days = [(held, held.ticker_on(action.ex_date)) for held in self.holders(action.ticker)]
        holders = [held for held, on in days if on and (on == action.ticker or not action.on_day)]
        holders.sort(key=lambda held: held.last_ticker != action.ticker)
        if not holders:
            return
        key = holders[0].key
        if action.split_from is not None and action.split_to is not None:
            self._splits.setdefault(key, []).append(SplitEvent(action.ex_date, action.split_from, action.split_to))
        series, day = self._series[key], action.ex_date
        before = series.close[series.ordinals < day.toordinal()]
        close = action.close_before or (float(before[-1]) if before.size else None)
        if action.cash_amount is not None and close and action.currency == "USD":
            fraction = action.cash_amount / close
            event = DividendEvent(day, day, day, day, action.cash_amount, fraction, 4)
            self._dividends.setdefault(key, []).append(event)

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed this ticker, oldest first."""
        return self._by_ticker.get(ticker, ())

    @property
    def listed(self) -> Sequence[Security]:
        """Every ticker of the file."""
        return self.securities

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed this ticker, oldest first."""
        return self.holders(ticker)

    def shares_on(self, _listed: Security, _day: date) -> None:
        """None: a file of bars has no share counts."""

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """None: a file of bars does not say which tickers are funds."""
        return ()

    def series(self, security: Security) -> DaySeries:
        """Its rows."""
        return self._series[security.key]

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Those given beside the bars, by date."""
        return sorted(self._splits.get(security.key, ()), key=lambda event: event.ex_date)

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Those given beside the bars, by date."""
        return sorted(self._dividends.get(security.key, ()), key=lambda event: event.ex_date)

    def reach(self, _day: date) -> bool:
        """A file has no later bars to draw."""
        return False

    def warm(self) -> None:
        """Everything is in memory already."""


def _of_ticker(ticker: str, listed: date | None) -> Security:
    return Security(
        key=ticker,
        name=f"{ticker} Inc.",
        equity_type="CS",
        exchange="XNAS" if stable_hash(ticker) % 2 else "XNYS",
        cik=f"{1_000_000 + stable_hash(f'cik:{ticker}') % 800_000:010d}",
        spans=(TickerSpan(ticker, listed or _FIRST_EVER),),
        list_date=listed,
    )


def _declared(listing: DeclaredListing) -> Security:
    spans = tuple(TickerSpan(span.ticker, span.first, span.last) for span in listing.spans)
    made = _of_ticker(listing.key, spans[0].first)
    delisted_on = spans[-1].last + timedelta(days=1) if spans[-1].last else None
    named = listing.name or f"{listing.latest} Inc."
    return replace(made, name=named, exchange=listing.mic or made.exchange, spans=spans, delisted_on=delisted_on)


def _within(span: TickerDays) -> pl.Expr:
    last = span.last or date.max
    return (pl.col("ticker") == span.ticker) & pl.col("session").is_between(span.first, last)


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
    path, options = declared_path(text)
    try:
        read = read_bar_files(contents(path), options)
    except OSError as error:
        raise BadInputError("bars", path, f"a file that can be read ({error.strerror})") from None
    if read.bars.is_empty():
        raise BadInputError("bars", path, "a file with at least one row of bars")
    for line in summary_of(read):
        print(f"{path.name}: {line}", file=sys.stderr, flush=True)
    return read.bars.drop(name for name in _OPTIONAL if read.bars[name].null_count() == read.bars.height)


def read_file_market(text: Path | str) -> FileMarket:
    """The market of a file, with the listings and actions that are given beside it; see `read_bars_file`."""
    path, options = declared_path(text)
    bars = read_bars_file(text)
    declared = read_listings(list(contents(beside(path, options.listings)))) if options.listings else []
    closes = {
        str(key[0]): dict(part.select("session", "close").drop_nulls().iter_rows())
        for key, part in (bars.partition_by("ticker", as_dict=True).items() if options.actions else ())
    }
    actions = []
    if options.actions:
        actions = read_actions(
            list(contents(beside(path, options.actions))),
            by_key(declared),
            lambda ticker: closes.get(ticker, {}),
            library_calendar(MARKET).next_session,
        )
    return FileMarket(bars, declared, actions)
