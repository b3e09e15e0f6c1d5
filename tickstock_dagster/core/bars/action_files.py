"""Splits and dividends that come beside the bars of a file.

Two forms. A table with one row for each action; a split as `split_from` and `split_to` or as `ratio` (new shares for
one old), a dividend as `cash_amount` per share, as declared, in `currency` (USD where there is none):

    ticker,ex_date,split_from,split_to,cash_amount,currency
    AAPL,2014-06-09,1,7,,
    AAPL,2014-08-07,,,0.47,USD

And factor files, one for each security, by day: up to and including a row's day, raw prices times both factors are
adjusted prices. A step of the split factor is a split, a step of the price factor a dividend, on the next session. The
last column is the close of that day; without it, the close before that the bars have:

    20140606,0.9741588,0.142857,645.57
    20501231,1,1,0
"""

import csv
import itertools
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf

import polars as pl

from tickstock_dagster.core.bars.bar_file_tables import BarTable, bar_table, day_of, plain_columns, text_of
from tickstock_dagster.core.bars.bar_files import NO_VALUE
from tickstock_dagster.core.bars.file_dates import read_sessions
from tickstock_dagster.core.bars.listing_files import DeclaredListing, key_of
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker

_ACCEPTED = "ticker and ex_date, with split_from and split_to, or ratio, or cash_amount; optional: currency"

Closes = Callable[[str], Mapping[date, float]]
"""The raw closes of a ticker by session, ascending."""


@dataclass(frozen=True, slots=True)
class FileAction:
    """One split (`split_from` old shares became `split_to`) or one dividend (`cash_amount` per share).

    `close_before`: the close that the dividend is a share of, in the shares of the ex-date, where the file states it.
    `on_day`: the ticker is that of the ex-date; else it may also be the security's latest.
    """

    ticker: str
    ex_date: date
    split_from: float | None = None
    split_to: float | None = None
    cash_amount: float | None = None
    currency: str | None = None
    close_before: float | None = None
    on_day: bool = False


def read_actions(
    files: Sequence[tuple[str, bytes]],
    listings: Mapping[str, DeclaredListing],
    closes: Closes,
    next_session: Callable[[date], date],
) -> list[FileAction]:
    """The actions of a table, or of a folder of factor files.

    Args:
        files: name and bytes of each.
        listings: by key; a factor file's security is the one with its name, else the ticker of that name.
        closes: of the bars; a factor file's dividends are shares of the close before, which it may state itself.
        next_session: the session after a day.

    Raises:
        BadInputError: a file cannot be read; names file, line and what is accepted.
    """
    actions: list[FileAction] = []
    for name, content in files:
        if content.lstrip(b"\xef\xbb\xbf \r\n")[:8].isdigit():
            actions += _factor_file(name, content, listings.get(key_of(name)), closes, next_session)
        else:
            actions += _table(name, bar_table(name, content))
    return actions


def _factor_file(
    name: str,
    content: bytes,
    listing: DeclaredListing | None,
    closes: Closes,
    next_session: Callable[[date], date],
) -> list[FileAction]:
    rows: list[tuple[date, float, float, float | None]] = []
    for line, fields in enumerate(csv.reader(text_of(name, content).splitlines()), start=1):
        if not any(field.strip() for field in fields):
            continue
        try:
            day = day_of(fields[0])
            price, split = float(fields[1]), float(fields[2])
            reference = float(fields[3]) if len(fields) > 3 and fields[3].strip() else 0.0
        except (ValueError, IndexError):
            price = split = reference = 0.0
        if not (0 < price < inf and 0 < split < inf):
            accepted = "a day as 20140606, a price factor and a split factor, both above 0"
            raise BadInputError(f"{name}, line {line}:", ",".join(fields), accepted)
        rows.append((day, price, split, reference if reference > 0 else None))
    rows.sort(key=lambda row: row[0])
    ticker = listing.latest if listing else canonical_ticker(key_of(name), f"{name}:")
    spans = [(span.ticker, span.first, span.last) for span in listing.spans] if listing else [(ticker, date.min, None)]
    prices = {
        day: close
        for held, first, last in spans
        for day, close in closes(held).items()
        if first <= day and (last is None or day <= last)
    }
    days = sorted(prices)
    actions = []
    for (day, price, split, stated), (_, later_price, later_split, _) in itertools.pairwise(rows):
        if price == later_price and split == later_split:
            continue
        ex_date = next_session(day)
        held = (listing.ticker_on(ex_date) if listing else None) or ticker
        if split != later_split:
            actions.append(FileAction(held, ex_date, split_from=split, split_to=later_split, on_day=True))
        place = bisect_left(days, ex_date)
        before = prices.get(day, stated) or (prices[days[place - 1]] if place else None)
        if price != later_price and before is not None:
            # Declared in the shares of the ex-date: a split of that day comes before it.
            close = before * split / later_split
            cash = close * (1 - price / later_price)
            actions.append(FileAction(held, ex_date, cash_amount=cash, currency="USD", close_before=close, on_day=True))
    return actions


