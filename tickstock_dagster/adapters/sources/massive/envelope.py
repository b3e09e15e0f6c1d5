"""Reading the parts that all of Massive's 200 answers share: envelope, counts, next page, days.

A 200 proves nothing: an outage page, a cut body and a closed day can all have it. So every body must parse, have a good
status, hold as many rows as it states, and be about what was requested; else `MalformedAnswerError`. That is all about
the shape of an answer: what is odd about single rows ends these alone, see `adapters.sources.massive.values`. Nonsense
prices pass as they are: `core.bars.daily_bars` validates rows. Pure functions; facts about the format come from the
vendor's OpenAPI files and mocks.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
import polars as pl

from tickstock_dagster.adapters.sources.massive.errors import refusal_inside
from tickstock_dagster.adapters.sources.massive.values import Oddities, Rows, objects, shown
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError

MAX_ROWS = 50_000
"""Rows of the largest page that is asked for: bars."""

VENDOR_HOSTS = ("massive.com", "polygon.io")
"""The vendor's own hosts and their subdomains: an answer through a gateway, or under the former name, names them."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer. `next_path` is path and query of the next page, None on the last.

    `odd` says of rows that were set aside, or that lack a value, what is odd about them; for bars, which are
    quarantined, the frame says so.
    """

    frame: pl.DataFrame
    next_path: str | None = None
    odd: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows on this page."""
        return self.frame.height


def malformed(problem: str) -> MalformedAnswerError:
    """The error for a 200 that cannot be used."""
    return MalformedAnswerError(problem, status=200)


def read_json(body: bytes) -> Any:
    """The JSON of a 200.

    A number beyond all bounds, NaN, a raw control character or a broken byte is one row's defect: it does not make the
    body unreadable.

    Raises:
        MalformedAnswerError: the body is not JSON (a page, or cut).
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    if body.lstrip()[:1] != b"<":
        try:
            return json.loads(body.decode("utf-8", errors="surrogateescape"), strict=False)
        except (ValueError, RecursionError):
            raise malformed(f"the body is cut or not JSON ({len(body)} bytes)") from None
    raise malformed("a web page instead of data")


def read_answer(body: bytes) -> dict[str, Any]:
    """The JSON object of a 200.

    Raises:
        MalformedAnswerError: the body is not JSON (a page, or cut) or no object, or its status is not OK or DELAYED.
        NotEntitledError, OutOfHistoryError, NotPublishedYetError: its status is NOT_AUTHORIZED.
    """
    answer = read_json(body)
    if not isinstance(answer, dict):
        raise malformed(f"a JSON {type(answer).__name__} instead of an object")
    if answer.get("status") == "NOT_AUTHORIZED":
        raise refusal_inside(answer)
    if answer.get("status") not in ("OK", "DELAYED"):
        raise malformed(f"status {shown(answer.get('status'))} instead of OK")
    return answer


def result_rows(answer: dict[str, Any], count_key: str, odd: Oddities, *, count_required: bool) -> Rows:
    """The rows of an answer, cross-checked with its own count; no rows only where it states that there are none.

    Args:
        answer: of `read_answer`.
        count_key: the field that counts the rows.
        odd: takes which rows are no objects.
        count_required: whether an answer without a count is malformed.
    """
    count = answer.get(count_key)
    results = answer.get("results")
    if results is None:
        if count != 0 or answer.get("queryCount", 0) != 0:
            raise malformed(f"no results, and {count_key} {shown(count)} instead of 0")
        return []
    if not isinstance(results, list):
        raise malformed(f"results is {shown(results)} instead of a list")
    if len(results) > MAX_ROWS:
        raise malformed(f"{len(results)} results, more than any page holds")
    if count != len(results) and (count_required or count is not None):
        raise malformed(f"{len(results)} results, but {count_key} {shown(count)}")
    return objects(results, odd)


def next_page(answer: dict[str, Any], base_path: str = "", hosts: Sequence[str] = ()) -> str | None:
    """Path and query of the next page, relative to the base URL; None where this is the last.

    The page is always asked of the base URL, so that the key goes to no other host; a key in its query is dropped.

    Args:
        answer: of `read_answer`.
        base_path: path of the vendor's address.
        hosts: the host of the vendor's address, which `next_url` may name, as it may the vendor's own.

    Raises:
        MalformedAnswerError: `next_url` is no URL, or names another host.
    """
    url = answer.get("next_url")
    if url is None or url == "":
        return None
    try:
        parts = urlsplit(url) if isinstance(url, str) and url.isascii() and url.isprintable() else None
        host = (parts.hostname or "") if parts else ""
        port_is_one = parts is None or parts.port is None or parts.port >= 0
    except ValueError:
        parts, host, port_is_one = None, "", False
    if parts is None or not port_is_one or not _is_path(parts.path) or not parts.query:
        raise malformed(f"next_url {shown(url)} leads nowhere")
    if host and host not in hosts and not any(host == own or host.endswith(f".{own}") for own in VENDOR_HOSTS):
        raise malformed(f"next_url {shown(url)} leads to another host")
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key.lower() != "apikey"])
    return f"{parts.path.removeprefix(base_path)}?{query}"


def _is_path(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and ".." not in path and " " not in path


def check_any(rows: Rows, odd: Oddities, what: str) -> None:
    """Raise where nothing is right with any row: then it is the answer that is odd, and asking again may help.

    Args:
        rows: of the answer.
        odd: what is odd about them.
        what: the field that is wrong everywhere, as the error names it.

    Raises:
        MalformedAnswerError: with the words about the first row.
    """
    if rows and all(position in odd for position in range(len(rows))):
        raise malformed(f"no row has {what}: row 0: {odd.of(0)}")


def set_outside_aside(
    days: pl.Series, start: date, end: date, rows: Rows, odd: Oddities, *, near: timedelta | None = None
) -> None:
    """Note rows of days that were not requested.

    Args:
        days: of the rows; null where they have none.
        start: first requested day.
        end: last requested day, included.
        rows: shown in the error.
        odd: takes them.
        near: a row of a day that lies no further outside shows that the days of all may be shifted.

    Raises:
        MalformedAnswerError: every dated row is of a day outside, or one of a day that is near.
    """
    first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date) or (start <= first and last <= end):
        return
    outside = ((days < start) | (days > end)).fill_null(value=False)
    positions = outside.arg_true().to_list()
    if not positions:
        return
    doubtful = positions if len(positions) == len(days.drop_nulls()) else []
    if near is not None and not doubtful:
        doubtful = [at for at in positions if -near <= days[at] - (start if days[at] < start else end) <= near]
    if doubtful:
        first = doubtful[0]
        raise malformed(f"a row of {days[first]}, outside {start}..{end} ({shown(rows[first])})")
    for position in positions:
        odd.note(position, f"the row is of {days[position]}, outside {start}..{end}")
