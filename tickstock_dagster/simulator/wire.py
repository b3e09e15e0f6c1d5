"""The vendor's wire shapes that all endpoints share: envelope, errors, instants, parameters.

The texts are the vendor's own, as far as we know them. Other modules decide whether to refuse a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from uuid import uuid4

from tickstock_dagster.simulator.clock import EASTERN

Payload = dict[str, Any] | list[dict[str, Any]]
"""A JSON answer."""

_DAYS = 20_000

UNKNOWN_KEY = "Unknown API Key"
NO_KEY = "API Key was not provided"
NOT_ENTITLED = "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing"
OUT_OF_HISTORY = (
    "Your plan doesn't include this data timeframe. Please upgrade your plan at https://massive.com/pricing"
)
BEFORE_END_OF_DAY = (
    "Attempted to request today's data before end of day. Please upgrade your plan at https://massive.com/pricing"
)
RATE_EXCEEDED = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://massive.com/pricing"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status and payload, not yet encoded (text: an HTML page). `headers` come on top of the usual ones."""

    status: int
    payload: Payload | str
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):  # noqa: N818 - a refusal is the vendor's regular answer, not a failure of the simulator
    """The vendor refuses a request: HTTP status and body."""

    def __init__(self, status: int, body: Mapping[str, str], headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.status = status
        self.body = dict(body)
        self.headers = headers
        super().__init__(f"{status} {self.body}")

    def answer(self, request_id: str) -> Answer:
        """The refusal as an answer."""
        word = self.body["status"]
        rest = {key: value for key, value in self.body.items() if key != "status"}
        return Answer(self.status, {"status": word, "request_id": request_id, **rest}, self.headers)


def bad_request(text: str) -> Refusal:
    """400: the request is wrong."""
    return Refusal(400, {"status": "ERROR", "error": text})


def unauthorized(text: str) -> Refusal:
    """401: no key, or an unknown one."""
    return Refusal(401, {"status": "ERROR", "error": text})


def forbidden(text: str) -> Refusal:
    """403: one of the three texts, in the field `message`."""
    return Refusal(403, {"status": "NOT_AUTHORIZED", "message": text})


def not_found(text: str) -> Refusal:
    """404: the vendor does not know the thing."""
    return Refusal(404, {"status": "NOT_FOUND", "message": text})


def too_many(retry_after: int | None = None) -> Refusal:
    """429; as far as we know, the vendor's own answer has no `Retry-After`."""
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Refusal(429, {"status": "ERROR", "error": RATE_EXCEEDED}, headers)


def new_request_id() -> str:
    """A request id in the vendor's form: 32 hexadecimal digits."""
    return uuid4().hex


def millis(instant: datetime) -> int:
    """Unix milliseconds."""
    return int(instant.timestamp() * 1000)


@lru_cache(maxsize=_DAYS)
def range_stamp(day: date) -> int:
    """`t` of a day bar in a range answer: 00:00 ET."""
    return millis(datetime.combine(day, time(0), EASTERN))


@lru_cache(maxsize=_DAYS)
def grouped_stamp(day: date) -> int:
    """`t` of a day bar in grouped and previous-day answers: 16:00 ET, half days included."""
    return millis(datetime.combine(day, time(16), EASTERN))


def stamp_day(stamp: int) -> date:
    """The ET date of a `t` of either convention."""
    return datetime.fromtimestamp(stamp / 1000, UTC).astimezone(EASTERN).date()


def parse_day(text: str, name: str = "date") -> date:
    """A `YYYY-MM-DD` parameter; raises a 400 refusal naming the parameter."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise bad_request(f"Could not parse the parameter '{name}': '{text}' is not a date (YYYY-MM-DD)") from None


def parse_flag(query: Mapping[str, str], name: str, default: bool) -> bool:
    """A `true`/`false` parameter; raises a 400 refusal naming the parameter."""
    text = query.get(name, "").lower()
    if text in ("true", "false"):
        return text == "true"
    if not text:
        return default
    raise bad_request(f"The parameter '{name}' must be true or false, not '{text}'")


def parse_limit(query: Mapping[str, str], default: int, maximum: int, legacy: str | None = None) -> int:
    """`limit` within 1..maximum; raises a 400 refusal otherwise.

    Args:
        query: parameters of the request.
        default: where none is given.
        maximum: the largest accepted.
        legacy: name of the parameters in the words of the vendor's older endpoints, such as ListTickers.
    """
    text = query.get("limit", "")
    if not text:
        return default
    try:
        limit = int(text)
    except ValueError:
        raise bad_request(f"The parameter 'limit' must be a whole number, not '{text}'") from None
    if legacy and not 1 <= limit <= maximum:
        raise bad_request(
            f"Failed to parse query parameters from URL: Key: '{legacy}QueryParam.Limit' Error:Field validation for "
            f"'Limit' failed on the '{'max' if limit > maximum else 'min'}' tag"
        )
    if not 1 <= limit <= maximum:
        raise bad_request(f"The parameter 'limit' must be between 1 and {maximum}, not {limit}")
    return limit
