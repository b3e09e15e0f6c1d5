"""Reading a file of daily bars into `BAR_SCHEMA`: one reader for `--source files:` and for the simulator.

Tickers are text whatever they look like (NA, TRUE and NAN are tickers), dates are dates and never instants in an
unnamed zone, and an absent price is left to the validation of rows: it is no reason to refuse the file. One odd ticker
sets its rows aside and nothing else; a column, a date or a number that cannot be read refuses the file, because then
the file is not what it was taken for. Getting the bytes belongs to the caller, their shape in
`core.bars.bar_file_tables`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from tickstock_dagster.core.bars.bar_file_tables import ENDINGS, BarTable, bar_table
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, PRICE_COLUMNS
from tickstock_dagster.core.bars.file_dates import read_sessions
from tickstock_dagster.core.bars.file_options import FileOptions
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError, shortened
from tickstock_dagster.core.securities.tickers import canonical_ticker, market_of

DEFAULT_COLUMNS: dict[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol"),
    "session": ("session", "date", "datetime"),
    **{name: (name,) for name in BAR_SCHEMA if name not in ("ticker", "session")},
}
"""Names under which a file may have each of our columns, in any case."""

OPTIONAL = ("vwap", "transactions")

NO_VALUE = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--")
"""Texts, in any case, that stand for an absent number."""

EXAMPLES = 10
"""How many examples a summary names."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Rows that were not read because of their ticker: its text as written, how many, the first place, and why."""

    ticker: str
    rows: int
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class BarFile:
    """What was read.

    Attributes:
        bars: `BAR_SCHEMA`, by ticker and session.
        set_aside: rows without a ticker of this market, most rows first.
        respelt: tickers that stand in the file in another form, with ours: BAC^E is BACpE.
        unread: columns that are not read, such as Adj Close.
    """

    bars: pl.DataFrame
    set_aside: tuple[SetAside, ...] = ()
    respelt: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def rows_set_aside(self) -> int:
        """How many rows were set aside."""
        return sum(one.rows for one in self.set_aside)


def read_bar_files(
    files: Iterable[tuple[str, bytes]], options: FileOptions | None = None, market: str = MARKET
) -> BarFile:
    """All rows of the files of one source.

    Args:
        files: name and bytes of each; one, or those of a folder.
        options: what is declared about them.
        market: MIC of the market whose bars they are.

    Raises:
        BadInputError: a file cannot be read, or none of its rows has a ticker of this market; names file, line, column,
            value and what is accepted.
    """
    read = [read_bar_file(name, content, options or FileOptions(), market) for name, content in files]
    if len(read) == 1:
        return read[0]
    bars = [one.bars for one in read] or [pl.DataFrame(schema=BAR_SCHEMA)]
    return BarFile(
        pl.concat(bars).sort("ticker", "session", maintain_order=True),
        tuple(sorted((aside for one in read for aside in one.set_aside), key=lambda aside: -aside.rows)),
        tuple(dict.fromkeys(pair for one in read for pair in one.respelt)),
        tuple(dict.fromkeys(column for one in read for column in one.unread)),
    )


def read_bar_file(name: str, content: bytes, options: FileOptions, market: str = MARKET) -> BarFile:
    """All rows of one file; see `read_bar_files`."""
    table = bar_table(name, content)
    raw = table.rows
    names = _names(name, raw.columns, options.columns)
    tickers, aside, respelt = _tickers(name, table, names.get("ticker"), options, market)
    usable = tickers.is_not_null()
    if raw.height and not usable.any():
        first = aside[0]
        raise BadInputError(f"{name}, {first.where}, ticker:", first.ticker, f"{first.reason}; no other row has one")
    table = BarTable(raw.filter(usable), table.lines.filter(usable), table.place, table.price_unit)
    days = read_sessions(name, table.rows[names["session"]], table.lines, table.place, options.date_format, market)
    numbers = [_numbers(name, table, names.get(ours), ours) for ours in BAR_SCHEMA if ours not in ("ticker", "session")]
    frame = pl.DataFrame([tickers.filter(usable), days.alias("session"), *numbers])
    unread = [column for column in raw.columns if column not in names.values() and not column.startswith("\x1f")]
    bars = frame.select(list(BAR_SCHEMA)).sort("ticker", "session", maintain_order=True)
    return BarFile(bars, tuple(aside), tuple(respelt), tuple(unread))


def stem_of(name: str) -> str:
    """A file's name without its ending: the ticker of a file that holds one."""
    base = PurePath(name).name
    ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if base.lower().endswith(ending)), "")
    return base[: len(base) - len(ending)]


