"""Reading the parts that all of Massive's 200 answers share: envelope, counts, next page, columns.

A 200 proves nothing: an outage page, a cut body and a closed day can all have it. So every body must parse, have a good
status, hold as many rows as it states, and be about what was requested; else `MalformedAnswerError`. Values pass as
they are (nulls and nonsense prices too): `core.bars.daily_bars` validates rows. Pure functions; facts about the format
come from the vendor's OpenAPI files and mocks.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
import polars as pl

from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer. `next_path` is path and query of the next page, None on the last."""

    frame: pl.DataFrame
    next_path: str | None = None

    @property
    def rows(self) -> int:
        """Rows on this page."""
        return self.frame.height


def malformed(problem: str) -> MalformedAnswerError:
    """The error for a 200 that cannot be used."""
    return MalformedAnswerError(problem, status=200)


def shown(value: object) -> str:
    """A value of an answer as an error shows it, of bounded length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def read_answer(body: bytes) -> dict[str, Any]:
    """The JSON object of a 200.

    Raises:
        MalformedAnswerError: the body is not JSON (a page, or cut) or no object, or its status is not OK or DELAYED.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        if body.lstrip()[:1] == b"<":
            raise malformed("a web page instead of data") from None
        raise malformed(f"the body is cut or not JSON ({len(body)} bytes)") from None
    if not isinstance(answer, dict):
        raise malformed(f"a JSON {type(answer).__name__} instead of an object")
    if answer.get("status") not in ("OK", "DELAYED"):
        raise malformed(f"status {shown(answer.get('status'))} instead of OK")
    return answer


def result_rows(answer: dict[str, Any], count_key: str, *, count_required: bool) -> Rows:
    """The rows of an answer, cross-checked with its own count; no rows only where it states that there are none."""
    count = answer.get(count_key)
    results = answer.get("results")
    if results is None:
        if count != 0 or answer.get("queryCount", 0) != 0:
            raise malformed(f"no results, and {count_key} {shown(count)} instead of 0")
        return []
    if not isinstance(results, list) or not all(type(row) is dict for row in results):
        raise malformed("results is not a list of objects")
    if count != len(results) and (count_required or count is not None):
        raise malformed(f"{len(results)} results, but {count_key} {shown(count)}")
    return results


def next_page(answer: dict[str, Any], base_path: str = "") -> str | None:
    """Path and query of the next page, relative to the base URL; None where this is the last.

    The host of `next_url` is not used, so that the key goes to no other host; a key in its query is dropped.
    """
    url = answer.get("next_url")
    if url is None or url == "":
        return None
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or not parts.path.startswith("/") or parts.path.startswith("//") or not parts.query:
        raise malformed(f"next_url {shown(url)} leads nowhere")
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key.lower() != "apikey"])
    return f"{parts.path.removeprefix(base_path)}?{query}"


def column(rows: Rows, key: str, name: str, dtype: type[pl.DataType]) -> pl.Series:
    """One field of all rows as a column; a value that does not fit the type becomes null.

    Args:
        rows: of an answer.
        key: the vendor's name of the field.
        name: our name of the column.
        dtype: the column's type.
    """
    return pl.Series(name, [row.get(key) for row in rows], dtype=dtype, strict=False)


def ticker_texts(rows: Rows, key: str) -> list[str]:
    """A column that must be text and not empty: a ticker parsed as another type is lost."""
    values: list[Any] = [row.get(key) for row in rows]
    for position, value in enumerate(values):
        if type(value) is not str or not value:
            raise malformed(f"row {position}: {key} is {shown(value)} instead of a ticker")
    return values


def date_column(rows: Rows, key: str, name: str, *, required: bool = False) -> pl.Series:
    """A column of ISO dates; an instant counts by the date in its text.

    Args:
        rows: of an answer.
        key: the vendor's name of the field.
        name: our name of the column.
        required: raise where a row has no date.

    Raises:
        MalformedAnswerError: a value is not a date.
    """
    values = [row.get(key) or None for row in rows]
    texts = pl.Series(name, [str(value)[:10] if value is not None else None for value in values], dtype=pl.String)
    days = texts.str.to_date("%Y-%m-%d", strict=False)
    wrong = days.is_null() if required else days.is_null() & texts.is_not_null()
    if (position := wrong.arg_max()) is not None and wrong[position]:
        raise malformed(f"row {position}: {key} {shown(values[position])} is not a date")
    return days


def check_inside(days: pl.Series, start: date, end: date, rows: Rows) -> None:
    """Check that every row is of a requested day.

    Args:
        days: of the rows.
        start: first requested day.
        end: last requested day, included.
        rows: shown in the error.

    Raises:
        MalformedAnswerError: a row is of a day outside.
    """
    outside = (days < start) | (days > end)
    if outside.any():
        position = int(outside.arg_max() or 0)
        raise malformed(f"a row of {days[position]}, outside {start}..{end} ({shown(rows[position])})")
