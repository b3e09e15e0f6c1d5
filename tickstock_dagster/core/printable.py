"""Text from outside in a form that can be stored and shown: control characters and broken bytes become escapes.

PostgreSQL stores no NUL, JSON columns no lone surrogate, and a terminal obeys control characters, among them those that
turn the direction of writing.
"""

import re
import unicodedata
from collections.abc import Iterable

from tickstock_dagster.core.errors import BadInputError

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, longest: int | None = None) -> str:
    r"""`text` with every control character and lone surrogate as `\u0000`; cut after `longest` characters."""
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things in words: 1 version, 2,000 versions; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def all_printable(texts: Iterable[str]) -> bool:
    """Whether `printable` would leave every one of them as it is."""
    return _UNPRINTABLE.search("".join(texts)) is None


def plain_reason(reason: str, field: str = "reason") -> str:
    """A reason as it is stored and published, without blanks around it.

    Raises:
        BadInputError: it is empty, or has control characters.
    """
    if not reason.strip() or not is_plain(reason.strip()):
        raise BadInputError(field, reason, "a reason for the change, in words of printable characters")
    return reason.strip()


def is_plain(text: str) -> bool:
    """Whether a text holds printable characters alone: no control, no mark of direction, no broken byte.

    Blanks of every width are printable here: names of files have them.
    """
    return text.isprintable() or all(one.isprintable() or unicodedata.category(one) == "Zs" for one in text)
