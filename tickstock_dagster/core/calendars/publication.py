"""How far the exchanges themselves have published their calendars. Later days are computed from rules.

A year is entered here when the exchange's own list of it is out, and not by a library's word. What an exchange decides
about later years (a new holiday, the close on a last session) reaches them through a newer library, or an override.
"""

from datetime import date
from typing import NamedTuple

from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.errors import BadInputError, choices


class Publication(NamedTuple):
    """The last day that an exchange has published, and where."""

    until: date
    source: str


_PUBLISHED = {
    "XNYS": Publication(
        date(2028, 12, 31), "NYSE Group Announces 2026, 2027 and 2028 Holiday and Early Closings Calendar, 2025-12-23"
    ),
    "XTKS": Publication(date(2026, 12, 31), "Japan Exchange Group, Market Holidays"),
    "XLON": Publication(date(2026, 12, 31), "London Stock Exchange, Business Days"),
    "XETR": Publication(date(2026, 12, 31), "Deutsche Börse Cash Market, Trading Calendar"),
}


def published_until(key: str) -> Publication:
    """Up to which day the sessions of a calendar are the exchange's own word.

    Args:
        key: XNYS (NASDAQ too), XTKS, XLON or XETR.

    Raises:
        BadInputError: no such calendar.
    """
    if key not in _PUBLISHED:
        raise BadInputError("calendar", key, choices(key, CALENDARS))
    return _PUBLISHED[key]
