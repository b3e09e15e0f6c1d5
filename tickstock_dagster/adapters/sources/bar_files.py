"""Reading a Parquet or CSV file of daily bars into `BAR_SCHEMA`, with errors that name file, column and value.

Tickers are text whatever they look like (NA, TRUE and NAN are tickers), dates are dates and never instants in an
unnamed zone, and an empty price is left to the validation of rows: it is no reason to refuse the file.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker

DEFAULT_COLUMNS: dict[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol"),
    "session": ("session", "date"),
    **{name: (name,) for name in BAR_SCHEMA if name not in ("ticker", "session")},
}
"""Names under which a file may have each of our columns, in any case."""

OPTIONAL = ("vwap", "transactions")

NO_VALUE = ("", "NA", "N/A", "NaN", "nan", "null", "None")
"""Texts that stand for an absent number in a CSV."""

DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")

_DATES = "dates such as 2024-01-31 or 20240131"


def read_bar_file(path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    """All rows of a file as `BAR_SCHEMA`, by ticker and session.

    Args:
        path: `*.parquet` or `*.csv` (also `*.csv.gz`).
        columns: our column names with the file's, where these are not in `DEFAULT_COLUMNS`.

    Raises:
        BadInputError: the file is missing or of another kind, a column is missing, or a value is not a ticker, date or
            number; names the file, the column and what is accepted.
    """
    raw = _read(path)
    names = _names(path, raw.columns, columns)
    frame = pl.DataFrame(
        [
            _tickers(path, raw[names["ticker"]]),
            _sessions(path, raw[names["session"]]),
            *(_numbers(path, raw, names.get(name), name) for name in BAR_SCHEMA if name not in ("ticker", "session")),
        ]
    )
    return frame.select(list(BAR_SCHEMA)).sort("ticker", "session", maintain_order=True)


def _bad(path: Path, column: str, value: object, accepted: str) -> BadInputError:
    return BadInputError(f"{path.name}, column {column}:", value, accepted)


def _read(path: Path) -> pl.DataFrame:
    kind = path.name.lower()
    if not path.is_file():
        raise BadInputError("file", path, "an existing Parquet or CSV file")
    try:
        if kind.endswith((".parquet", ".pq")):
            return pl.read_parquet(path)
        if kind.endswith((".csv", ".csv.gz")):
            return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError("file", path, f"a whole Parquet or CSV file ({words})") from None
    raise BadInputError("file", path, "a name that ends in .parquet, .csv or .csv.gz")


def _names(path: Path, present: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """The file's name of each of our columns."""
    for ours in columns:
        if ours not in BAR_SCHEMA:
            raise BadInputError("column map", ours, f"our columns: {', '.join(BAR_SCHEMA)}")
    folded = {name.strip().casefold(): name for name in present}
    names = {}
    for ours, usual in DEFAULT_COLUMNS.items():
        wanted = (columns[ours],) if ours in columns else usual
        found = next((folded[name.casefold()] for name in wanted if name.casefold() in folded), None)
        if found is not None:
            names[ours] = found
        elif ours not in OPTIONAL or ours in columns:
            raise _bad(path, ours, " or ".join(wanted), f"one of the file's columns: {', '.join(present)}")
    return names


def _tickers(path: Path, column: pl.Series) -> pl.Series:
    if column.dtype not in (pl.String, pl.Categorical) and not isinstance(column.dtype, pl.Enum):
        raise _bad(path, column.name, column.dtype, "tickers as text; any other type has lost some of them")
    texts = column.cast(pl.String)
    if texts.has_nulls():
        raise _bad(path, column.name, "an empty ticker", f"a ticker in every row (row {texts.is_null().arg_max()})")
    spellings = texts.unique()
    field = f"{path.name}, column {column.name}:"
    canonical = [canonical_ticker(text, field) for text in spellings]
    return texts.replace_strict(spellings, pl.Series(canonical, dtype=pl.String), return_dtype=pl.String).alias(
        "ticker"
    )


def _sessions(path: Path, column: pl.Series) -> pl.Series:
    days = column
    if column.dtype.is_integer():
        days = column.cast(pl.String)
    if days.dtype == pl.String:
        texts = days.str.strip_chars()
        tries = [texts.str.to_datetime(form, strict=False) for form in DATE_FORMATS]
        days = pl.select(pl.coalesce(tries)).to_series()
    if isinstance(days.dtype, pl.Datetime):
        # An instant counts as a session only at midnight, in the zone in which it was written.
        days = days.dt.replace_time_zone(None)
        days = pl.select(pl.when(days == days.dt.truncate("1d")).then(days.dt.date())).to_series()
    if days.dtype != pl.Date:
        raise _bad(path, column.name, column.dtype, _DATES)
    if days.has_nulls():
        raise _bad(path, column.name, column[int(days.is_null().arg_max() or 0)], _DATES)
    return days.alias("session")


def _numbers(path: Path, raw: pl.DataFrame, theirs: str | None, ours: str) -> pl.Series:
    dtype = BAR_SCHEMA[ours]
    if theirs is None:
        return pl.Series(ours, [None], dtype=dtype).new_from_index(0, raw.height)
    column = raw[theirs]
    if column.dtype == pl.String:
        texts = column.str.strip_chars()
        column = pl.select(pl.when(~texts.is_in(NO_VALUE)).then(texts)).to_series()
    elif not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise _bad(path, theirs, column.dtype, "numbers")
    numbers = column.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & column.is_not_null()
    if wrong.any():
        raise _bad(path, theirs, column[int(wrong.arg_max() or 0)], "numbers, or nothing")
    return numbers.cast(dtype, strict=False).alias(ours)
