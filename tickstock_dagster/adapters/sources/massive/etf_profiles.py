"""Massive's ETF profiles (ETF Global): converts units, here alone, and refuses implausible figures.

The vendor's `aum` is in US dollars and its `net_expenses` in percent: SPY's 0.0945 is 0.0945 % a year, a fraction of
0.000945. A changed unit would still pass as a number, so this module refuses a figure outside plausible bounds,
and an answer about many funds whose median is implausible.
"""

from datetime import date
from functools import partial
from typing import Any

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
    ticker_texts,
)
from tickstock_dagster.adapters.sources.massive.http import MassiveHttp
from tickstock_dagster.adapters.sources.protocol import ETF_PROFILE_SCHEMA, NotFoundError

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

    Two questions: for the newest processed date up to `on`, then for all funds of that date.

    Raises:
        NotFoundError: the vendor has no profile that was out by `on`.
        VendorError: see `adapters.sources.protocol`.
    """
    newest = http.get(
        f"date of the ETF profiles on {on}",
        lambda client: client.get_etf_global_profiles(
            processed_date_lte=on.isoformat(), sort="processed_date.desc", limit=1, raw=True
        ),
        partial(profiles_page, latest=on),
    ).frame
    if newest.is_empty():
        raise NotFoundError(f"{http.name}: no ETF profiles that were out on {on}")
    day: date = newest["processed_date"][0]
    subject = f"ETF profiles of {day}"
    profiles = http.get_pages(
        subject,
        lambda client: client.get_etf_global_profiles(
            processed_date=day.isoformat(), sort="composite_ticker.asc", limit=MAX_PROFILES, raw=True
        ),
        partial(profiles_page, first=day, latest=day, base_path=http.base_path),
    )
    if profiles.is_empty():
        raise malformed(f"{http.name}: {subject}: none, although there was one a moment ago")
    return one_row_each(profiles)


def profiles_page(body: bytes, latest: date, first: date = date.min, base_path: str = "") -> Page:
    """One page of `/etf-global/v1/profiles` as `ETF_PROFILE_SCHEMA`.

    Args:
        body: of a 200.
        latest: last requested processed date.
        first: first requested processed date.
        base_path: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also a row without ticker or processed date, or
            with one that was not requested.
    """
    answer = read_answer(body)
    rows = [_known(row) for row in result_rows(answer, "count", count_required=False)]
    ticker_texts(rows, "composite_ticker")
    frame = pl.DataFrame(
        [
            *(column(rows, key, name, pl.String) for name, key in _TEXTS.items()),
            date_column(rows, "processed_date", "processed_date", required=True),
            date_column(rows, "effective_date", "effective_date"),
            date_column(rows, "inception_date", "inception_date"),
            column(rows, "aum", "aum_usd", pl.Float64),
            column(rows, "net_expenses", "percent", pl.Float64),
        ]
    )
    check_inside(frame["processed_date"], first, latest, rows)
    return Page(_checked(frame), next_page(answer, base_path))


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


def _known(row: dict[str, Any]) -> dict[str, Any]:
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
