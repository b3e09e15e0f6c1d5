"""The home market of an ETF that trades in the US: the exchange that prices the fund's holdings.

Such a fund's bars follow the US session. Its net asset value (NAV) follows its home calendar: it is as of the last
close there, and does not change on a day on which only New York trades. Sessions and closes belong in `core.calendars`.

Source of the mapping: a fund tracks one country where the fund's name, or the name of its index, says so (the shipped
file of ETFs and the vendor's profiles have both); an index of one country holds securities listed on that country's
exchange. Only countries with a known calendar count; regions (Europe, EAFE, Pacific) have no single home market.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

_COUNTRIES: dict[str, tuple[str, ...]] = {
    "XTKS": (r"japan(?:ese)?", r"topix", r"nikkei", r"jpx"),
    "XLON": (r"united kingdom", r"u\.?k\.?", r"ftse (?:100|250|350)"),
    "XETR": (r"german(?:y)?", r"(?:m|s|tec)?dax"),
}
HOME_CALENDARS = tuple(_COUNTRIES)
"""Calendars of home markets: Tokyo for Japan, London for the United Kingdom, Xetra for Germany."""

_PRICED_ELSEWHERE = frozenset({"currency", "bonds", "commodities", "preferred"})
"""Classes of funds whose value does not depend on a stock exchange's hours."""

_WITHOUT = re.compile(r"\bex[-. ]+(?:japan|united kingdom|u\.?k\.?|germany)\b", re.IGNORECASE)
_WORDS = {key: re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) for key, words in _COUNTRIES.items()}


@dataclass(frozen=True, slots=True)
class HomeState:
    """The state of a fund's home market at a US close.

    Attributes:
        calendar: key of the home calendar.
        session: the home session whose close prices the net asset value.
        closed: whether the home market did not trade on the US session's date, so that the value is stale.
        age: time from the home close to the US close.
    """

    calendar: str
    session: date
    closed: bool
    age: timedelta

    def words(self) -> str:
        """The state in words."""
        hours = f"NAV as of {self.session}, {self.age.total_seconds() / 3600:.1f} h old"
        name = market_named(self.calendar).name
        return f"home closed ({name}): {hours}, stale" if self.closed else f"{name}: {hours}"


def home_calendar(etf_type: str | None, *names: str | None) -> str | None:
    """Key of the calendar of the one country that a fund tracks; None without a known one.

    Args:
        etf_type: the fund's class, see `core.securities.etf_classification`.
        names: names of the fund and of its index.
    """
    if etf_type in _PRICED_ELSEWHERE:
        return None
    text = _WITHOUT.sub(" ", " ".join(name for name in names if name))
    found = [key for key, words in _WORDS.items() if words.search(text)]
    return found[0] if len(found) == 1 else None


def home_state(home: SessionCalendar, us: SessionCalendar, session: date) -> HomeState:
    """The state of a home market at the close of a US session.

    Args:
        home: the home calendar, overrides applied.
        us: the US calendar, overrides applied.
        session: a session of the US calendar.
    """
    closes_at = us.closes_at(session)
    last = home.latest_closed_session(closes_at)
    return HomeState(home.key, last, not home.is_session(session), closes_at - home.closes_at(last))
