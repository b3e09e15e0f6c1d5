"""Reading the values of an answer's rows, one by one: what is odd about a row is noted, and ends that row at most.

Each reader makes a column of one field. A value that it cannot use becomes null, with words about it in `Oddities`;
whoever reads the answer decides whether the row can do without the value or is set aside. An absent value is not odd.

Longer than 250 lines because all kinds of values are read by the same rules, one by one and many at once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from math import isfinite
from operator import itemgetter
from reprlib import Repr
from typing import Any, cast

import polars as pl

from tickstock_dagster.core.printable import all_printable, printable

Rows = list[dict[str, Any]]

MAX_TICKER = 30
"""Characters; the longest printed ticker has fewer than 16."""

_TICKER = re.compile(rf"[!-~]{{1,{MAX_TICKER}}}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBERS = {int, float, type(None)}
_BRIEF = Repr()
"""Of bounded depth: an answer may nest lists more deeply than `repr` can follow."""
_BRIEF.maxlevel, _BRIEF.maxdict, _BRIEF.maxstring = 3, 12, 60


def shown(value: object) -> str:
    """A value of an answer as words show it: printable, of bounded length."""
    text = printable(repr(value[:60]) if isinstance(value, str) else _BRIEF.repr(value))
    return text if len(text) <= 60 else text[:59] + "…"


class Oddities:
    """What is odd about the rows of one answer, by the row's position."""

    def __init__(self) -> None:
        self._words: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, position: object) -> bool:
        return position in self._words

    def note(self, position: int, words: str) -> None:
        """Note what is odd about a row."""
        self._words.setdefault(position, []).append(words)

    def of(self, position: int) -> str | None:
        """What is odd about a row, in words; None where nothing is."""
        words = self._words.get(position)
        return "; ".join(words) if words else None

    def column(self, rows: int) -> pl.Series:
        """The words of all rows; null where nothing is odd."""
        return pl.Series("odd", [self.of(position) for position in range(rows)], dtype=pl.String)

    def lines(self, names: Sequence[object]) -> tuple[str, ...]:
        """One line for each odd row; `names` say what each row is about."""
        return tuple(
            f"row {position} ({shown(names[position])}): {self.of(position)}" for position in sorted(self._words)
        )


def objects(results: Sequence[object], odd: Oddities) -> Rows:
    """The rows of an answer, by position; one that is no object becomes an empty one."""
    if set(map(type, results)) == {dict}:
        return cast("Rows", list(results))
    rows: Rows = []
    for position, row in enumerate(results):
        if type(row) is dict:
            rows.append(row)
        else:
            odd.note(position, f"the row is {shown(row)} instead of an object")
            rows.append({})
    return rows


def fields(rows: Rows, keys: Sequence[str]) -> dict[str, list[Any]]:
    """The values of some fields, row by row; None where a row lacks one."""
    if rows and len(rows[0]) > 1 and len(set(map(len, rows))) == 1:
        try:  # all of a row at once, three times as fast, where every row has the fields of the first
            found = dict(zip(rows[0], zip(*map(itemgetter(*rows[0]), rows), strict=True), strict=True))
        except KeyError:
            pass
        else:
            return {key: list(found[key]) if key in found else [None] * len(rows) for key in keys}
    return {key: [row.get(key) for row in rows] for key in keys}


def numbers(rows: Rows, key: str, name: str, odd: Oddities) -> pl.Series:
    """One field of all rows as finite numbers: text, a truth value, a list or a number beyond all bounds is odd."""
    return numbers_of([row.get(key) for row in rows], key, name, odd)


def plain_numbers(values: Mapping[str, list[Any]]) -> pl.DataFrame | None:
    """Fields of all rows as finite numbers, all at once, each of them in all rows or in none.

    Returns:
        None where any value is odd, or lacks in some rows alone: `numbers_of` says which.
    """
    given = [column for column in values.values() if column.count(None) != len(column)]
    try:
        # A sum is finite only where all of its values are.
        if not all(set(map(type, column)) <= {int, float} and isfinite(sum(column)) for column in given):
            return None
        return pl.DataFrame([pl.Series(key, values[key], dtype=pl.Float64, strict=False) for key in values])
    except (OverflowError, TypeError, pl.exceptions.PolarsError):
        return None


def numbers_of(values: list[Any], key: str, name: str, odd: Oddities) -> pl.Series:
    """The same as `numbers` of values that were read already."""
    if set(map(type, values)) <= _NUMBERS:
        try:
            column = pl.Series(name, values, dtype=pl.Float64, strict=False)
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            pass
        else:
            if column.is_finite().all() and column.null_count() == values.count(None):
                return column
    return pl.Series(name, _read(values, key, odd, _number, "a number"), dtype=pl.Float64)


