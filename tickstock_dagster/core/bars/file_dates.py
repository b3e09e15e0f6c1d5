"""Session dates as files write them.

ISO dates and `YYYYMMDD` are read as they are. An instant stands for a session only at midnight: as written, or in the
market's own zone (`2025-01-02 05:00:00+00:00` is the second of January in New York). Any other form, above all
`01/02/2025`, is read where it is declared, and else refused: it is one day here and another there.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl

from tickstock_dagster.core.calendars.markets import MARKETS
from tickstock_dagster.core.errors import BadInputError

FIRST_YEAR, LAST_YEAR = 1900, 2100

DATES = "dates such as 2024-01-31 or 20240131; for others declare how they are written: date-format=%m/%d/%Y"

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DAY_FIRST = re.compile(r"(\d{4})(\d{2})(\d{2})(?: (\d{2}):(\d{2}))?")


def read_sessions(
    file: str, column: pl.Series, lines: pl.Series, place: str, date_format: str | None, market: str
) -> pl.Series:
    """The sessions of a column.

    Args:
        file: its name, for errors.
        column: texts, dates, datetimes, or whole numbers YYYYMMDD.
        lines: where each value stands.
        place: what `lines` counts.
        date_format: strptime's, as declared; None: the usual forms.
        market: MIC, whose midnights count.

    Raises:
        BadInputError: a value is not a date; names its line and what is accepted.
    """
    zone = ZoneInfo(next(one.timezone for one in MARKETS if one.mic == market))
    if column.dtype == pl.Date:
        days, texts = column, column
    elif isinstance(column.dtype, pl.Datetime):
        texts = column
        days = _midnights(column, zone)
    elif column.dtype == pl.String or column.dtype.is_integer():
        texts = column.cast(pl.String).fill_null("")
        distinct = texts.unique()
        read = [_day(text.strip(), date_format, zone) for text in distinct]
        days = texts.replace_strict(distinct, pl.Series(read, dtype=pl.Date), return_dtype=pl.Date)
    elif column.dtype == pl.Null and not column.len():
        return pl.Series(column.name, [], dtype=pl.Date)
    else:
        raise BadInputError(f"{file}, column {column.name}:", column.dtype, DATES)
    if days.has_nulls():
        wrong = int(days.is_null().arg_max() or 0)
        accepted = DATES if date_format is None else f"dates as declared, {date_format}"
        raise BadInputError(f"{file}, {place} {lines[wrong]}, column {column.name}:", texts[wrong], accepted)
    return days


def _midnights(column: pl.Series, zone: ZoneInfo) -> pl.Series:
    """Dates of datetimes at midnight, in their own zone or in the market's; null for others."""
    written = column.dt.replace_time_zone(None)
    tries = [pl.when(written == written.dt.truncate("1d")).then(written.dt.date())]
    if column.dtype.time_zone is not None:  # type: ignore[attr-defined]
        local = column.dt.convert_time_zone(str(zone)).dt.replace_time_zone(None)
        tries.append(pl.when(local == local.dt.truncate("1d")).then(local.dt.date()))
    return pl.select(pl.coalesce(tries)).to_series()


def _day(text: str, date_format: str | None, zone: ZoneInfo) -> date | None:
    day = _declared(text, date_format) if date_format is not None else _usual(text, zone)
    return day if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR else None


def _declared(text: str, date_format: str) -> date | None:
    try:
        return datetime.strptime(text, date_format).date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return None


def _usual(text: str, zone: ZoneInfo) -> date | None:
    found = _ISO.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    hour, minute, *rest = (int(part) if part and part.isdecimal() else 0 for part in (*clock, None, None)[:3])
    second = rest[0]
    try:
        written = datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    if (hour, minute, second) == (0, 0, 0):
        return written.date()
    offset = clock[3] if len(clock) > 3 else None  # the fourth part of an ISO time
    if offset is None:
        return None
    local = written.replace(tzinfo=_zone_of(offset)).astimezone(zone)
    return local.date() if (local.hour, local.minute, local.second) == (0, 0, 0) else None


def _zone_of(offset: str) -> timezone:
    if offset in ("Z", "UTC"):
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-distance if offset[0] == "-" else distance)
