"""Tickers: one canonical spelling, whatever a source or a person wrote.

The canonical spelling is the one printed on US tapes and used by Massive: upper case, a dot before a share class,
warrant or unit (`BRK.B`, `ABC.WS`), lower-case letters only as the mark of preferreds, rights and when-issued
shares (`BACpL`, `ABCw`). Which security a ticker names on a given day belongs in the identity tables; quoting for a
URL or a file name belongs in the adapters, and is trivial, since a canonical ticker has only letters, digits and dots.
"""

import re

from tickstock_dagster.core.errors import BadInputError

ACCEPTED = "a ticker such as AAPL, BRK.B (also BRK-B, BRK/B, BRK B) or BACpL"

MAX_LENGTH = 16

_CANONICAL = re.compile(r"[A-Z0-9]{1,8}(?:[a-z]{1,2}[A-Z]?)?(?:\.[A-Z0-9]{1,4}){0,2}", re.ASCII)
_SEPARATORS = re.compile(r"[-/ .]")


def canonical_ticker(text: object, field: str = "ticker") -> str:
    """The canonical spelling of a ticker.

    A hyphen, a slash or a single blank before a share class becomes a dot, and surrounding blanks are dropped. A text
    without capitals becomes upper case (`brk.b`); mixed case stays, because there a lower-case suffix has a meaning.

    Args:
        text: the given ticker. Anything but text is refused: a table that turned the tickers TRUE or NAN into other
            types has lost them already.
        field: name of the value in the error.

    Raises:
        BadInputError: not text, empty, or not in the form of a ticker.
    """
    if not isinstance(text, str):
        raise BadInputError(field, text, f"{ACCEPTED}, as text and not as {type(text).__name__}")
    ticker = _SEPARATORS.sub(".", text.strip())
    if not any(letter.isupper() for letter in ticker):
        ticker = ticker.upper()
    if len(ticker) > MAX_LENGTH or not _CANONICAL.fullmatch(ticker):
        raise BadInputError(field, text, ACCEPTED)
    return ticker
