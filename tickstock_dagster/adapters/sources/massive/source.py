"""Massive's REST API (formerly Polygon) as a source of bars and reference data: endpoints and parameters.

Always raw prices, ascending, in the largest pages. `adapters.sources.massive.http` makes the requests; the modules
beside this one read one kind of answer each. Facts about the API come from the vendor's OpenAPI files and knowledge
base.

Longer than 250 lines because it has a method for every endpoint in use.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from urllib.parse import quote

import polars as pl

from tickstock_dagster.adapters.sources.massive import announcements as massive_announced
from tickstock_dagster.adapters.sources.massive import bars as massive_bars
from tickstock_dagster.adapters.sources.massive import details as massive_details
from tickstock_dagster.adapters.sources.massive import etf_profiles as massive_etfs
from tickstock_dagster.adapters.sources.massive import reference as massive_reference
from tickstock_dagster.adapters.sources.massive.client import ATTEMPT_SECONDS, READ_TIMEOUT
from tickstock_dagster.adapters.sources.massive.envelope import Page
from tickstock_dagster.adapters.sources.massive.fair_values import fetch_fair_values
from tickstock_dagster.adapters.sources.massive.fund_facts import fetch_navs, fetch_sectors
from tickstock_dagster.adapters.sources.massive.history import KeyHistory
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp
from tickstock_dagster.adapters.sources.protocol import (
    LISTING_SCHEMA,
    PROBE_TICKER,
    Capabilities,
    MalformedAnswerError,
    NotFoundError,
    NotPublishedYetError,
    Publication,
    SpecialDay,
    TickerChange,
    TickerDetails,
    VendorCall,
)
from tickstock_dagster.adapters.sources.rate_limit import RateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import VendorPlan
from tickstock_dagster.core.securities.tickers import canonical_ticker

MAX_BARS = 50_000
"""Largest `limit` of bars; each daily bar counts as one."""
MAX_LISTINGS = 1_000
MAX_ACTIONS = 5_000
MAX_NEWS = 1_000

_FIGI = re.compile(r"BBG[0-9A-Z]{9}", re.ASCII)

FIRST_DAY = date(2003, 9, 10)
"""The vendor's history begins here."""


