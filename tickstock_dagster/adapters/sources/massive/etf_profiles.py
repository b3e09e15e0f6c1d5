"""Massive's ETF profiles (ETF Global): converts units, here alone, and refuses implausible figures.

The vendor's `aum` is in US dollars and its `net_expenses` in percent: SPY's 0.0945 is 0.0945 % a year, a fraction of
0.000945. A changed unit would still pass as a number, so this module refuses a figure outside plausible bounds,
and an answer about many funds whose median is implausible.
"""

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

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
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp
from tickstock_dagster.adapters.sources.massive.values import Oddities, days, numbers, texts, tickers
from tickstock_dagster.adapters.sources.protocol import ETF_PROFILE_SCHEMA, NotFoundError

logger = logging.getLogger(__name__)

WHOLE = 1_000
"""Funds of a day that is certainly no fragment: the vendor covers more than 3,000."""

PLAUSIBLE_SHARE = 0.5
"""A day with fewer than this share of the funds of the day before is a fragment."""

LOOKS_BACK = 3
"""Earlier processed dates that are asked for at most."""

MAX_PROFILES = 5_000
"""Rows of one page."""

PERCENT = 100.0
"""The vendor's expenses are in percent; divided by this they are a fraction."""

AUM_BOUNDS = (1e4, 5e12)
"""US dollars: less is too small for a fund to operate, more than any fund holds."""

EXPENSE_BOUNDS = (0.0, 0.2)
"""Fraction a year."""

MANY = 100
MIDDLE_AUM = (1e6, 1e10)
MIDDLE_EXPENSES = (0.0003, 0.03)
"""Bounds of the median of `MANY` funds or more. The median ETF holds about 1e8 dollars and costs 0.5 %."""

_TEXTS = {
    "ticker": "composite_ticker",
    "name": "description",
    "issuer": "issuer",
    "category": "category",
    "focus": "focus",
    "region": "region",
    "primary_benchmark": "primary_benchmark",
}


def fetch_profiles(http: MassiveHttp, on: date) -> pl.DataFrame:
    """Facts of all ETFs as `ETF_PROFILE_SCHEMA`; see `ReferenceSource.etf_profiles`.

    Two questions: for the newest processed date up to `on`, then for all funds of that date. That every fund has a row
    on the newest date is nowhere said: where it has few, the date before is asked for, too, and taken where it has
    many more.

    Raises:
        NotFoundError: the vendor has no profile that was out by `on`.
        VendorError: see `adapters.sources.protocol`.
    """
    day = _newest_date(http, on)
    if day is None:
        raise NotFoundError(f"{http.name}: no ETF profiles that were out on {on}")
    profiles = _profiles_of(http, day)
    for _ in range(LOOKS_BACK):
        if profiles.height >= WHOLE or (before := _newest_date(http, day - timedelta(days=1))) is None:
            break
        former = _profiles_of(http, before)
        if former.height * PLAUSIBLE_SHARE <= profiles.height:
            break
        logger.warning(
            "%s: ETF profiles of %s: %d funds, of %s: %d; the former day is taken",
            *(http.name, day, profiles.height, before, former.height),
        )
        day, profiles = before, former
    if profiles.is_empty():
        raise malformed(f"{http.name}: ETF profiles of {day}: none, although there was one a moment ago")
    return profiles


def _newest_date(http: MassiveHttp, on: date) -> date | None:
    """The newest processed date up to `on` (included); None where there is none."""
    newest = http.get(
        f"date of the ETF profiles on {on}",
        lambda client: client.get_etf_global_profiles(
            processed_date_lte=on.isoformat(), sort="processed_date.desc", limit=1, raw=True
        ),
        partial(profiles_page, latest=on, base_path=http.base_path, hosts=http.hosts),
    ).frame
    day = newest["processed_date"].max()
    return day if isinstance(day, date) else None


def _profiles_of(http: MassiveHttp, day: date) -> pl.DataFrame:
    profiles = http.get_pages(
        f"ETF profiles of {day}",
        lambda client: client.get_etf_global_profiles(
            processed_date=day.isoformat(), sort="composite_ticker.asc", limit=MAX_PROFILES, raw=True
        ),
        partial(profiles_page, first=day, latest=day, base_path=http.base_path, hosts=http.hosts),
    )
    return one_row_each(profiles)


