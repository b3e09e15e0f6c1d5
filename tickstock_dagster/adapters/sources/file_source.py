"""A local file, or a folder of files, as a source of daily bars.

The first question reads and checks everything, and keeps it in memory. A file is its content: the source is named by a
hash of the bytes, so that what one file said is never held against another. It knows tickers from its rows alone and
speaks for nothing else: what it lacks is no evidence about the market. Rows pass as they are; `core.bars.daily_bars`
validates them. `core.bars.bar_files` reads the columns.

Longer than 250 lines because a source has every role of the protocol, also those that it only refuses.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from tickstock_dagster.adapters.sources.bar_files import (
    StoredBars,
    bar_paths,
    bytes_of,
    given_path,
    identity_with,
    is_there,
    read_path,
)
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
from tickstock_dagster.core.bars.action_files import FileAction, dividends_frame, read_actions, splits_frame
from tickstock_dagster.core.bars.bar_files import EXAMPLES, summary_of
from tickstock_dagster.core.bars.file_options import FileOptions
from tickstock_dagster.core.bars.listing_files import DeclaredListing, by_key, read_listings
from tickstock_dagster.core.calendars.markets import MARKET, market_named
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import VendorPlan
from tickstock_dagster.core.securities.tickers import canonical_ticker

MAX_ROWS = 1_000_000
"""In practice no limit of a range call."""


class FileSource:
    """`MarketSource` over one file or folder. Thread-safe.

    Attributes:
        plan: none; a file has no rate and no history limit.
        options: what is declared about the file.
    """

    def __init__(self, path: Path | str, options: FileOptions | None = None, *, market: str = MARKET) -> None:
        self.plan: VendorPlan | None = None
        self.options = options or FileOptions()
        self._path = Path(path)
        self._market = market

    @property
    def name(self) -> str:
        """Stored as the rows' source: `files:` and the first twelve places of the content's SHA-256.

        With actions or listings beside the bars, these are a part of the content.

        Raises:
            BadInputError: the file cannot be read.
        """
        beside = [path for path in (self.options.actions, self.options.listings) if path is not None]
        if not beside:
            return f"files:{self._stored.identity}"
        return f"files:{identity_with(self._stored.identity, [self._beside(path) for path in beside])}"

    @property
    def label(self) -> str:
        """The file by its name, for people."""
        return f"{self._path.name} ({self.name})"

    @property
    def summary(self) -> list[str]:
        """What was set aside, respelt or not read, one line each, with counts and up to ten examples."""
        return summary_of(self._stored.file)

    @property
    def rows_set_aside(self) -> int:
        """How many rows were set aside because of their ticker."""
        return self._stored.file.rows_set_aside

    @property
    def capabilities(self) -> Capabilities:
        """Bars, and corporate actions where they are given beside them; no list of the market, no facts."""
        return Capabilities(
            range_bars=True,
            grouped_bars=True,
            listings=False,
            corporate_actions=self.options.actions is not None,
            max_range_rows=MAX_ROWS,
            details=False,
            etf_profiles=False,
            own_rows=True,
        )

    def range_bars(self, ticker: str, start: date, end: date) -> pl.DataFrame:
        """Bars of one ticker, `start` and `end` inclusive, as `BAR_SCHEMA`, by session.

        Raises:
            BadInputError: the ticker is not valid, the range is inverted, or the file cannot be read; names file and
                column.
        """
        if start > end:
            raise BadInputError("range", f"{start}..{end}", "a first day that is not after the last")
        place, length = self._places.get(self._spelt(ticker), (0, 0))
        return self._bars.slice(place, length).filter(pl.col("session").is_between(start, end))

    def grouped_bars(self, session: date) -> pl.DataFrame:
        """Bars of every ticker on one session, as `BAR_SCHEMA`."""
        return self._bars.filter(pl.col("session") == session)

    def listings(
        self, *, on: date | None = None, active: bool = True, tickers: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The file's tickers as `LISTING_SCHEMA`; with `on`, those whose rows have begun by then.

        No ticker is ever delisted: the end of a file's rows is no evidence of a delisting.
        """
        if not active:
            return pl.DataFrame(schema=LISTING_SCHEMA)
        rows = self._bars
        if on is not None:
            rows = rows.filter(pl.col("session") <= on)
        if tickers is not None:
            rows = rows.filter(pl.col("ticker").is_in([self._spelt(ticker) for ticker in tickers]))
        known = rows.select("ticker", active=True).unique("ticker", maintain_order=True)
        unknown = {name: pl.lit(None, dtype=dtype) for name, dtype in LISTING_SCHEMA.items() if name not in known}
        return known.with_columns(**unknown).select(list(LISTING_SCHEMA))

    def ticker_changes(self, ticker: str) -> list[TickerChange]:
        """Not known: the caller finds the days of change from the dated lists.

        Raises:
            NotFoundError: always, as a vendor's for a ticker that it does not know.
        """
        raise NotFoundError(f"{self._path.name}: a file of bars has no ticker changes (asked for {ticker})")

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
        """The splits given beside the bars.

        Raises:
            PermanentVendorError: none are.
        """
        if self.options.actions is None:
            raise self._not_offered(f"splits (asked for {start}..{end})")
        return splits_frame(self.actions).filter(pl.col("ex_date").is_between(start, end))

    def dividends(self, start: date, end: date) -> pl.DataFrame:
        """The dividends given beside the bars.

        Raises:
            PermanentVendorError: none are.
        """
        if self.options.actions is None:
            raise self._not_offered(f"dividends (asked for {start}..{end})")
        return dividends_frame(self.actions).filter(pl.col("ex_date").is_between(start, end))

    def news(self, ticker: str, after: datetime, until: datetime) -> pl.DataFrame:
        """Not offered.

        Raises:
            PermanentVendorError: always.
        """
        raise self._not_offered(f"news (asked for {ticker} {after:%Y-%m-%d}..{until:%Y-%m-%d})")

    def publication(self, session: date) -> Publication:
        """Whether the file has rows of the session."""
        sessions = self._bars["session"]
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
        return PermanentVendorError(f"{self._path.name}: a file of bars has no {what}; use a vendor for them")

    def spans(self, until: date | None = None) -> pl.DataFrame:
        """(ticker, first, last): the sessions between which the file has rows of each ticker, by ticker.

        Rows of days without a session say nothing; nor do those after `until`, where it is given.
        """
        rows = self._bars.filter(pl.col("session").is_in(self._open_days))
        return (
            rows.filter(True if until is None else pl.col("session") <= until)
            .group_by("ticker")
            .agg(first=pl.col("session").min(), last=pl.col("session").max())
            .sort("ticker")
        )

    def sessions_of(self, ticker: str) -> list[date]:
        """The sessions of a ticker's rows, ascending."""
        place, length = self._places.get(self._spelt(ticker), (0, 0))
        return self._bars.slice(place, length)["session"].unique().sort().to_list()

    def rows_without_session(self, calendar: SessionCalendar) -> list[str]:
        """What the file has on days that are no sessions, in one line; no line where it has nothing."""
        counts = self._bars.group_by("session").len().sort("session").iter_rows()
        days = [(day, rows) for day, rows in counts if not _may_be_session(calendar, day)]
        if not days:
            return []
        named = ", ".join(f"{day} ({count:,})" for day, count in days[:EXAMPLES])
        more = f" and {len(days) - EXAMPLES} more days" if len(days) > EXAMPLES else ""
        return [f"rows of days without a session left out: {named}{more}"]

    @cached_property
    def _open_days(self) -> list[date]:
        """The days of its rows that are sessions of the library's calendar, or lie outside of it."""
        calendar = library_calendar(market_named(self._market).calendar)
        return [day for day in self._bars["session"].unique() if _may_be_session(calendar, day)]

    @cached_property
    def sessions(self) -> frozenset[date]:
        """The sessions of which it has rows."""
        return frozenset(self._bars["session"].unique())

    def cells_on(self, sessions: Collection[date]) -> pl.DataFrame:
        """(ticker, session) of the rows of some sessions, each once."""
        return self._bars.filter(pl.col("session").is_in(list(sessions))).select("ticker", "session").unique()

    def cells(self) -> pl.DataFrame:
        """(ticker, session) of every row, each once."""
        return self._bars.select("ticker", "session").unique()

    def within(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Those of some cells of which the file can say something: of its own tickers, on days on which it has rows."""
        bars = self._bars
        return cells.join(bars.select("ticker").unique(), on="ticker", how="semi").join(
            bars.select("session").unique(), on="session", how="semi"
        )

    @cached_property
    def declared(self) -> list[DeclaredListing]:
        """The listings and renames given beside the bars.

        Raises:
            BadInputError: they cannot be read.
        """
        return read_listings(self._beside(self.options.listings)) if self.options.listings else []

    @cached_property
    def actions(self) -> list[FileAction]:
        """The splits and dividends given beside the bars.

        Raises:
            BadInputError: they cannot be read.
        """
        if self.options.actions is None:
            return []
        next_session = library_calendar(market_named(self._market).calendar).next_session
        return read_actions(self._beside(self.options.actions), by_key(self.declared), self._closes, next_session)

    def _beside(self, path: str) -> list[tuple[str, bytes]]:
        """Name and bytes of the files at a path, which is as given, or beside the bars."""
        given = given_path(path)
        found = given if is_there(given) else self._path.parent / path
        return [(str(file), bytes_of(file)) for file in bar_paths(found)]

    def _closes(self, ticker: str) -> dict[date, float]:
        place, length = self._places.get(ticker, (0, 0))
        rows = self._bars.slice(place, length).filter(pl.col("close").is_not_null())
        return dict(rows.select("session", "close").iter_rows())

    def _spelt(self, ticker: str) -> str:
        return canonical_ticker(ticker, market=self._market)

    @cached_property
    def _stored(self) -> StoredBars:
        return read_path(self._path, self.options, self._market)

    @cached_property
    def _bars(self) -> pl.DataFrame:
        """The rows, by ticker and session."""
        return self._stored.file.bars

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Where each ticker's rows begin, and how many they are."""
        runs = self._bars.with_row_index("place").group_by("ticker").agg(pl.col("place").min(), pl.len())
        return {ticker: (place, length) for ticker, place, length in runs.iter_rows()}


def _may_be_session(calendar: SessionCalendar, day: date) -> bool:
    """Whether a day is a session, or lies outside of the calendar."""
    return not calendar.first <= day <= calendar.last or calendar.is_session(day)
