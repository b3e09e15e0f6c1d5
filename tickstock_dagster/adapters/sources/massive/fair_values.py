"""Massive's fair market values: a field of its snapshots, on the Business plan only, current values only.

The vendor publishes neither its method nor its error, and keeps no history: a value not fetched on the session's own
evening cannot be fetched later. On other plans the field is absent, which is not an error.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.fair_values import FMV_SCHEMA
from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    Rows,
    malformed,
    next_page,
    read_answer,
    result_rows,
    shown,
    ticker_texts,
)
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp

MAX_TICKERS = 250
"""Tickers of one snapshot."""

_NANOSECONDS = (10**17, 10**19)
"""From 1973 to 2286. A stamp outside is in another unit."""


def fetch_fair_values(http: MassiveHttp, tickers: Sequence[str]) -> pl.DataFrame:
    """The values of some tickers as `FMV_SCHEMA`, by ticker; no row where there is none. One call for 250 tickers.

    Raises:
        NotEntitledError: the plan has no snapshots.
        VendorError: see `adapters.sources.protocol`.
    """
    wanted = sorted(set(tickers))
    pages = [pl.DataFrame(schema=FMV_SCHEMA)]
    for start in range(0, len(wanted), MAX_TICKERS):
        some = wanted[start : start + MAX_TICKERS]
        pages.append(
            http.get_pages(
                f"fair values of {len(some)} tickers, {some[0]} to {some[-1]}",
                partial(_send, tickers=some),
                partial(snapshot_page, tickers=some, base_path=http.base_path),
            )
        )
    return pl.concat(pages).sort("ticker")


def _send(client: Any, tickers: list[str]) -> object:
    return client.list_universal_snapshots(ticker_any_of=tickers, limit=MAX_TICKERS, raw=True)


def snapshot_page(body: bytes, tickers: Sequence[str], base_path: str = "") -> Page:
    """`/v3/snapshot`: the rows that hold a fair market value.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also a ticker that was not requested, a value
            that is not a price, or a value without its time.
    """
    answer = read_answer(body)
    rows = result_rows(answer, "count", count_required=False)
    unrequested = set(ticker_texts(rows, "ticker")) - set(tickers)
    if unrequested:
        raise malformed(f"a snapshot of {shown(min(unrequested))}, which was not asked for")
    values = [(row["ticker"], *_value(row)) for row in _with_value(rows)]
    return Page(pl.DataFrame(values, schema=FMV_SCHEMA, orient="row"), next_page(answer, base_path))


def _with_value(rows: Rows) -> Rows:
    """The rows of tickers that the vendor knows and has a value for."""
    return [row for row in rows if "error" not in row and row.get("fmv") is not None]


def _value(row: dict[str, Any]) -> tuple[float, datetime]:
    value, stamp = row["fmv"], row.get("fmv_last_updated")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
        raise malformed(f"fmv of {row['ticker']} is {shown(value)} instead of a price")
    if type(stamp) is not int or not _NANOSECONDS[0] < stamp < _NANOSECONDS[1]:
        raise malformed(f"fmv_last_updated of {row['ticker']} is {shown(stamp)} instead of nanoseconds")
    return float(value), datetime.fromtimestamp(stamp / 10**9, UTC)
