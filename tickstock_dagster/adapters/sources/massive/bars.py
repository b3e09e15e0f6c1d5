"""Reading Massive's daily bars: from bytes to `BAR_SCHEMA`.

Reading the envelope belongs in `adapters.sources.massive.envelope`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
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
from tickstock_dagster.adapters.sources.massive.values import (
    Oddities,
    Rows,
    counts_of,
    fields,
    numbers_of,
    plain_numbers,
    shown,
    ticker_words,
    tickers,
)
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA

EXCHANGE_ZONE = "America/New_York"
"""The vendor dates US stocks in US Eastern time."""

MAX_WEEKEND_DAYS = 2

SHIFTED_BY = timedelta(days=7)
"""A bar so near outside the requested range shows that all days may be shifted; one further away is odd alone."""

LAST_STAMP = 4e12
"""Unix milliseconds, in the year 2096. A larger stamp is in another unit."""

_BAR_FIELDS = {
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "volume": "v",
    "vwap": "vw",
    "transactions": "n",
}


@lru_cache(maxsize=8)
def _midnights(stamps: tuple[int, ...]) -> pl.Series | None:
    """Dates in New York of Unix ms; None where any of them is not midnight there.

    Kept, since the answers about many tickers and one span have the same.
    """
    local = pl.Series("session", stamps, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    local = local.dt.convert_time_zone(EXCHANGE_ZONE)
    return local.dt.date() if (local == local.dt.truncate("1d")).all() else None


def _sessions(rows: Rows, odd: Oddities, *, at_midnight: bool) -> pl.Series:
    """Dates in New York of the rows' `t` (Unix ms); null where it is no such time."""
    stamps: list[Any] = [row.get("t") for row in rows]
    usual = set(map(type, stamps)) == {int} and min(stamps) >= 0 and max(stamps) < LAST_STAMP
    if usual and at_midnight and (known := _midnights(tuple(stamps))) is not None:
        return known
    if not usual:
        for position, stamp in enumerate(stamps):
            if type(stamp) not in (int, float) or not 0 <= stamp < LAST_STAMP:
                if position not in odd or rows[position]:
                    odd.note(position, f"t {shown(stamp)} is not a time in milliseconds")
                stamps[position] = None
    check_any(rows, odd, "a time")
    instants = pl.Series("session", stamps, dtype=pl.Int64, strict=False).cast(pl.Datetime("ms", "UTC"))
    local = instants.dt.convert_time_zone(EXCHANGE_ZONE)
    if at_midnight:
        # Any other stamp may mean the day before or after: a bar on the wrong day is worse than none.
        off = (local != local.dt.truncate("1d")).fill_null(value=False)
        if off.any():
            for position in off.arg_true():
                odd.note(position, f"t {stamps[position]} is not midnight in New York, so its day is unknown")
            check_any(rows, odd, "a day")
            local = pl.select(pl.when(~off).then(local)).to_series()
    return local.dt.date().alias("session")


def _check_weekdays(sessions: pl.Series) -> None:
    """Raise where so many days are weekends that all may be off by one; a single one is the row's own defect."""
    weekend = sessions.dt.weekday() > 5
    if weekend.any() and (days := sessions.filter(weekend).n_unique()) > MAX_WEEKEND_DAYS:
        raise malformed(f"bars on {days} weekend days, so the days of all are in doubt")


def _bars(rows: Rows, tickers_of_rows: pl.Series, sessions: pl.Series, odd: Oddities) -> pl.DataFrame:
    """`BAR_SCHEMA`, and `odd` where anything is."""
    values = fields(rows, list(_BAR_FIELDS.values()))
    # Almost every answer has plain numbers alone: one look at all of its columns is enough.
    plain = plain_numbers(values)
    columns = {"ticker": tickers_of_rows, "session": sessions}
    for name, key in _BAR_FIELDS.items():
        if BAR_SCHEMA[name] is pl.Int64:
            columns[name] = counts_of(values[key], key, name, odd)
        else:
            columns[name] = numbers_of(values[key], key, name, odd) if plain is None else plain[key].alias(name)
    frame = pl.DataFrame([columns[name] for name in BAR_SCHEMA])
    return frame.with_columns(odd.column(len(rows))) if odd else frame


def range_page(
    body: bytes, ticker: str, start: date, end: date, base_path: str = "", hosts: Sequence[str] = ()
) -> Page:
    """One page of `/v2/aggs/ticker/…/range/1/day/…` as `BAR_SCHEMA`, by session.

    Where a row cannot be used as sent, the frame has the column `odd`, too (see `adapters.sources.protocol`).

    Args:
        body: of a 200.
        ticker: the requested ticker.
        start: first requested day.
        end: last requested day, included.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also adjusted prices, another ticker, or no row
            of a day inside the range.
    """
    answer = read_answer(body)
    if answer.get("ticker") != ticker:
        raise malformed(f"an answer about {shown(answer.get('ticker'))} instead of {ticker}")
    _check_raw(answer)
    odd = Oddities()
    rows = result_rows(answer, "resultsCount", odd, count_required=True)
    sessions = _sessions(rows, odd, at_midnight=True)
    set_outside_aside(sessions, start, end, rows, odd, near=SHIFTED_BY)
    _check_weekdays(sessions)
    frame = _bars(rows, pl.Series("ticker", [ticker], dtype=pl.String).new_from_index(0, len(rows)), sessions, odd)
    if not frame["session"].is_sorted(nulls_last=True):
        frame = frame.sort("session", maintain_order=True, nulls_last=True)
    return Page(frame, next_page(answer, base_path, hosts))


def grouped_page(body: bytes, session: date, base_path: str = "", hosts: Sequence[str] = ()) -> Page:
    """`/v2/aggs/grouped/…/{date}` as `BAR_SCHEMA`. Rows carry 16:00 ET of their day as `t`.

    Where a row cannot be used as sent, the frame has the column `odd`, too (see `adapters.sources.protocol`).

    Args:
        body: of a 200.
        session: the requested day.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also adjusted prices, or no row of the day, or
            none with a ticker.
    """
    answer = read_answer(body)
    _check_raw(answer)
    odd = Oddities()
    rows = result_rows(answer, "resultsCount", odd, count_required=True)
    sessions = _sessions(rows, odd, at_midnight=False)
    set_outside_aside(sessions, session, session, rows, odd)
    found = tickers(rows, "T", "ticker", odd)
    check_any(rows, odd, "a ticker")
    if found.null_count():
        named = [ticker_words(row.get("T")) if name is None else name for name, row in zip(found, rows, strict=True)]
        found = pl.Series("ticker", named, dtype=pl.String)
    return Page(_bars(rows, found, sessions, odd), next_page(answer, base_path, hosts))


def _check_raw(answer: dict[str, Any]) -> None:
    if answer.get("adjusted", False) is not False:
        raise malformed("adjusted prices, although raw ones were asked for")
