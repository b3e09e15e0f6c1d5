"""Text from outside in a form that can be stored and shown: control characters and broken bytes become escapes.

PostgreSQL stores no NUL, JSON columns no lone surrogate, and a terminal obeys control characters.
"""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str, longest: int | None = None) -> str:
    r"""`text` with every control character and lone surrogate as `\u0000`; cut after `longest` characters."""
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
