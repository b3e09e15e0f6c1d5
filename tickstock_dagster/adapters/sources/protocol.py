"""The protocols of sources of market data, by the role of the source; the shapes of answers, and their errors.

A source returns a complete answer or raises an error, never a part; of single rows it says what is odd. Rows are as
the vendor sent them (raw prices, possibly broken); `core.bars.daily_bars` validates them. An answer about another
ticker or day than requested raises `MalformedAnswerError`.

Longer than 250 lines because this file is all that the author of a source needs: methods, shapes of answers, errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Protocol, runtime_checkable

import polars as pl

from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.loading.ledger import ErrorClass
from tickstock_dagster.core.loading.vendor_plans import VendorPlan

LISTING_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "name": pl.String,
    "equity_type": pl.String,
    "primary_exchange": pl.String,
    "cik": pl.String,
    "composite_figi": pl.String,
    "share_class_figi": pl.String,
    "active": pl.Boolean,
    "delisted_on": pl.Date,
}
"""One row per ticker: `equity_type` is the vendor's type code (CS, ETF, …), `primary_exchange` a MIC, `delisted_on`
the first date on which the ticker no longer trades (null while active). Everything but `ticker` may be null."""

SPLIT_SCHEMA: dict[str, type[pl.DataType]] = {
    "vendor_id": pl.String,
    "ticker": pl.String,
    "ex_date": pl.Date,
    "split_from": pl.Float64,
    "split_to": pl.Float64,
    "kind": pl.String,
}
"""A 2-for-1 split has `split_from` 1 and `split_to` 2. `kind`: forward_split, reverse_split or stock_dividend.

`vendor_id` identifies the action where the source has such an id, else it is null: two rows under one are one action.
"""

DIVIDEND_SCHEMA: dict[str, type[pl.DataType]] = {
    "vendor_id": pl.String,
    "ticker": pl.String,
    "ex_date": pl.Date,
    "declared_on": pl.Date,
    "record_date": pl.Date,
    "pay_date": pl.Date,
    "cash_amount": pl.Float64,
    "currency": pl.String,
    "kind": pl.String,
}
"""`cash_amount` in `currency` units as declared, per share of the ex-date (after a split of that day); `kind`:
recurring, special, supplemental, irregular or unknown. `vendor_id` as for splits."""

FUND_NAV_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "nav": pl.Float64,
    "effective_date": pl.Date,
    "processed_date": pl.Date,
}
"""One row per fund: net asset value, US dollars a share, of `effective_date`; it came out on `processed_date`."""

FUND_SECTOR_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "allocation": pl.String,
    "effective_date": pl.Date,
    "processed_date": pl.Date,
}
"""One row per fund: `allocation` is JSON, the vendor's name of each sector to its share of assets, a fraction."""

ETF_PROFILE_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "processed_date": pl.Date,
    "effective_date": pl.Date,
    "name": pl.String,
    "issuer": pl.String,
    "category": pl.String,
    "focus": pl.String,
    "region": pl.String,
    "primary_benchmark": pl.String,
    "inception_date": pl.Date,
    "aum_usd": pl.Float64,
    "net_expenses": pl.Float64,
    "refused": pl.String,
}
"""One row per ETF: the facts are as of `effective_date` and came out on `processed_date`. `aum_usd` in US dollars,
`net_expenses` a fraction of assets a year (0.0009 is 0.09 %). `refused`: why the row must not be stored, with the value
as sent; null for a good row. The figures of a refused row are null. Everything but ticker and days may be null."""

NEWS_SCHEMA: dict[str, pl.DataType] = {
    "published_at": pl.Datetime("us", "UTC"),
    "title": pl.String(),
    "publisher": pl.String(),
    "url": pl.String(),
    "tickers": pl.List(pl.String()),
}
"""One row per article; `tickers` are those that it names, as printed. Publisher and address may be null."""

PROBE_TICKER = "SPY"
"""Trades in every session since 1993: its bar shows that a session's bars are out."""


@dataclass(frozen=True, slots=True)
class TickerChange:
    """`ticker` began to be the security's printed ticker on `effective`."""

    ticker: str
    effective: date


