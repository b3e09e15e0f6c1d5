"""Massive's daily facts about funds (ETF Global): net asset values and allocations to sectors, of all funds of a day.

The vendor's `nav` is in US dollars a share; allocations are fractions, as a list of key and value or as an object. Like
profiles, they are asked for by the newest processed date that was out. What is implausible is left out, row by row.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from math import isfinite
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    check_any,
    next_page,
    read_answer,
    result_rows,
    set_outside_aside,
)
from tickstock_dagster.adapters.sources.massive.etf_profiles import known
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp
from tickstock_dagster.adapters.sources.massive.values import Oddities, days, numbers, tickers
from tickstock_dagster.adapters.sources.protocol import FUND_NAV_SCHEMA, FUND_SECTOR_SCHEMA, NotFoundError

logger = logging.getLogger(__name__)

MAX_ROWS = 5_000
"""Rows of one page."""

NAV_BOUNDS = (0.001, 1e6)
"""US dollars a share."""

WEIGHT_BOUNDS = (-5.0, 5.0)
"""A share of assets: geared and inverse funds hold more than all, and less than nothing."""

MOST_SECTORS = MAX_NAME = 100
"""Sectors of a fund, and characters of a sector's name."""

Rows = list[dict[str, Any]]
Read = Callable[[Rows, Oddities], pl.Series]


def fetch_navs(http: MassiveHttp, on: date) -> pl.DataFrame:
    """Net asset values of all funds as `FUND_NAV_SCHEMA`; see `FundSource.fund_navs`.

    Raises:
        NotFoundError: the vendor has none that were out by `on`.
        VendorError: see `adapters.sources.protocol`.
    """
    return _of_newest_day(http, on, "net asset values", "fund_flows", _navs).cast(pl.Schema(FUND_NAV_SCHEMA))


def fetch_sectors(http: MassiveHttp, on: date) -> pl.DataFrame:
    """Allocations of all funds as `FUND_SECTOR_SCHEMA`; see `FundSource.fund_sectors`.

    Raises:
        NotFoundError: the vendor has none that were out by `on`.
        VendorError: see `adapters.sources.protocol`.
    """
    return _of_newest_day(http, on, "sectors of funds", "profiles", _allocations).cast(pl.Schema(FUND_SECTOR_SCHEMA))


def facts_page(
    body: bytes, read: Read, latest: date, first: date = date.min, base_path: str = "", hosts: Sequence[str] = ()
) -> Page:
    """One page of facts: ticker, what `read` makes of each row, `effective_date`, `processed_date`.

    A row without ticker or date, of a date that was not requested, or that speaks of a day after it was processed, is
    set aside; one whose fact is absent or implausible lacks it.

    Args:
        body: of a 200.
        read: makes the column of the fact.
        latest: last requested processed date.
        first: first requested processed date.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row with ticker and requested date.
    """
    answer = read_answer(body)
    odd = Oddities()
    rows = [known(row) for row in result_rows(answer, "count", odd, count_required=False)]
    found = tickers(rows, "composite_ticker", "ticker", odd)
    processed = days(rows, "processed_date", "processed_date", odd)
    effective = days(rows, "effective_date", "effective_date", odd)
    for position in (processed.is_null() | effective.is_null()).arg_true():
        odd.note(position, "without processed_date and effective_date")
    for position in (effective > processed).fill_null(value=False).arg_true():
        odd.note(position, f"speaks of {effective[position]}, after it was processed")
    check_any(rows, odd, "a ticker and a processed date")
    set_outside_aside(processed, first, latest, rows, odd)
    usable = pl.Series([position not in odd for position in range(len(rows))], dtype=pl.Boolean)
    frame = pl.DataFrame([found, read(rows, odd), effective, processed]).filter(usable)
    words = odd.lines([row.get("composite_ticker") for row in rows])
    return Page(frame, next_page(answer, base_path, hosts), words)


def _of_newest_day(http: MassiveHttp, on: date, what: str, path: str, read: Read) -> pl.DataFrame:
    """All rows of the newest processed date up to `on` that have the fact, each ticker once."""

    def send(**query: Any) -> Callable[[Any], Any]:
        return lambda client: getattr(client, f"get_etf_global_{path}")(**query, raw=True)

    page = partial(facts_page, read=read, base_path=http.base_path, hosts=http.hosts)
    newest = http.get(
        f"date of the {what} on {on}",
        send(processed_date_lte=on.isoformat(), sort="processed_date.desc", limit=1),
        partial(page, latest=on),
    ).frame["processed_date"]
    day = newest.max()
    if not isinstance(day, date):
        raise NotFoundError(f"{http.name}: no {what} that were out on {on}")
    found = http.get_pages(
        f"{what} of {day}",
        send(processed_date=day.isoformat(), sort="composite_ticker.asc", limit=MAX_ROWS),
        partial(page, first=day, latest=day),
    ).unique(maintain_order=True)
    doubled = found.filter(pl.len().over("ticker") > 1)["ticker"].unique().to_list()
    if doubled:
        logger.warning("%s: %s of %s: rows of %s contradict each other", http.name, what, day, ", ".join(doubled[:10]))
    fact = found.columns[1]
    return found.filter(~pl.col("ticker").is_in(doubled) & pl.col(fact).is_not_null()).sort("ticker")


def _navs(rows: Rows, odd: Oddities) -> pl.Series:
    navs = numbers(rows, "nav", "nav", odd)
    return pl.select(pl.when(navs.is_between(*NAV_BOUNDS)).then(navs).alias("nav")).to_series()


def _allocations(rows: Rows, odd: Oddities) -> pl.Series:  # noqa: ARG001  # an allocation that is odd is left out alone
    return pl.Series("allocation", [allocation_of(row.get("sector_exposure")) for row in rows], dtype=pl.String)


def allocation_of(given: object) -> str | None:
    """An allocation as JSON, sector to fraction, by sector; None where there is none, or it is not one."""
    if isinstance(given, list):
        parts = [(part.get("key"), part.get("value")) for part in given if isinstance(part, dict)]
        if len(parts) < len(given):
            return None
    elif isinstance(given, dict):
        parts = list(given.items())
    else:
        return None
    weights: dict[str, float] = {}
    for name, weight in parts:
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MAX_NAME or name in weights:
            return None
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not _is_weight(weight):
            return None
        weights[name] = float(weight)
    return json.dumps(dict(sorted(weights.items()))) if 0 < len(weights) <= MOST_SECTORS else None


def _is_weight(value: float) -> bool:
    low, high = WEIGHT_BOUNDS
    return isfinite(value) and low <= value <= high
