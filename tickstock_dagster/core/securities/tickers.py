"""Tickers: one spelling per security, whatever the source or the person wrote.

The canonical spelling is the one printed on US tapes and used by Massive: upper case, a dot before a share class,
warrant or unit (`BRK.B`, `ABC.WS`), lower-case letters only as the mark of preferreds, rights and when-issued
shares (`BACpL`, `ABCw`). What a ticker stands for on a given day belongs in the identity tables, not here; quoting
for a URL or a file name is the adapters' work, and trivial, since a canonical ticker holds only letters, digits
and dots.
"""

import re

from tickstock_dagster.core.errors import BadInputError

ACCEPTED = "a ticker such as AAPL, BRK.B (also BRK-B, BRK/B, BRK B) or BACpL"

MAX_LENGTH = 16

_CANONICAL = re.compile(r"[A-Z0-9]{1,8}(?:[a-z]{1,2}[A-Z]?)?(?:\.[A-Z0-9]{1,4}){0,2}", re.ASCII)
_SEPARATORS = re.compile(r"[-/ .]")


def canonical_ticker(text: object, field: str = "ticker") -> str:
    """The one spelling of a ticker.

    The separators of a share class (dot, hyphen, slash, one blank) are one; blanks around are dropped; a text
    without capitals is taken as typed in a hurry (`brk.b`), while mixed case is kept, because there a lower-case
    suffix means something.

    Args:
        text: what was given. Anything but text is refused: a table that turned the tickers TRUE or NAN into
            other things has lost them already.
        field: how the value is called in the error.

    Raises:
        BadInputError: not text, empty, or not of a ticker's form.
    """
    if not isinstance(text, str):
        raise BadInputError(field, text, f"{ACCEPTED}, as text and not as {type(text).__name__}")
    ticker = _SEPARATORS.sub(".", text.strip())
    if not any(letter.isupper() for letter in ticker):
        ticker = ticker.upper()
    if len(ticker) > MAX_LENGTH or not _CANONICAL.fullmatch(ticker):
        raise BadInputError(field, text, ACCEPTED)
    return ticker