def profiles_page(
    body: bytes, latest: date, first: date = date.min, base_path: str = "", hosts: Sequence[str] = ()
) -> Page:
    """One page of `/etf-global/v1/profiles` as `ETF_PROFILE_SCHEMA`.

    A row without ticker or processed date, or of a date that was not requested, is set aside; one that is odd
    otherwise lacks the odd value.

    Args:
        body: of a 200.
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
    for position in processed.is_null().arg_true():
        if rows[position].get("processed_date") is None:
            odd.note(position, "processed_date is missing")
    check_any(rows, odd, "a ticker and a processed date")
    set_outside_aside(processed, first, latest, rows, odd)
    usable = pl.Series([position not in odd for position in range(len(rows))], dtype=pl.Boolean)
    frame = pl.DataFrame(
        [
            found,
            *(texts(rows, key, name, odd) for name, key in _TEXTS.items() if name != "ticker"),
            processed,
            days(rows, "effective_date", "effective_date", odd),
            days(rows, "inception_date", "inception_date", odd),
            numbers(rows, "aum", "aum_usd", odd),
            numbers(rows, "net_expenses", "percent", odd),
        ]
    )
    words = odd.lines([row.get("composite_ticker") for row in rows])
    return Page(_checked(frame.filter(usable)), next_page(answer, base_path, hosts), words)


def one_row_each(profiles: pl.DataFrame) -> pl.DataFrame:
    """One row for each ticker of all pages, by ticker: drops repeats, and refuses rows that contradict each other.

    Raises:
        MalformedAnswerError: the median of many funds is implausible, so the unit must have changed.
    """
    for name, (low, high) in (("aum_usd", MIDDLE_AUM), ("net_expenses", MIDDLE_EXPENSES)):
        figures = profiles[name].drop_nulls()
        middle = figures.median()
        if len(figures) >= MANY and isinstance(middle, float) and not low <= middle <= high:
            raise malformed(f"the median {name} of {len(figures)} funds is {middle:g}: not in the unit known")
    rows = profiles.unique(maintain_order=True)
    count = pl.len().over("ticker")
    words = pl.when(count > 1).then(pl.format("{} rows that contradict each other", count)).otherwise("refused")
    return _without_refused_figures(rows.with_columns(refused=words)).unique("ticker", keep="first").sort("ticker")


def known(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the vendor's placeholders for absent values."""
    return {key: value for key, value in row.items() if value not in ("", "None")}


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    aum, fraction = pl.col("aum_usd"), pl.col("net_expenses")
    reasons = [
        pl.when(pl.col("effective_date").is_null()).then(pl.lit("no effective date")),
        pl.when(pl.col("effective_date") > pl.col("processed_date")).then(
            pl.format("speaks of {}, after it was processed", pl.col("effective_date"))
        ),
        pl.when(~aum.is_between(*AUM_BOUNDS)).then(
            pl.format("AUM of {} USD is outside {}..{}", aum, *(pl.lit(f"{bound:g}") for bound in AUM_BOUNDS))
        ),
        pl.when(~fraction.is_between(*EXPENSE_BOUNDS)).then(
            pl.format(
                "net expenses of {} % are outside {}..{} %",
                pl.col("percent"),
                *(pl.lit(f"{bound * PERCENT:g}") for bound in EXPENSE_BOUNDS),
            )
        ),
    ]
    typed = frame.with_columns(net_expenses=pl.col("percent") / PERCENT)
    words = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return _without_refused_figures(typed.with_columns(refused=pl.when(words != "").then(words)))


def _without_refused_figures(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as `ETF_PROFILE_SCHEMA`; a refused row has no figures, so that none can be stored by mistake."""
    good = pl.col("refused").is_null()
    kept = frame.with_columns(pl.when(good).then(pl.col(name)).alias(name) for name in ("aum_usd", "net_expenses"))
    return kept.select(list(ETF_PROFILE_SCHEMA))
