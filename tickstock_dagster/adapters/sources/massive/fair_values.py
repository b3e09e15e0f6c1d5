"""Massive's fair market values: a field of its snapshots, on the Business plan only, current values only.

The vendor publishes neither its method nor its error, and keeps no history: a value not fetched on the session's own
evening cannot be fetched later. On other plans the field is absent, which is not an error. So is `fmv_last_updated` on
some rows: a value without its time is set aside, alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.fair_values import FMV_SCHEMA
from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    check_any,
    malformed,
    next_page,
    read_answer,
    result_rows,
)
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp
from tickstock_dagster.adapters.sources.massive.values import Oddities, numbers, shown, tickers

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
                partial(snapshot_page, requested=some, base_path=http.base_path, hosts=http.hosts),
            )
        )
    return pl.concat(pages).sort("ticker")


def _send(client: Any, tickers: list[str]) -> object:
    return client.list_universal_snapshots(ticker_any_of=tickers, limit=MAX_TICKERS, raw=True)


def snapshot_page(body: bytes, requested: Sequence[str], base_path: str = "", hosts: Sequence[str] = ()) -> Page:
    """`/v3/snapshot`: the rows that hold a fair market value.

    Set aside are a row of a ticker that was not requested, a value that is not a price, and a value without its time.

    Args:
        body: of a 200.
        requested: tickers.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row of a requested ticker.
    """
    answer = read_answer(body)
    odd = Oddities()
    rows = result_rows(answer, "count", odd, count_required=False)
    found = tickers(rows, "ticker", "ticker", odd)
    check_any(rows, odd, "a ticker")
    wanted = set(requested)
    others = [name for name in found if name is not None and name not in wanted]
    if others and len(others) == len(found.drop_nulls()):
        raise malformed(f"a snapshot of {shown(min(others))}, which was not asked for")
    prices = numbers(rows, "fmv", "fmv", odd)
    values = []
    for position, (name, price, row) in enumerate(zip(found, prices, rows, strict=True)):
        if name is not None and name not in wanted:
            odd.note(position, "the ticker was not asked for")
        if position in odd or price is None or "error" in row:
            continue
        stamp = row.get("fmv_last_updated")
        if price <= 0:
            odd.note(position, f"fmv is {shown(row['fmv'])} instead of a price")
        elif type(stamp) is not int or not _NANOSECONDS[0] < stamp < _NANOSECONDS[1]:
            odd.note(position, f"fmv_last_updated is {shown(stamp)} instead of nanoseconds")
        else:
            values.append((name, price, datetime.fromtimestamp(stamp / 10**9, UTC)))
    frame = pl.DataFrame(values, schema=FMV_SCHEMA, orient="row")
    return Page(frame, next_page(answer, base_path, hosts), odd.lines(found.to_list()))