class MassiveSource:
    """`MarketSource` over Massive's REST API, or over a server that speaks it. Thread-safe.

    Attributes:
        name: stored as the rows' source.
        plan: the key's plan, whose rate the limiter keeps.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        plan: VendorPlan,
        limiter: RateLimiter,
        *,
        name: str = "massive",
        threads: int = 16,
        policy: RetryPolicy | None = None,
        read_timeout: float = READ_TIMEOUT,
        attempt_seconds: float = ATTEMPT_SECONDS,
        probe_ticker: str = PROBE_TICKER,
    ) -> None:
        self.name = name
        self.plan: VendorPlan | None = plan
        self._probe = probe_ticker
        self._history = KeyHistory(name)
        self._http = MassiveHttp(
            api_key,
            base_url,
            limiter,
            policy or RetryPolicy.for_plan(plan),
            name=name,
            threads=threads,
            read_timeout=read_timeout,
            attempt_seconds=attempt_seconds,
        )

    @property
    def capabilities(self) -> Capabilities:
        """All of them; a range call holds up to 50,000 sessions."""
        return Capabilities(
            range_bars=True,
            grouped_bars=True,
            listings=True,
            corporate_actions=True,
            max_range_rows=MAX_BARS,
            details=True,
            etf_profiles=True,
            ticker_changes=True,
            news=True,
        )

    def range_bars(self, ticker: str, start: date, end: date) -> pl.DataFrame:
        """Raw daily bars of one ticker, `start` and `end` inclusive, as `BAR_SCHEMA`, by session.

        Rows are as sent, including days without a session, repeats and nulls. A ticker that the vendor does not know
        has no rows, like one that did not trade. A range that begins before the key's history is answered from the
        first day on that is served (`history_from`).

        Raises:
            BadInputError: the ticker is not valid, or the range is inverted.
            VendorError: see `adapters.sources.protocol`.
        """
        symbol = canonical_ticker(ticker)
        _check_range(start, end)
        return self._history.ask(partial(self._range_bars, symbol), start, end)

    @property
    def history_from(self) -> date | None:
        """The first day whose bars the vendor serves this key; None where no refusal has shown one."""
        return self._history.begins

    def _page(self, read: Callable[..., Page], **about: object) -> Callable[[bytes], Page]:
        """A reader of pages whose `next_url` has to name this vendor."""
        return partial(read, **about, base_path=self._http.base_path, hosts=self._http.hosts)

    def _range_bars(self, symbol: str, start: date, end: date) -> pl.DataFrame:
        return self._http.get_pages(
            f"bars of {symbol} {start}..{end}",
            lambda client: client.list_aggs(
                quote(symbol, safe=""),
                1,
                "day",
                start.isoformat(),
                end.isoformat(),
                adjusted=False,
                sort="asc",
                limit=MAX_BARS,
                raw=True,
            ),
            self._page(massive_bars.range_page, ticker=symbol, start=start, end=end),
        )

    def grouped_bars(self, session: date) -> pl.DataFrame:
        """Raw daily bars of the whole market on one session, as `BAR_SCHEMA`.

        No rows where the vendor states that there are none, as on closed days.
        """
        return self._http.get_pages(
            f"bars of the whole market on {session}",
            lambda client: client.get_grouped_daily_aggs(session.isoformat(), adjusted=False, raw=True),
            self._page(massive_bars.grouped_page, session=session),
        )

    def listings(
        self, *, on: date | None = None, active: bool = True, tickers: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The ticker list of US stocks and ETFs as `LISTING_SCHEMA`; see `ReferenceSource.listings`.

        Raises:
            MalformedAnswerError: the list of a day within the vendor's history is empty, which cannot be right.
        """
        if tickers is None:
            whole = self._listings(on, active, None)
            if active and whole.is_empty() and (on is None or on >= FIRST_DAY):
                raise MalformedAnswerError(f"{self.name}: the list of active tickers{_on(on)} is empty")
            return whole
        frames = [self._listings(on, active, canonical_ticker(ticker)) for ticker in dict.fromkeys(tickers)]
        return pl.concat([pl.DataFrame(schema=LISTING_SCHEMA), *frames])

    def _listings(self, on: date | None, active: bool, ticker: str | None) -> pl.DataFrame:
        kind = "active" if active else "delisted"
        what = f"listing of {ticker}" if ticker else f"list of {kind} tickers"
        try:
            return self._http.get_pages(
                what + _on(on),
                lambda client: client.list_tickers(
                    ticker=ticker,
                    market="stocks",
                    date=on.isoformat() if on else None,
                    active=active,
                    limit=MAX_LISTINGS,
                    sort="ticker",
                    order="asc",
                    raw=True,
                ),
                self._page(massive_reference.listings_page, ticker=ticker),
            )
        except NotFoundError:
            if ticker is None:
                raise
            return pl.DataFrame(schema=LISTING_SCHEMA)

    def ticker_changes(self, ticker: str) -> list[TickerChange]:
        """The tickers of a security, by ticker or FIGI, oldest first; see `ReferenceSource.ticker_changes`.

        Raises:
            NotFoundError: the vendor does not know it.
        """
        symbol = ticker if _FIGI.fullmatch(ticker) else canonical_ticker(ticker)
        answer = self._http.get(
            f"ticker changes of {symbol}",
            lambda client: client.get_ticker_events(quote(symbol, safe=""), types="ticker_change", raw=True),
            massive_reference.ticker_changes,
        )
        return answer.changes

    def ticker_details(self, ticker: str, *, on: date | None = None) -> TickerDetails:
        """Details of the security that holds `ticker` on `on` (None: now).

        Raises:
            NotFoundError: no security holds it then, or the vendor does not know it.
        """
        symbol = canonical_ticker(ticker)
        answer = self._http.get(
            f"details of {symbol}{_on(on)}",
            lambda client: client.get_ticker_details(
                quote(symbol, safe=""), date=on.isoformat() if on else None, raw=True
            ),
            partial(massive_details.ticker_details, ticker=symbol),
        )
        return answer.details

    def etf_profiles(self, on: date) -> pl.DataFrame:
        """Facts of all ETFs as `ETF_PROFILE_SCHEMA`, by ticker; see `ReferenceSource.etf_profiles`.

        Raises:
            NotEntitledError: the plan lacks the ETF add-on.
            NotFoundError: the vendor has no profile that was out by `on`.
        """
        return massive_etfs.fetch_profiles(self._http, on)

    def fund_navs(self, on: date) -> pl.DataFrame:
        """Net asset values of all funds as `FUND_NAV_SCHEMA`; see `FundSource.fund_navs`.

        Raises:
            NotEntitledError: the plan lacks the add-on.
            NotFoundError: the vendor has none that were out by `on`.
        """
        return fetch_navs(self._http, on)

    def fund_sectors(self, on: date) -> pl.DataFrame:
        """Allocations of all funds as `FUND_SECTOR_SCHEMA`; see `FundSource.fund_sectors`.

        Raises:
            NotEntitledError: the plan lacks the add-on.
            NotFoundError: the vendor has none that were out by `on`.
        """
        return fetch_sectors(self._http, on)

    def splits(self, start: date, end: date) -> pl.DataFrame:
        """Splits with an ex-date in [start, end], as `SPLIT_SCHEMA`, by ex-date."""
        _check_range(start, end)
        return self._http.get_pages(
            f"splits {start}..{end}",
            lambda client: client.list_stocks_splits(
                execution_date_gte=start.isoformat(),
                execution_date_lte=end.isoformat(),
                limit=MAX_ACTIONS,
                sort="execution_date.asc",
                raw=True,
            ),
            self._page(massive_reference.splits_page, start=start, end=end),
        )

    def dividends(self, start: date, end: date) -> pl.DataFrame:
        """Dividends with an ex-date in [start, end], as `DIVIDEND_SCHEMA`, by ex-date."""
        _check_range(start, end)
        return self._http.get_pages(
            f"dividends {start}..{end}",
            lambda client: client.list_stocks_dividends(
                ex_dividend_date_gte=start.isoformat(),
                ex_dividend_date_lte=end.isoformat(),
                limit=MAX_ACTIONS,
                sort="ex_dividend_date.asc",
                raw=True,
            ),
            self._page(massive_reference.dividends_page, start=start, end=end),
        )

    def news(self, ticker: str, after: datetime, until: datetime) -> pl.DataFrame:
        """Articles that name a ticker, as `NEWS_SCHEMA`, the oldest first; see `ReferenceSource.news`.

        Args:
            ticker: as printed then.
            after: first instant, aware. Both ends are stated, since the vendor's news go back for years.
            until: last instant, aware.
        """
        symbol = canonical_ticker(ticker)
        if after > until:
            raise BadInputError("span", f"{after}..{until}", "a first instant that is not after the last")
        return self._http.get_pages(
            f"news of {symbol} {after:%Y-%m-%dT%H:%M}..{until:%Y-%m-%dT%H:%M}",
            lambda client: client.list_ticker_news(
                symbol,
                published_utc_gte=_utc(after),
                published_utc_lte=_utc(until),
                limit=MAX_NEWS,
                sort="published_utc",
                order="asc",
                raw=True,
            ),
            self._page(massive_announced.news_page, ticker=symbol, after=after, until=until),
        )

    def publication(self, session: date) -> Publication:
        """Whether the session's bars are out: one call, for the probe ticker's bar.

        Ask only after the close: the partial bar of a session that still trades looks the same. A refused key or plan,
        or a vendor that is down, raises: neither means "not out".
        """
        try:
            bars = self.range_bars(self._probe, session, session)
        except NotPublishedYetError as error:
            return Publication(False, str(error))
        if bars.is_empty():
            return Publication(False, f"{self.name}: no bar of {self._probe} on {session} yet")
        return Publication(True, f"{self.name}: the bar of {self._probe} on {session} is out")

    def special_days(self) -> list[SpecialDay]:
        """Coming closed days and early closes of the US exchanges, one entry for each exchange."""
        answer = self._http.get(
            "special days to come", lambda client: client.get_market_holidays(raw=True), massive_announced.special_days
        )
        return list(answer.days)

    def fair_values(self, tickers: Sequence[str]) -> pl.DataFrame:
        """The vendor's current fair market values; see `adapters.sources.massive.fair_values`."""
        return fetch_fair_values(self._http, tickers)

    def drain_calls(self) -> list[VendorCall]:
        """The calls recorded since the last drain, oldest first."""
        return self._http.drain_calls()

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _on(day: date | None) -> str:
    return f" on {day}" if day else ""


def _check_range(start: date, end: date) -> None:
    if start > end:
        raise BadInputError("range", f"{start}..{end}", "a first day that is not after the last")
