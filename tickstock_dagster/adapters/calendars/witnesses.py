"""Asking witnesses about a calendar: the second library where it is installed, and the vendor's special days.

Comparing their accounts with the calendar belongs in `core.calendars.quorum`.
"""

from datetime import date, timedelta

from tickstock_dagster.adapters.sources.protocol import PublicationSource, SpecialDay
from tickstock_dagster.core.calendars.library import SessionHours
from tickstock_dagster.core.calendars.quorum import ORDINARY, WitnessAccount, session_words, special_words
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

SECOND_LIBRARY = "exchange_calendars"

VENDOR_EXCHANGES = ("NYSE", "NASDAQ")
"""Exchanges by the vendor's names whose days are those of XNYS; no calendar here has over-the-counter days."""

_MARGIN = timedelta(days=14)


def ask_second_library(calendar: SessionCalendar, first: date, last: date) -> WitnessAccount | None:
    """The account of `exchange_calendars` about some days (inclusive); None where it is not installed."""
    try:
        import exchange_calendars as library
    except ImportError:
        return None
    # The library refuses a span without a session.
    span = (max(first - _MARGIN, calendar.first), min(last + _MARGIN, calendar.last))
    table = library.get_calendar(calendar.key, start=str(span[0]), end=str(span[1])).schedule
    rows = zip(table.index, table["open"], table["close"], strict=True)
    sessions = [SessionHours(day.date(), opens.to_pydatetime(), closes.to_pydatetime()) for day, opens, closes in rows]
    words = {hours.session: session_words(calendar, hours) for hours in sessions if first <= hours.session <= last}
    return WitnessAccount(SECOND_LIBRARY, first, last, words)


def ask_vendor(source: PublicationSource, calendar: SessionCalendar, first: date) -> list[WitnessAccount]:
    """The vendor's accounts of the days from `first` to its last listed special day, one for each exchange.

    Raises:
        VendorError: the vendor could not be reached, or does not offer special days.
    """
    listed = [day for day in source.special_days() if day.day >= first]
    return [
        _account(f"{source.name} {exchange}", calendar, first, days)
        for exchange in VENDOR_EXCHANGES
        if (days := [day for day in listed if day.exchange.upper() == exchange])
    ]


def _account(witness: str, calendar: SessionCalendar, first: date, days: list[SpecialDay]) -> WitnessAccount:
    last = min(max(day.day for day in days), calendar.last)
    words = {day.day: special_words(calendar, day.closes_at) for day in days}
    return WitnessAccount(witness, first, last, words, unnamed=ORDINARY)
