"""List endpoints: filters, sorting, limits and cursors of the vendor's two generations of endpoints.

Legacy endpoints sort by `sort=field&order=asc` and have base64 query strings as cursors; new ones sort by
`sort=field.asc,other.desc` and have base64 JSON. A cursor carries every parameter, so page 2 needs no other.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from tickstock_dagster.simulator import wire

Row = dict[str, Any]
Condition = tuple[str, Callable[[Any, Any], bool], Any]
"""Field, comparison and bound."""
_OFFSET = "ap"
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, bound: bool(value == bound),
    ".gt": lambda value, bound: bool(value > bound),
    ".gte": lambda value, bound: bool(value >= bound),
    ".lt": lambda value, bound: bool(value < bound),
    ".lte": lambda value, bound: bool(value <= bound),
    ".any_of": lambda value, bounds: value in bounds,
}


@dataclass(frozen=True, slots=True)
class ListShape:
    """What one list endpoint accepts.

    Attributes:
        filters: filter name to the parser of its values; each also accepts ranges and `.any_of`.
        sorts: fields to sort by.
        default_sort: `field.asc` or `field.desc`.
        default_limit, max_limit: page size.
        new_style: which generation of sort and cursor.
        tie: field that breaks ties of equal sort values, so that pages never overlap.
        legacy: name of the parameters in the words of the vendor's older endpoints, if it is one.
        counted: whether answers count their rows.
    """

    filters: Mapping[str, Callable[[str, str], Any]]
    sorts: Sequence[str]
    default_sort: str
    default_limit: int
    max_limit: int
    new_style: bool
    tie: str
    legacy: str | None = None
    counted: bool = True


def text(value: str, _name: str) -> str:
    """A text parameter."""
    return value


def day(value: str, name: str) -> str:
    """A date parameter, kept as text, which is what rows are compared with."""
    return wire.parse_day(value, name).isoformat()


def number(value: str, name: str) -> float:
    """A numeric parameter; raises a 400 refusal naming it."""
    try:
        return float(value)
    except ValueError:
        raise wire.bad_request(f"The parameter '{name}' must be a number, not '{value}'") from None


def opened(query: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a request: those of its cursor where it has one.

    Raises:
        Refusal: 400, the cursor is not valid.
    """
    cursor = query.get("cursor")
    if not cursor:
        return dict(query)
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        held = orjson.loads(raw) if raw.startswith("{") else dict(parse_qsl(raw, strict_parsing=True))
        int(held[_OFFSET])
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError, TypeError):
        raise wire.bad_request(f"The parameter 'cursor' is not valid: '{cursor}'") from None
    return {str(name): str(value) for name, value in held.items()}


def cursor_for(query: Mapping[str, str], offset: int, new_style: bool) -> str:
    """An opaque cursor that holds `query` and where the next page starts."""
    held = {name: value for name, value in query.items() if name not in ("cursor", "apiKey")} | {_OFFSET: str(offset)}
    raw = orjson.dumps(held) if new_style else urlencode(held).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def offset_of(query: Mapping[str, str]) -> int:
    """Position of the page's first row."""
    return int(query.get(_OFFSET, "0"))


def list_answer(shape: ListShape, rows: Sequence[Row], query: Mapping[str, str], url: str) -> Row:
    """One page of `rows` in the vendor's envelope, without `request_id`.

    Args:
        shape: what the endpoint accepts.
        rows: everything the endpoint has, before the common filters.
        query: from `opened`.
        url: address of the endpoint, for `next_url`.

    Raises:
        Refusal: 400, a parameter is wrong.
    """
    limit = wire.parse_limit(query, shape.default_limit, shape.max_limit, shape.legacy)
    order = sorting(shape, query)
    asked = conditions(shape, query)
    kept = list(rows)
    for condition in asked:  # one after another: a list of 13,000 rows is asked for each evening of a symbol
        kept = [row for row in kept if meets(row, condition)]
    kept.sort(key=lambda row: str(row.get(shape.tie, "")))
    for name, descending in reversed(order):
        # Rows without the field stand last, whatever the order.
        kept.sort(key=lambda row: ((row.get(name) is None) != descending, row.get(name)), reverse=descending)
    offset = offset_of(query)
    page = kept[offset : offset + limit]
    answer: Row = {"results": page, "status": "OK"} | ({"count": len(page)} if shape.counted else {})
    if offset + limit < len(kept):
        answer["next_url"] = f"{url}?cursor={cursor_for(query, offset + limit, shape.new_style)}"
    return answer


def sorting(shape: ListShape, query: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Sort fields, each with whether it is descending; raises a 400 refusal where the endpoint does not know one."""
    asked = query.get("sort") or (shape.default_sort if shape.new_style else shape.default_sort.partition(".")[0])
    order = []
    for part in asked.split(","):
        name, _, direction = part.partition(".")
        if not shape.new_style:
            direction = query.get("order") or shape.default_sort.partition(".")[2]
        if name not in shape.sorts or (not shape.new_style and "." in part):
            raise wire.bad_request(f"The parameter 'sort' must be one of {', '.join(shape.sorts)}, not '{part}'")
        if (direction or "asc") not in ("asc", "desc"):
            raise wire.bad_request(f"The sort order must be asc or desc, not '{direction}'")
        order.append((name, direction == "desc"))
    return order


def conditions(shape: ListShape, query: Mapping[str, str]) -> list[Condition]:
    """The conditions of the query on each row; raises a 400 refusal where a value cannot be parsed."""
    asked = []
    for name, parse in shape.filters.items():
        for suffix, holds in _COMPARISONS.items():
            given = query.get(name + suffix)
            if given:
                many = suffix == ".any_of"
                bound = {parse(item, name) for item in given.split(",")} if many else parse(given, name)
                asked.append((name, holds, bound))
    return asked


def keeps(row: Row, asked: Sequence[Condition]) -> bool:
    """Whether a row meets the conditions; one without the field does not."""
    return all(meets(row, condition) for condition in asked)


def meets(row: Row, condition: Condition) -> bool:
    """Whether a row meets one condition; one without the field does not."""
    name, holds, bound = condition
    value = row.get(name)
    return value is not None and holds(value, bound)
