"""Names of markets: what is accepted, what is refused and how the refusal helps."""

from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.core.calendars.markets import (
    CALENDARS,
    MARKETS,
    US_LISTING_VENUES,
    calendar_of_listing,
    market_named,
)
from tickstock_dagster.core.errors import BadInputError


@pytest.mark.parametrize(
    ("name", "mic", "calendar"),
    [
        ("NYSE", "XNYS", "XNYS"),
        ("NASDAQ", "XNAS", "XNYS"),
        ("TSE", "XTKS", "XTKS"),
        ("Tokyo", "XTKS", "XTKS"),
        ("JPX", "XTKS", "XTKS"),
        ("LSE", "XLON", "XLON"),
        ("XETR", "XETR", "XETR"),
        ("xetra", "XETR", "XETR"),
        (" nyse ", "XNYS", "XNYS"),
        ("xtks", "XTKS", "XTKS"),
    ],
)
def test_a_market_is_found_by_any_of_its_names_in_any_case(name: str, mic: str, calendar: str) -> None:
    market = market_named(name)
    assert (market.mic, market.calendar) == (mic, calendar)


def test_five_exchanges_share_four_calendars() -> None:
    assert [market.mic for market in MARKETS] == ["XNYS", "XNAS", "XTKS", "XLON", "XETR"]
    assert CALENDARS == ("XNYS", "XTKS", "XLON", "XETR")


def test_no_two_markets_answer_to_one_name() -> None:
    names = [
        name.casefold() for market in MARKETS for name in {market.mic.casefold(), *map(str.casefold, market.aliases)}
    ]
    assert len(names) == len(set(names))


def test_every_market_has_a_real_zone_and_a_currency_code() -> None:
    for market in MARKETS:
        assert ZoneInfo(market.timezone).key == market.timezone
        assert len(market.currency) == 3
        assert market.currency.isupper()


@pytest.mark.parametrize("name", ["XTSE", "xtse", "Toronto", "TSX"])
def test_toronto_is_refused_and_told_apart_from_tokyo(name: str) -> None:
    with pytest.raises(BadInputError, match=r"XTSE is Toronto.*Tokyo.*XTKS") as refused:
        market_named(name)
    assert refused.value.exit_code == 2


def test_an_unknown_market_is_refused_with_the_nearest_name_and_all_names() -> None:
    with pytest.raises(BadInputError, match="did you mean NASDAQ") as refused:
        market_named("NASDQA")
    for market in MARKETS:
        assert market.mic in str(refused.value)


@pytest.mark.parametrize("name", ["", "NYSE ARCA", "XNY"])
def test_a_name_that_is_only_nearly_right_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="exchange"):
        market_named(name)


@pytest.mark.parametrize("mic", ["XNYS", "XNAS", "XASE", "ARCX", "BATS", "IEXG", "arcx"])
def test_every_us_listing_venue_keeps_the_sessions_of_new_york(mic: str) -> None:
    assert calendar_of_listing(mic) == "XNYS"


def test_the_other_markets_list_on_their_own_calendar() -> None:
    assert {mic: calendar_of_listing(mic) for mic in ("XTKS", "XLON", "XETR")} == {
        "XTKS": "XTKS",
        "XLON": "XLON",
        "XETR": "XETR",
    }
    assert len(US_LISTING_VENUES) == 6


def test_an_unknown_listing_venue_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match=r"primary_exchange 'OTCM'.*ARCX"):
        calendar_of_listing("OTCM")