@dataclass(frozen=True, slots=True)
class TickerDetails:
    """The vendor's facts about the security that holds `ticker` on the requested day; None where it states none.

    Attributes:
        equity_type: the vendor's type code (CS, ETF, …).
        primary_exchange: MIC.
        sic_code: four digits, as text.
        shares_outstanding: of this class; of all classes together, converted, where the vendor has only that.
        market_cap: US dollars, as the vendor states it; for a past day often wrong by later splits.
        list_date: first trading day.
    """

    ticker: str
    name: str | None
    equity_type: str | None
    primary_exchange: str | None
    cik: str | None
    composite_figi: str | None
    sic_code: str | None
    sic_description: str | None
    shares_outstanding: int | None
    market_cap: float | None
    list_date: date | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Publication:
    """Whether a session's bars are out, and in words why or why not."""

    published: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source offers. `max_range_rows` bounds the sessions of one range call.

    `own_rows`: the source speaks for the tickers and the sessions of its rows alone (a file that somebody has): what it
    lacks says nothing about the market, and an absence is never an outage.
    `etf_profiles` does not mean that the key's plan includes them: only asking shows that. With `ticker_changes` a row
    is stored only where it is proven whose its ticker was.
    """

    range_bars: bool
    grouped_bars: bool
    listings: bool
    corporate_actions: bool
    max_range_rows: int
    details: bool
    etf_profiles: bool
    ticker_changes: bool = False
    own_rows: bool = False
    news: bool = False


class VendorError(TickstockError):
    """Base of every error that a source raises. `status` is the HTTP status where there was one.

    `error_class` says what the error means for a work unit.
    """

    error_class: ClassVar[ErrorClass] = ErrorClass.PERMANENT

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class TransientVendorError(VendorError):
    """May go away by itself: the call is retried with back-off, and a later run asks again."""

    error_class = ErrorClass.TRANSIENT


class PermanentVendorError(VendorError):
    """Asking again gives the same answer: never retried."""


class RateLimitedError(TransientVendorError):
    """The vendor refused because of the rate (429).

    `retry_after` in seconds where the vendor states it; `per_minute` where its words are about calls per minute, and
    nothing shows that the key's plan does not count in minutes.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, per_minute: bool = False) -> None:
        self.retry_after = retry_after
        self.per_minute = per_minute
        super().__init__(message, status=429)


class UpstreamError(TransientVendorError):
    """5xx, timeout, refused or dropped connection."""


class MalformedAnswerError(TransientVendorError):
    """A 200 whose body is cut, not JSON, incomplete, or about something else than requested."""


class NotPublishedYetError(TransientVendorError):
    """The session's bars are not out yet. The call is not retried: a later attempt of the schedule asks again."""


class AuthFailedError(PermanentVendorError):
    """The key is missing or unknown (401)."""

    error_class = ErrorClass.REFUSED


class NotEntitledError(PermanentVendorError):
    """The plan does not include this endpoint (403)."""

    error_class = ErrorClass.REFUSED


class OutOfHistoryError(PermanentVendorError):
    """The date is older than the plan's history (403)."""

    error_class = ErrorClass.REFUSED


class NotFoundError(PermanentVendorError):
    """The vendor does not know the ticker (404)."""


class RejectedRequestError(PermanentVendorError):
    """The vendor rejects the request as wrong (400)."""

    error_class = ErrorClass.REFUSED


class Source(Protocol):
    """What every source has, whatever its role. Thread-safe. Frames have exactly the columns of their schema."""

    @property
    def name(self) -> str:
        """Short lower-case name stored in `ohlcv_daily.source`: massive, simulator, or files:HASH by the content."""

    @property
    def plan(self) -> VendorPlan | None:
        """The plan whose limits hold; None where there are none (files)."""

    @property
    def capabilities(self) -> Capabilities:
        """What the source offers."""

    def drain_calls(self) -> "list[VendorCall]":
        """Take the records of calls made since the last drain (for `vendor_calls`)."""


