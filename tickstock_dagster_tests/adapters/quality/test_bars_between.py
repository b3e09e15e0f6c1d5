"""Good bars next to wrong ones stay, and what was set aside by mistake comes back; reports again change nothing."""

from datetime import date

import pytest

from tickstock_dagster_tests.adapters.quality.test_held_bars import AT, SESSIONS, Market

LATER = SESSIONS[AT : AT + 14]
HISTORY = "SELECT security_id, session, rule, how, verdict FROM quality_verdicts ORDER BY verdict_id"
HELD = "SELECT security_id, session FROM quarantined_bars WHERE held ORDER BY 1, 2"


@pytest.fixture
def market(migrated_database_url: str) -> Market:
    return Market(migrated_database_url)


def live(market: Market, times: dict[int, float], otherwise: float = 1.0, sessions: int = 14) -> None:
    """Each session is loaded and reported as it comes; by their places, some with other prices."""
    for place, day in enumerate(LATER[:sessions]):
        market.load([day], times=times.get(place, otherwise))
        market.report(day)


def settled(market: Market) -> None:
    """Reports of the range, one by one and in the other order change nothing any more."""
    days = LATER[:-1]
    market.report(*days)
    before = market.rows(HISTORY), market.rows(HELD), market.stored()
    for session in (*days, *reversed(days)):
        market.report(session)
    market.report(*days)
    assert (market.rows(HISTORY), market.rows(HELD), market.stored()) == before


@pytest.mark.parametrize("after", [0.85, 1.15, 0.75])
def test_bars_after_a_slip_are_on_the_level_before_it_however_far_the_price_has_moved(
    market: Market, after: float
) -> None:
    live(market, {0: 100.0}, after)
    assert market.stored() == list(LATER[1:])
    settled(market)


@pytest.mark.parametrize("times", [100.0, 1.4])
def test_a_good_bar_between_two_wrong_ones_stays(market: Market, times: float) -> None:
    live(market, {3: times, 5: times}, sessions=9)
    assert market.stored() == [day for place, day in enumerate(LATER[:9]) if place not in (3, 5)]


def test_a_released_bar_is_not_set_aside_by_another_rule(market: Market) -> None:
    live(market, {3: 100.0}, sessions=6)
    assert LATER[3] not in market.stored()
    market.release(LATER[3])
    market.report(*LATER[2:6])
    assert LATER[3] in market.stored()
    found = market.rows("SELECT rule, verdict, state FROM quality_anomalies WHERE session = %s", (LATER[3],))
    assert ("scale_break", "explained", "released") in found
    assert not [rule for rule, verdict, _ in found if verdict == "wrong"]


def test_a_bar_comes_back_when_its_neighbours_turn_out_to_be_wrong(market: Market) -> None:
    live(market, {3: 1.45}, sessions=6)
    assert LATER[3] not in market.stored()
    others: list[date] = [*SESSIONS[:AT], *LATER[:3], *LATER[4:6]]
    market.load(others, times=1.45)
    market.report(*LATER[:6])
    assert LATER[3] in market.stored()
    [(verdict, withdrawn)] = market.rows(
        "SELECT verdict, withdrawn_at IS NOT NULL FROM quality_anomalies WHERE rule = 'lone_bar' AND session = %s",
        (LATER[3],),
    )
    assert (verdict, withdrawn) == ("explained", True)