def counts_of(values: list[Any], key: str, name: str, odd: Oddities) -> pl.Series:
    """Values of one field as whole numbers; a fraction is odd."""
    if set(map(type, values)) == {int} and min(values) >= -(2**63) and max(values) < 2**63:
        return pl.Series(name, values, dtype=pl.Int64)
    if values.count(None) == len(values):
        return pl.Series(name, values, dtype=pl.Int64)
    column = numbers_of(values, key, name, odd)
    wrong = ((column % 1 != 0) | (column.abs() >= 2**63)).fill_null(value=False)
    if not wrong.any():
        return column.cast(pl.Int64)
    for position in wrong.arg_true():
        odd.note(position, f"{key} is {shown(values[position])} instead of a whole number")
    return pl.select(pl.when(~wrong).then(column).cast(pl.Int64).alias(name)).to_series()


def number_of(row: dict[str, Any], key: str, odd: Oddities) -> float | None:
    """`numbers` of an answer of one row, without a column: a tenth of the time."""
    value: float | None = _read([row.get(key)], key, odd, _number, "a number")[0]
    return value


def text_of(row: dict[str, Any], key: str, odd: Oddities, *, digits: int | None = None) -> str | None:
    """`texts` of an answer of one row.

    Args:
        row: the answer's.
        key: the vendor's name of the field.
        odd: takes what is odd.
        digits: as for `texts`.
    """
    value: str | None = _texts([row], key, odd, digits)[0]
    return value


def texts(rows: Rows, key: str, name: str, odd: Oddities, *, digits: int | None = None) -> pl.Series:
    """One field of all rows as printable text.

    Args:
        rows: of an answer.
        key: the vendor's name of the field.
        name: our name of the column.
        odd: takes what is odd.
        digits: the field is a code of so many digits, so that a whole number stands for it.
    """
    return pl.Series(name, _texts(rows, key, odd, digits), dtype=pl.String)


def _texts(rows: Rows, key: str, odd: Oddities, digits: int | None) -> list[Any]:
    def read(value: Any) -> str | None:
        return code_text(value, digits) if digits else _text(value)

    values = [row.get(key) for row in rows]
    if set(map(type, values)) <= {str, type(None)} and all_printable(filter(None, values)):
        return values  # one look at all of them: almost every answer has nothing else
    return _read(values, key, odd, read, "text")


def truths(rows: Rows, key: str, name: str, odd: Oddities) -> pl.Series:
    """One field of all rows as truth values."""
    values: list[Any] = [row.get(key) for row in rows]
    return pl.Series(
        name,
        _read(values, key, odd, lambda value: value if type(value) is bool else None, "true or false"),
        dtype=pl.Boolean,
    )


def days(rows: Rows, key: str, name: str, odd: Oddities) -> pl.Series:
    """One field of all rows as dates, ISO in the answer; an instant counts by the date in its text. "" is absent."""
    values: list[Any] = [row.get(key) for row in rows]
    absent = [value is None or value == "" for value in values]
    cut = [value[:10] if type(value) is str else None for value in values]
    legible = pl.Series(name, [text if text and text.isascii() else None for text in cut], dtype=pl.String)
    column = legible.str.to_date("%Y-%m-%d", strict=False)
    for position in column.is_null().arg_true():
        if not absent[position]:
            odd.note(position, f"{key} {shown(values[position])} is not a date")
    return column


def day_of(row: dict[str, Any], key: str, odd: Oddities) -> date | None:
    """`days` of an answer of one row: a date as it should be without a column."""
    value = row.get(key)
    if value is None or value == "":
        return None
    if type(value) is str and _DATE.match(value):
        with suppress(ValueError):
            return date.fromisoformat(value[:10])
    found: date | None = days([row], key, key, odd)[0]
    return found


def tickers(rows: Rows, key: str, name: str, odd: Oddities) -> pl.Series:
    """One field of all rows as tickers: printable ASCII without blanks. Anything else is odd, absence included."""
    found: list[str | None] = []
    for position, row in enumerate(rows):
        value = row.get(key)
        if type(value) is str and is_ticker(value):
            found.append(value)
            continue
        if row or position not in odd:
            odd.note(position, f"{key} is {shown(value)} instead of a ticker")
        found.append(None)
    return pl.Series(name, found, dtype=pl.String)


def ticker_words(value: object) -> str:
    """What stands for a ticker that cannot be used: its text, escaped and cut, or words for a value that is no text."""
    return printable(value, MAX_TICKER) if type(value) is str and value else shown(value)


def is_ticker(text: str) -> bool:
    """Whether a text is printable ASCII without blanks, of a ticker's length."""
    return _TICKER.fullmatch(text) is not None


def code_text(value: object, digits: int) -> str | None:
    """A code of so many digits as text, also where it comes as a number; None for anything else."""
    if type(value) is int and 0 <= value < 10**digits:
        return str(value).zfill(digits)
    return _text(value)


def _text(value: object) -> str | None:
    return printable(value) if type(value) is str else None


def _number(value: object) -> float | None:
    if type(value) not in (int, float):
        return None
    try:
        return float(value) if isfinite(value) else None  # type: ignore[arg-type]
    except OverflowError:
        return None


def _read(values: Sequence[Any], key: str, odd: Oddities, read: Callable[[Any], Any], expected: str) -> list[Any]:
    found: list[Any] = []
    for position, value in enumerate(values):
        known = None if value is None else read(value)
        if known is None and value is not None:
            odd.note(position, f"{key} is {shown(value)} instead of {expected}")
        found.append(known)
    return found