class BarSource(Source, Protocol):
    """A source of daily bars."""

    def range_bars(self, ticker: str, start: date, end: date) -> pl.DataFrame:
        """Raw daily bars of one ticker, `start` and `end` inclusive, as `core.bars.daily_bars.BAR_SCHEMA`, by session.

        No row for a session without a bar; zero rows where the vendor says explicitly that there are none. A row that
        could not be read as sent lacks what is odd; the frame then says what in `core.bars.daily_bars.ODD`.
        """

    def grouped_bars(self, session: date) -> pl.DataFrame:
        """Raw daily bars of the whole market on one session, as `core.bars.daily_bars.BAR_SCHEMA`, and `ODD`."""


class ReferenceSource(Source, Protocol):
    """A source of reference data: listed securities, their tickers over time, and their corporate actions."""

    def listings(
        self, *, on: date | None = None, active: bool = True, tickers: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The ticker list as `LISTING_SCHEMA`, as of `on` (None: now): the active tickers or the delisted ones.

        With `tickers`, only those, at one call each; an unknown ticker has no row.
        """

    def ticker_changes(self, ticker: str) -> list[TickerChange]:
        """The tickers of a security, oldest first, including its first known one.

        `ticker` stands for the security that holds it now; a composite FIGI for that security, whatever it holds.
        """

    def ticker_details(self, ticker: str, *, on: date | None = None) -> TickerDetails:
        """Details of the security that holds `ticker` on `on` (None: now); `NotFoundError` where none does."""

    def etf_profiles(self, on: date) -> pl.DataFrame:
        """Facts of all ETFs as `ETF_PROFILE_SCHEMA`, by ticker, of the newest processed date up to `on`.

        `NotEntitledError` where the plan lacks the ETF add-on, `NotFoundError` where no profile was out by `on`.
        """

    def splits(self, start: date, end: date) -> pl.DataFrame:
        """Splits with an ex-date in [start, end], as `SPLIT_SCHEMA`."""

    def dividends(self, start: date, end: date) -> pl.DataFrame:
        """Dividends with an ex-date in [start, end], as `DIVIDEND_SCHEMA`."""

    def news(self, ticker: str, after: datetime, until: datetime) -> pl.DataFrame:
        """Articles that name `ticker`, published from `after` to `until`, as `NEWS_SCHEMA`, the oldest first."""


@runtime_checkable
class LimitedHistory(Protocol):
    """A source that finds out where its key's history begins."""

    @property
    def history_from(self) -> date | None:
        """The first day whose bars are served; None where no refusal has shown one."""


class PublicationSource(Source, Protocol):
    """A source that says for which sessions its bars are out, and which coming days are special."""

    def publication(self, session: date) -> Publication:
        """Ask the vendor, with one cheap call, whether the session's daily bars are out."""

    def special_days(self) -> "list[SpecialDay]":
        """Coming closed days and early closes, as the vendor lists them. One call."""


@runtime_checkable
class FundSource(Protocol):
    """A source of daily facts about funds. Whether the key's plan includes them, only asking shows."""

    def fund_navs(self, on: date) -> pl.DataFrame:
        """Net asset values of all funds as `FUND_NAV_SCHEMA`, by ticker, of the newest processed date up to `on`.

        Funds without a value are left out. `NotEntitledError` where the plan lacks the add-on, `NotFoundError` where
        none was out by `on`.
        """

    def fund_sectors(self, on: date) -> pl.DataFrame:
        """Allocations of all funds as `FUND_SECTOR_SCHEMA`; otherwise as `fund_navs`."""


class MarketSource(BarSource, ReferenceSource, PublicationSource, Protocol):
    """All roles. A source states in its `capabilities` what it lacks, and raises when asked for that."""


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A coming day on which an exchange (by the vendor's name) is closed, or closes early at `closes_at` (aware)."""

    exchange: str
    day: date
    name: str
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class VendorCall:
    """One HTTP request, for the `vendor_calls` ledger. `endpoint` is the path without query and without key.

    `called_at` is a POSIX timestamp in seconds (UTC), `elapsed_ms` milliseconds, `rows` the rows of the answer,
    `outcome` "ok" or the error's class name.
    """

    called_at: float
    endpoint: str
    status: int | None
    rows: int
    elapsed_ms: float
    attempt: int
    outcome: str
