"""Reading Massive's reference data: ticker list, ticker changes, splits, dividends.

Reading the envelope belongs in `adapters.sources.massive.envelope`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    check_any,
    malformed,
    next_page,
    read_answer,
    result_rows,
    set_outside_aside,
)
from tickstock_dagster.adapters.sources.massive.values import (
    Oddities,
    days,
    is_ticker,
    numbers,
    shown,
    texts,
    tickers,
    truths,
)
from tickstock_dagster.adapters.sources.protocol import DIVIDEND_SCHEMA, LISTING_SCHEMA, SPLIT_SCHEMA, TickerChange
from tickstock_dagster.core.securities.tickers import is_us_ticker

_LISTING_FIELDS = {
    "ticker": "ticker",
    "name": "name",
    "equity_type": "type",
    "primary_exchange": "primary_exchange",
    "cik": "cik",
    "composite_figi": "composite_figi",
    "share_class_figi": "share_class_figi",
    "active": "active",
}
_SPLIT_FIELDS = {
    "vendor_id": "id",
    "ticker": "ticker",
    "ex_date": "execution_date",
    "split_from": "split_from",
    "split_to": "split_to",
    "kind": "adjustment_type",
}
_DIVIDEND_FIELDS = {
    "vendor_id": "id",
    "ticker": "ticker",
    "ex_date": "ex_dividend_date",
    "declared_on": "declaration_date",
    "record_date": "record_date",
    "pay_date": "pay_date",
    "cash_amount": "cash_amount",
    "currency": "currency",
    "kind": "distribution_type",
}


_DIGITS = {"cik": 10}
"""Fields that hold codes of so many digits, and come as numbers now and then."""


def listings_page(body: bytes, ticker: str | None = None, base_path: str = "", hosts: Sequence[str] = ()) -> Page:
    """One page of `/v3/reference/tickers` as `LISTING_SCHEMA`.

    `delisted_on` is the UTC date of `delisted_utc`. The vendor's documents call that the last date traded, its rows
    carry the first date without trading (AABA 2019-10-07), at midnight in New York or in UTC: that date fits both.

    A row without a ticker of this market is set aside: no call could name it. One that is odd otherwise keeps its
    ticker and lacks the odd value: a security that the list lacks would count as gone from the market.

    Args:
        body: of a 200.
        ticker: the requested ticker, if one was.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row with a ticker, or rows of other
            tickers than `ticker` alone.
    """
    answer = read_answer(body)
    odd = Oddities()
    rows = result_rows(answer, "count", odd, count_required=False)
    found = tickers(rows, "ticker", "ticker", odd)
    for position, text in enumerate(found):
        if text is not None and not is_us_ticker(text):
            odd.note(position, f"ticker is {shown(text)} instead of one of a US security")
    check_any(rows, odd, "a ticker")
    if ticker is not None and (others := found.filter(found != ticker).to_list()):
        if ticker not in found:
            raise malformed(f"a row of {shown(min(others))} instead of {ticker}")
        for position in (found != ticker).arg_true():
            odd.note(position, f"the row is not of {ticker}")
    usable = [position not in odd for position in range(len(rows))]
    columns = [
        found,
        *(
            texts(rows, key, name, odd, digits=_DIGITS.get(name))
            for name, key in _LISTING_FIELDS.items()
            if name not in ("ticker", "active")
        ),
        truths(rows, "active", "active", odd),
        days(rows, "delisted_utc", "delisted_on", odd),
    ]
    frame = pl.DataFrame(columns).filter(pl.Series(usable, dtype=pl.Boolean))
    return Page(
        frame.select(list(LISTING_SCHEMA)),
        next_page(answer, base_path, hosts),
        odd.lines([row.get("ticker") for row in rows]),
    )


def _actions_page(
    body: bytes,
    fields: dict[str, str],
    schema: dict[str, type[pl.DataType]],
    start: date,
    end: date,
    base_path: str,
    hosts: Sequence[str],
) -> Page:
    answer = read_answer(body)
    odd = Oddities()
    rows = result_rows(answer, "count", odd, count_required=False)
    found = tickers(rows, "ticker", "ticker", odd)
    check_any(rows, odd, "a ticker")
    readers = {pl.Date: days, pl.Float64: numbers, pl.String: texts}
    columns = [
        found if name == "ticker" else readers[schema[name]](rows, key, name, odd) for name, key in fields.items()
    ]
    frame = pl.DataFrame(columns)
    set_outside_aside(frame["ex_date"], start, end, rows, odd)
    outside = ((pl.col("ex_date") < start) | (pl.col("ex_date") > end)).fill_null(value=False)
    return Page(
        frame.filter(~outside).select(list(schema)),
        next_page(answer, base_path, hosts),
        odd.lines([row.get("ticker") for row in rows]),
    )


def splits_page(body: bytes, start: date, end: date, base_path: str = "", hosts: Sequence[str] = ()) -> Page:
    """One page of `/stocks/v1/splits` as `SPLIT_SCHEMA`.

    Args:
        body: of a 200.
        start: first requested ex-date.
        end: last requested ex-date, included.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row with a ticker, or none inside the
            range. A row that is odd or lacks a value is passed on without it: `core.actions` refuses it by name.
    """
    return _actions_page(body, _SPLIT_FIELDS, SPLIT_SCHEMA, start, end, base_path, hosts)


def dividends_page(body: bytes, start: date, end: date, base_path: str = "", hosts: Sequence[str] = ()) -> Page:
    """One page of `/stocks/v1/dividends` as `DIVIDEND_SCHEMA`.

    Args:
        body: of a 200.
        start: first requested ex-date.
        end: last requested ex-date, included.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row with a ticker, or none inside the
            range. A row that is odd or lacks a value is passed on without it: `core.actions` refuses it by name.
    """
    return _actions_page(body, _DIVIDEND_FIELDS, DIVIDEND_SCHEMA, start, end, base_path, hosts)


@dataclass(frozen=True, slots=True)
class Changes:
    """The ticker changes of one security, and what is odd about events that were set aside."""

    changes: list[TickerChange]
    odd: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Changes in the answer."""
        return len(self.changes)


def ticker_changes(body: bytes) -> Changes:
    """`/vX/reference/tickers/{id}/events`, oldest first; the kind of an event is under `type` or `event_type`.

    An event without ticker or date is set aside.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no event that can be read among several.
    """
    results = read_answer(body).get("results")
    events = results.get("events") if isinstance(results, dict) else None
    if not isinstance(events, list):
        raise malformed("no list of events")
    changes, odd = [], []
    for event in events:
        if type(event) is dict and (event.get("type") or event.get("event_type")) != "ticker_change":
            continue
        try:
            ticker, effective = event["ticker_change"]["ticker"], date.fromisoformat(event["date"])
        except (KeyError, TypeError, ValueError):
            odd.append(f"an event that cannot be read: {shown(event)}")
            continue
        if type(ticker) is not str or not is_ticker(ticker):
            odd.append(f"an event without ticker: {shown(event)}")
            continue
        changes.append(TickerChange(ticker, effective))
    if odd and not changes:
        raise malformed(odd[0])
    return Changes(sorted(changes, key=lambda change: change.effective), tuple(odd))
