"""Reading Massive's daily bars: from bytes to `BAR_SCHEMA`.

Reading the envelope belongs in `adapters.sources.massive.envelope`.
"""

from datetime import date
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    Rows,
    check_inside,
    column,
    malformed,
    next_page,
    read_answer,
    result_rows,
    shown,
    ticker_texts,
)
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA

EXCHANGE_ZONE = "America/New_York"
"""The vendor dates US stocks in US Eastern time."""

MAX_WEEKEND_DAYS = 2

_BAR_FIELDS = {
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "volume": "v",
    "vwap": "vw",
    "transactions": "n",
}


def _sessions(rows: Rows, *, at_midnight: bool) -> pl.Series:
    """Dates in New York of the rows' `t` (Unix ms)."""
    stamps: list[Any] = [row.get("t") for row in rows]
    for position, stamp in enumerate(stamps):
        if type(stamp) not in (int, float) or not 0 <= stamp < 4e12:
            raise malformed(f"row {position}: t {shown(stamp)} is not a time in milliseconds")
    instants = pl.Series("session", stamps, dtype=pl.Int64, strict=False).cast(pl.Datetime("ms", "UTC"))
    local = instants.dt.convert_time_zone(EXCHANGE_ZONE)
    if at_midnight:
        # Any other stamp may mean the day before or after: a bar on the wrong day is worse than none.
        off = local != local.dt.truncate("1d")
        if off.any():
            position = int(off.arg_max() or 0)
            raise malformed(f"row {position}: t {stamps[position]} is not midnight in New York, so its day is unknown")
    return local.dt.date()


def _check_weekdays(sessions: pl.Series) -> None:
    """Raise where so many days are weekends that all may be off by one; a single one is the row's own defect."""
    weekend = sessions.filter(sessions.dt.weekday() > 5).unique()
    if len(weekend) > MAX_WEEKEND_DAYS:
        raise malformed(f"bars on {len(weekend)} weekend days, so the days of all are in doubt")


def _bars(rows: Rows, tickers: pl.Series, sessions: pl.Series) -> pl.DataFrame:
    columns = [column(rows, key, name, BAR_SCHEMA[name]) for name, key in _BAR_FIELDS.items()]
    return pl.DataFrame([tickers, sessions, *columns]).select(list(BAR_SCHEMA))


def range_page(body: bytes, ticker: str, start: date, end: date, base_path: str = "") -> Page:
    """One page of `/v2/aggs/ticker/…/range/1/day/…` as `BAR_SCHEMA`, by session.

    Args:
        body: of a 200.
        ticker: the requested ticker.
        start: first requested day.
        end: last requested day, included.
        base_path: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also adjusted prices, another ticker, or a day
            outside the range.
    """
    answer = read_answer(body)
    if answer.get("ticker") != ticker:
        raise malformed(f"an answer about {shown(answer.get('ticker'))} instead of {ticker}")
    _check_raw(answer)
    rows = result_rows(answer, "resultsCount", count_required=True)
    sessions = _sessions(rows, at_midnight=True)
    check_inside(sessions, start, end, rows)
    _check_weekdays(sessions)
    tickers = pl.Series("ticker", [ticker], dtype=pl.String).new_from_index(0, len(rows))
    return Page(_bars(rows, tickers, sessions).sort("session", maintain_order=True), next_page(answer, base_path))


def grouped_page(body: bytes, session: date, base_path: str = "") -> Page:
    """`/v2/aggs/grouped/…/{date}` as `BAR_SCHEMA`. Rows carry 16:00 ET of their day as `t`.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also adjusted prices or a row of another day.
    """
    answer = read_answer(body)
    _check_raw(answer)
    rows = result_rows(answer, "resultsCount", count_required=True)
    sessions = _sessions(rows, at_midnight=False)
    check_inside(sessions, session, session, rows)
    tickers = pl.Series("ticker", ticker_texts(rows, "T"), dtype=pl.String)
    return Page(_bars(rows, tickers, sessions), next_page(answer, base_path))


def _check_raw(answer: dict[str, Any]) -> None:
    if answer.get("adjusted", False) is not False:
        raise malformed("adjusted prices, although raw ones were asked for")