def summary_of(read: BarFile) -> list[str]:
    """What was set aside, read under another spelling or not read, one line each with up to ten examples."""
    lines = []
    if read.set_aside:
        named = "; ".join(
            f"{shortened(one.ticker, 40)!r} ({one.rows:,}: {one.reason})" for one in read.set_aside[:EXAMPLES]
        )
        more = f"; and {len(read.set_aside) - EXAMPLES} more" if len(read.set_aside) > EXAMPLES else ""
        rows = _counted(read.rows_set_aside, "row")
        lines.append(f"{rows} of {_counted(len(read.set_aside), 'ticker')} set aside: {named}{more}")
    if read.respelt:
        pairs = ", ".join(f"{theirs} is {ours}" for theirs, ours in read.respelt[:EXAMPLES])
        more = f" and {len(read.respelt) - EXAMPLES} more" if len(read.respelt) > EXAMPLES else ""
        lines.append(f"{_counted(len(read.respelt), 'ticker')} read in our spelling: {pairs}{more}")
    if read.unread:
        lines.append(f"columns not read: {', '.join(read.unread[:EXAMPLES])}")
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _names(file: str, present: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """The file's name of each of our columns; without `ticker` where it has no such column."""
    for ours in columns:
        if ours not in BAR_SCHEMA:
            raise BadInputError("column map", ours, f"our columns: {', '.join(BAR_SCHEMA)}")
    folded: dict[str, str] = {}
    for name in present:
        if folded.setdefault(name.strip().casefold(), name) != name:
            raise BadInputError(f"{file}, columns:", f"{folded[name.strip().casefold()]} and {name}", "each once")
    names = {}
    for ours, usual in DEFAULT_COLUMNS.items():
        wanted = (columns[ours],) if ours in columns else usual
        found = next((folded[name.casefold()] for name in wanted if name.casefold() in folded), None)
        if found is not None:
            names[ours] = found
        elif ours not in (*OPTIONAL, "ticker") or ours in columns:
            shown = ", ".join(name for name in present if not name.startswith("\x1f"))
            raise BadInputError(f"{file}, column {ours}:", " or ".join(wanted), f"one of the file's columns: {shown}")
    return names


def _tickers(
    file: str, table: BarTable, column: str | None, options: FileOptions, market: str
) -> tuple[pl.Series, list[SetAside], list[tuple[str, str]]]:
    """Canonical tickers, null where a row is set aside; why; and tickers in another form than a mere other case."""
    if column is None:
        texts = pl.Series([_only_ticker(file, table, options)]).new_from_index(0, table.rows.height)
    else:
        texts = table.rows[column]
        if texts.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            words = "tickers as text; any other type has lost some of them"
            raise BadInputError(f"{file}, column {column}:", texts.dtype, words)
        texts = texts.cast(pl.String).fill_null("")
    counts = pl.DataFrame({"text": texts, "line": table.lines.cast(pl.Int64)}).group_by("text", maintain_order=True)
    ours: dict[str, str | None] = {}
    aside, respelt = [], []
    for text, rows, line in counts.agg(pl.len(), pl.col("line").min().alias("first")).iter_rows():
        ours[text], reason = _read_ticker(text, market)
        if reason:
            aside.append(SetAside(text, rows, f"{table.place} {line}", reason))
        elif ours[text] != text.strip().upper() and ours[text] != text.strip():
            respelt.append((text.strip(), str(ours[text])))
    aside.sort(key=lambda one: -one.rows)
    canonical = pl.Series(list(ours.values()), dtype=pl.String)
    series = texts.replace_strict(pl.Series(list(ours), dtype=pl.String), canonical, return_dtype=pl.String)
    return series.alias("ticker"), aside, respelt


def _read_ticker(text: str, market: str) -> tuple[str | None, str]:
    """The canonical ticker, or why the text is none of this market."""
    if not text.strip():
        return None, "no ticker"
    try:
        ticker = canonical_ticker(text, market=market)
    except BadInputError as error:
        return None, error.accepted.partition("; ")[2] or "no ticker"
    if market == MARKET and market_of(ticker) != MARKET:
        return None, f"a ticker of {market_of(ticker)}: its bars are read from TICKSTOCK_FILES_{market_of(ticker)}"
    return ticker, ""


def _only_ticker(file: str, table: BarTable, options: FileOptions) -> str:
    """The ticker of a file without a column of tickers: as declared, or the file's name in capitals."""
    stem = stem_of(file)
    if options.ticker is not None:
        return options.ticker
    if table.one_ticker:
        return stem.upper()
    if stem != stem.upper():
        accepted = "a column of tickers, a name in capitals that is the ticker (AAPL.csv), or ticker=AAPL declared"
        raise BadInputError(f"{file}, column ticker:", "ticker or symbol", accepted)
    return stem


def _numbers(file: str, table: BarTable, theirs: str | None, ours: str) -> pl.Series:
    dtype = BAR_SCHEMA[ours]
    if theirs is None:
        return pl.Series(ours, [None], dtype=dtype).new_from_index(0, table.rows.height)
    column = table.rows[theirs]
    if column.dtype == pl.String:
        texts = column.str.strip_chars()
        column = pl.select(pl.when(~texts.str.to_lowercase().is_in(NO_VALUE)).then(texts)).to_series()
    elif not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise BadInputError(f"{file}, column {theirs}:", column.dtype, "numbers")
    numbers = column.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & column.is_not_null()
    if wrong.any():
        place = int(wrong.arg_max() or 0)
        where = f"{file}, {table.place} {table.lines[place]}, column {theirs}:"
        raise BadInputError(where, column[place], "numbers, or nothing")
    if ours in (*PRICE_COLUMNS, "vwap") and table.price_unit != 1.0:
        numbers = numbers / table.price_unit
    return numbers.cast(dtype, strict=False).alias(ours)
