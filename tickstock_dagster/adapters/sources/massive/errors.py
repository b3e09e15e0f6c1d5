"""The errors of `adapters.sources.protocol` for Massive's answers other than a good 200.

Where the status is not enough, the vendor's words decide: a 403 can mean three different things to a backfill. Pure
functions of status, headers and body.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import orjson

from tickstock_dagster.adapters.sources.massive.values import shown
from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    MalformedAnswerError,
    NotEntitledError,
    NotFoundError,
    NotPublishedYetError,
    OutOfHistoryError,
    RateLimitedError,
    RejectedRequestError,
    UpstreamError,
    VendorError,
)
from tickstock_dagster.core.printable import printable

MAX_WORDS = 240
"""Characters of the vendor's text that an error shows."""

MAX_HEAD = 4096
"""Characters of a page in which its title stands."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_CREDENTIAL = re.compile(r"(?i)(api_?key=|bearer\s+)[^\s&\"'<>]+")


def redact(text: str, api_key: str) -> str:
    """`text` without the key, in case the vendor or a library includes it."""
    for form in {api_key, quote(api_key, safe=""), quote(api_key)} - {""}:
        text = text.replace(form, "[key]")
    return _CREDENTIAL.sub(r"\1[key]", text)


def vendor_words(body: str) -> str:
    """The readable part of an error's body: `error`, `message`, the title of a page, or else the text."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return _words_of(answer)
    title = _TITLE.search(body[:MAX_HEAD])
    return _brief(f"a page titled {title.group(1).strip()[:MAX_WORDS]!r}" if title else body)


def _words_of(answer: Mapping[str, Any]) -> str:
    said = [answer.get(key) for key in ("error", "message")]
    texts = [word if isinstance(word, str) else shown(word) for word in said if word]
    return _brief("; ".join(texts) or str(answer.get("status") or ""))


def _brief(text: str) -> str:
    text = printable(" ".join(text[: 10 * MAX_WORDS].split()))
    return (text[: MAX_WORDS - 1] + "…" if len(text) > MAX_WORDS else text) or "without a word"


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks to wait; None where there is none or it cannot be read.

    Args:
        header: the header, a number of seconds or an HTTP date.
        now: POSIX timestamp.
    """
    if header is None:
        return None
    if header.strip().isdecimal() and header.isascii():
        return float(header.strip()[:12])
    try:
        return max(parsedate_to_datetime(header).timestamp() - now, 0.0)
    except (ValueError, OverflowError, TypeError):
        return None


def _forbidden(text: str, words: str, status: int) -> VendorError:
    if "before end of day" in words.lower():
        return NotPublishedYetError(text, status=status)
    if "timeframe" in words.lower():
        return OutOfHistoryError(text, status=status)
    return NotEntitledError(text, status=status)


def refusal_inside(answer: Mapping[str, Any]) -> VendorError:
    """The error for a 200 whose body says that the request is refused."""
    words = _words_of(answer)
    return _forbidden(f"the vendor answered 200 and refuses: {words}", words, 200)


def error_for(status: int, body: str, subject: str, *, retry_after: float | None = None) -> VendorError:
    """The error for an answer other than 200.

    Args:
        status: HTTP status.
        body: the answer's body, JSON in the vendor's shape or a gateway's page.
        subject: source and request, e.g. "massive: bars of AAPL 2024-01-02..2024-12-31".
        retry_after: seconds that the vendor asks to wait; None where it states none.
    """
    words = vendor_words(body)
    text = f"{subject}: the vendor answered {status}: {words}"
    if status == 429:
        wait = "" if retry_after is None else f" (asks to wait {retry_after:.0f} s)"
        per_minute = "minute" in words.lower()
        hint = "; is MASSIVE_PLAN the key's plan?" if per_minute else ""
        return RateLimitedError(text + wait + hint, retry_after=retry_after, per_minute=per_minute)
    if status == 403 or (status == 401 and "timeframe" in words.lower()):
        return _forbidden(text, words, status)
    if status == 401 or (status == 400 and "api key" in words.lower()):
        return AuthFailedError(f"{text}; check MASSIVE_API_KEY", status=status)
    if status == 404:
        return NotFoundError(text, status=status)
    if status >= 500 or status in (408, 413, 425, 499):
        return UpstreamError(text, status=status)
    if 300 <= status < 400:
        return RejectedRequestError(f"{text}; redirects are not followed: check MASSIVE_BASE_URL", status=status)
    if 200 <= status < 300:
        return MalformedAnswerError(text, status=status)
    return RejectedRequestError(text, status=status)
