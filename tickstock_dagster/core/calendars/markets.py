"""The markets by name: identifiers, zone, currency, and which calendar each one follows.

Callers name a market by its MIC (ISO 10383) or a common alias. Several listing venues share one calendar: all US
venues keep the sessions of XNYS. The sessions themselves belong in `core.calendars.session_calendar`.
"""

from dataclasses import dataclass

from tickstock_dagster.core.errors import BadInputError, choices


@dataclass(frozen=True, slots=True)
class Market:
    """One exchange.

    Attributes:
        mic: ISO 10383 market identifier code.
        name: the exchange's own name.
        calendar: key of its session calendar (a MIC; see `core.calendars.session_calendar.library_calendar`).
        timezone: IANA zone in which sessions are dated.
        currency: ISO 4217 code of its prices (London prints most shares in pence, 1/100 GBP).
        aliases: other accepted names.
    """

    mic: str
    name: str
    calendar: str
    timezone: str
    currency: str
    aliases: tuple[str, ...]


MARKET = "XNYS"
"""The market whose vendor, end of day and universes these are: its MIC, and the key of its calendar."""

MARKET_TIMEZONE = "America/New_York"
"""The zone in which its sessions are dated and its schedules tick."""

MARKETS: tuple[Market, ...] = (
    Market(MARKET, "New York Stock Exchange", MARKET, MARKET_TIMEZONE, "USD", ("NYSE",)),
    Market("XNAS", "Nasdaq", MARKET, MARKET_TIMEZONE, "USD", ("NASDAQ",)),
    Market("XTKS", "Tokyo Stock Exchange", "XTKS", "Asia/Tokyo", "JPY", ("TSE", "Tokyo", "JPX")),
    Market("XLON", "London Stock Exchange", "XLON", "Europe/London", "GBP", ("LSE", "London")),
    Market("XETR", "Xetra", "XETR", "Europe/Berlin", "EUR", ("Xetra",)),
)

CALENDARS: tuple[str, ...] = tuple(dict.fromkeys(market.calendar for market in MARKETS))
"""Keys of the four calendars: XNYS, XTKS, XLON, XETR."""

US_LISTING_VENUES: tuple[str, ...] = ("XNYS", "XNAS", "XASE", "ARCX", "BATS", "IEXG")
"""MICs at which US stocks and ETFs are listed: NYSE, Nasdaq, NYSE American, NYSE Arca, Cboe BZX, IEX."""

ABROAD: tuple[str, ...] = tuple(market.mic for market in MARKETS if market.calendar != MARKET)
"""MICs of the markets outside the US. A security listed at none of them counts as a US security, whatever its venue."""

_BY_NAME = {name.casefold(): market for market in MARKETS for name in (market.mic, *market.aliases)}
_ACCEPTED = tuple(name for market in MARKETS for name in (market.mic, *market.aliases))
_BY_VENUE = {market.mic: market.calendar for market in MARKETS} | dict.fromkeys(US_LISTING_VENUES, MARKET)
_TORONTO = frozenset({"xtse", "toronto", "tsx", "tmx"})


def market_named(name: str) -> Market:
    """Find a market by MIC or alias, ignoring case and surrounding blanks. 'TSE' is Tokyo.

    Raises:
        BadInputError: there is no such market. Toronto's names get a hint, since many sources call Toronto 'TSE'.
    """
    key = str(name).strip().casefold()
    if market := _BY_NAME.get(key):
        return market
    if key in _TORONTO:
        raise BadInputError(
            "exchange", name, "XTSE is Toronto, which is not served; Tokyo ('TSE' here) is XTKS. " + _accepted_names()
        )
    raise BadInputError("exchange", name, choices(str(name), _ACCEPTED, limit=len(_ACCEPTED)))


def calendar_of_listing(mic: str) -> str:
    """Key of the calendar that a listing venue keeps.

    Args:
        mic: the venue's MIC, as in `symbols.primary_exchange`.

    Raises:
        BadInputError: the venue is unknown.
    """
    calendar = _BY_VENUE.get(str(mic).strip().upper())
    if calendar is None:
        raise BadInputError("primary_exchange", mic, choices(str(mic), _BY_VENUE))
    return calendar


def _accepted_names() -> str:
    return "accepted: " + ", ".join(sorted(_ACCEPTED))
