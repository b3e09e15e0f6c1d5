"""What a person declares about a file of bars: how its dates are written, its ticker, its columns, its ends.

One text carries the path and the declarations to every door: the command line, a run's configuration in Dagster, an
environment variable (`TICKSTOCK_FILES_XLON`) and the simulator:

    bars.csv
    bars.csv?date-format=%m/%d/%Y
    prices?actions=actions.csv&listings=map_files&ended=yes

Reading the file belongs in `core.bars.bar_files`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tickstock_dagster.core.errors import BadInputError, choices

OPTIONS = {
    "date-format": "how its dates are written, as %m/%d/%Y",
    "ticker": "the ticker of a file that has none in it",
    "columns": "names of its columns, as open:O,volume:Vol",
    "actions": "a file of splits and dividends, or a folder of factor files",
    "listings": "a file of listings and renames, or a folder of map files",
    "ended": "yes: a series that stops before the file's last session has ended",
}
"""Names of the declarations, and what each says."""

_YES = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What is declared about a file; the defaults declare nothing.

    Attributes:
        date_format: strptime's, of dates without a year first; None: ISO dates and YYYYMMDD.
        ticker: of every row, where the file has no column of tickers; None: the file's name.
        columns: our column names with the file's.
        actions: path of a file of splits and dividends, or of a folder of factor files.
        listings: path of a file of listings and renames, or of a folder of map files.
        ended: a series that stops before the file's last session has ended with its last bar.
    """

    date_format: str | None = None
    ticker: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    actions: str | None = None
    listings: str | None = None
    ended: bool = False


def parse_file_text(text: str) -> tuple[str, FileOptions]:
    """Split `PATH?name=value&…` into the path and what is declared.

    Raises:
        BadInputError: an unknown declaration, one without a value, or one given twice.
    """
    path, mark, declared = text.partition("?")
    values: dict[str, str] = {}
    for part in declared.split("&") if mark else ():
        name, _, value = part.partition("=")
        if name not in OPTIONS:
            raise BadInputError("file option", part, choices(name, OPTIONS))
        if not value or name in values:
            raise BadInputError("file option", part, f"{name}=VALUE, once: {OPTIONS[name]}")
        values[name] = value
    ended = values.get("ended", "no").lower()
    if ended not in _YES:
        raise BadInputError("file option ended", ended, "yes or no")
    date_format = values.get("date-format")
    if date_format is not None:
        check_date_format(date_format)
    columns = dict(_column(part) for part in values.get("columns", "").split(",") if part)
    return path, FileOptions(
        date_format, values.get("ticker"), columns, values.get("actions"), values.get("listings"), _YES[ended]
    )


def with_options(text: str, declared: Mapping[str, str | None]) -> str:
    """`PATH?…` with further declarations; those without a value are left out."""
    parts = [f"{name}={value}" for name, value in declared.items() if value]
    return f"{text}{'&' if '?' in text else '?'}{'&'.join(parts)}" if parts else text


def check_date_format(text: str) -> None:
    """Refuse a format that does not say year, month and day.

    Raises:
        BadInputError: it does not.
    """
    day = date(2001, 2, 3)
    try:
        known = datetime.strptime(day.strftime(text), text).date() == day  # noqa: DTZ007  # a date has no zone
    except ValueError:
        known = False
    if not known or "%Y" not in text:
        raise BadInputError("date-format", text, "a format of year (four digits), month and day, as %m/%d/%Y")


def _column(part: str) -> tuple[str, str]:
    ours, colon, theirs = part.partition(":")
    if not colon or not theirs:
        raise BadInputError("file option columns", part, "pairs of our name and the file's, as open:O,volume:Vol")
    return ours.strip(), theirs.strip()
