"""Half-open intervals of days, [valid_from, valid_to), of tickers and of memberships; no `valid_to` is no end.

In the store the function `covers` of `sql/repeatable` says the same.
"""

from datetime import date

import polars as pl


def covers(valid_from: date, valid_to: date | None, day: date) -> bool:
    """Whether a day is in an interval."""
    return valid_from <= day and (valid_to is None or day < valid_to)


def covered(day: str | date) -> pl.Expr:
    """Whether a day, or the day of the column so named, is in the interval of the columns `valid_from`, `valid_to`."""
    value = pl.col(day) if isinstance(day, str) else pl.lit(day)
    return (value >= pl.col("valid_from")) & (pl.col("valid_to").is_null() | (value < pl.col("valid_to")))
