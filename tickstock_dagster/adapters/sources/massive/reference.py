"""Reading Massive's reference data: ticker list, ticker changes, splits, dividends.

Reading the envelope belongs in `adapters.sources.massive.envelope`.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    check_inside,
    column,
    date_column,
    malformed,
    next_page,
    read_answer,
    result_rows,
    shown,
    ticker_texts,
)
from tickstock_dagster.adapters.sources.protocol import DIVIDEND_SCHEMA, LISTING_SCHEMA, SPLIT_SCHEMA, TickerChange

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


def listings_page(body: bytes, ticker: str | None = None, base_path: str = "") -> Page:
    """One page of `/v3/reference/tickers` as `LISTING_SCHEMA`.

    `delisted_on` is the UTC date of `delisted_utc`. The vendor's documents call that the last date traded, its rows
    carry the first date without trading (AABA 2019-10-07), at midnight in New York or in UTC: that date fits both.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also a row of another ticker than `ticker`, if
            given.
    """
    answer = read_answer(body)
    rows = result_rows(answer, "count", count_required=False)
    tickers = ticker_texts(rows, "ticker")
    if ticker is not None and (others := set(tickers) - {ticker}):
        raise malformed(f"a row of {shown(min(others))} instead of {ticker}")
    columns = [column(rows, key, name, LISTING_SCHEMA[name]) for name, key in _LISTING_FIELDS.items()]
    frame = pl.DataFrame([*columns, date_column(rows, "delisted_utc", "delisted_on")])
    return Page(frame.select(list(LISTING_SCHEMA)), next_page(answer, base_path))


def _actions_page(
    body: bytes,
    fields: dict[str, str],
    schema: dict[str, type[pl.DataType]],
    start: date,
    end: date,
    base_path: str,
) -> Page:
    answer = read_answer(body)
    rows = result_rows(answer, "count", count_required=False)
    ticker_texts(rows, "ticker")
    columns = [
        date_column(rows, key, name) if schema[name] is pl.Date else column(rows, key, name, schema[name])
        for name, key in fields.items()
    ]
    frame = pl.DataFrame(columns)
    check_inside(frame["ex_date"], start, end, rows)
    return Page(frame.select(list(schema)), next_page(answer, base_path))


def splits_page(body: bytes, start: date, end: date, base_path: str = "") -> Page:
    """One page of `/stocks/v1/splits` as `SPLIT_SCHEMA`.

    Args:
        body: of a 200.
        start: first requested ex-date.
        end: last requested ex-date, included.
        base_path: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also a row without ticker, or outside
            the range. A row without an ex-date is passed on: one row must not cost the answer.
    """
    return _actions_page(body, _SPLIT_FIELDS, SPLIT_SCHEMA, start, end, base_path)


def dividends_page(body: bytes, start: date, end: date, base_path: str = "") -> Page:
    """One page of `/stocks/v1/dividends` as `DIVIDEND_SCHEMA`.

    Args:
        body: of a 200.
        start: first requested ex-date.
        end: last requested ex-date, included.
        base_path: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also a row without ticker, or outside
            the range. A row without an ex-date is passed on: one row must not cost the answer.
    """
    return _actions_page(body, _DIVIDEND_FIELDS, DIVIDEND_SCHEMA, start, end, base_path)


@dataclass(frozen=True, slots=True)
class Changes:
    """The ticker changes of one security."""

    changes: list[TickerChange]

    @property
    def rows(self) -> int:
        """Changes in the answer."""
        return len(self.changes)


def ticker_changes(body: bytes) -> Changes:
    """`/vX/reference/tickers/{id}/events`, oldest first; the kind of an event is under `type` or `event_type`.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also an event without ticker or date.
    """
    results = read_answer(body).get("results")
    events = results.get("events") if isinstance(results, dict) else None
    if not isinstance(events, list) or not all(type(event) is dict for event in events):
        raise malformed("no list of events")
    changes = []
    for event in events:
        if (event.get("type") or event.get("event_type")) != "ticker_change":
            continue
        try:
            ticker, effective = event["ticker_change"]["ticker"], date.fromisoformat(event["date"])
        except (KeyError, TypeError, ValueError):
            raise malformed(f"an event that cannot be read: {shown(event)}") from None
        if type(ticker) is not str or not ticker:
            raise malformed(f"an event without ticker: {shown(event)}")
        changes.append(TickerChange(ticker, effective))
    return Changes(sorted(changes, key=lambda change: change.effective))