def _table(name: str, table: BarTable) -> list[FileAction]:
    frame = plain_columns(name, table.rows)
    kinds = ({"split_from", "split_to"}, {"ratio"}, {"cash_amount"})
    if not {"ticker", "ex_date"} <= set(frame.columns) or not any(kind <= set(frame.columns) for kind in kinds):
        raise BadInputError(f"{name}, columns:", ", ".join(table.rows.columns), _ACCEPTED)
    days = read_sessions(name, frame["ex_date"], table.lines, table.place, None, MARKET)
    actions = []
    for row, values in enumerate(frame.iter_rows(named=True)):
        where = f"{name}, {table.place} {table.lines[row]}"
        ticker = canonical_ticker(values["ticker"] or "", f"{where}, ticker:")
        number = {
            column: _number(f"{where}, {column}:", values.get(column))
            for column in ("split_from", "split_to", "ratio", "cash_amount")
        }
        if number["ratio"] is not None:
            number |= {"split_from": 1.0, "split_to": number["ratio"]}
        if (number["split_from"] is None) != (number["split_to"] is None):
            raise BadInputError(f"{where}, split:", values, "split_from and split_to, both or none")
        if number["split_from"] is None and number["cash_amount"] is None:
            raise BadInputError(where, "no action", "a split, a dividend or both")
        if number["split_from"] is not None:
            actions.append(FileAction(ticker, days[row], number["split_from"], number["split_to"]))
        if number["cash_amount"] is not None:
            currency = str(values.get("currency") or "USD").strip().upper()
            actions.append(FileAction(ticker, days[row], cash_amount=number["cash_amount"], currency=currency))
    return actions


def _number(field: str, value: object) -> float | None:
    if value is None or str(value).strip().lower() in NO_VALUE:
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise BadInputError(field, value, "a number above 0, or nothing")
    return number


def splits_frame(actions: Sequence[FileAction]) -> pl.DataFrame:
    """The splits, with the columns of a vendor's answer and `on_day`."""
    return pl.DataFrame(
        [
            (None, a.ticker, a.ex_date, a.split_from, a.split_to, _kind(a), a.on_day)
            for a in actions
            if a.split_from is not None
        ],
        schema={
            "vendor_id": pl.String, "ticker": pl.String, "ex_date": pl.Date, "split_from": pl.Float64,
            "split_to": pl.Float64, "kind": pl.String, "on_day": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def dividends_frame(actions: Sequence[FileAction]) -> pl.DataFrame:
    """The dividends, with the columns of a vendor's answer, `close_before` and `on_day`."""
    return pl.DataFrame(
        [
            (
                None, a.ticker, a.ex_date, None, None, None, a.cash_amount, a.currency, "unknown", a.close_before,
                a.on_day,
            )
            for a in actions
            if a.cash_amount is not None
        ],
        schema={
            "vendor_id": pl.String, "ticker": pl.String, "ex_date": pl.Date, "declared_on": pl.Date,
            "record_date": pl.Date, "pay_date": pl.Date, "cash_amount": pl.Float64, "currency": pl.String,
            "kind": pl.String, "close_before": pl.Float64, "on_day": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def _kind(action: FileAction) -> str:
    return "forward_split" if (action.split_to or 0) > (action.split_from or 0) else "reverse_split"
