"""The five tasks: what each proposes of the same facts, and why it proposes nothing."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tickstock_dagster.core.universes.catalogue import shipped_universes
from tickstock_dagster.core.universes.facts import FACT_SCHEMA
from tickstock_dagster.core.universes.sync_tasks import (
    cap_bucket,
    delisted_cleanup,
    determine_by_rule,
    etf_universe_maintenance,
    ipo_universe_assignment,
    market_cap_recalculation,
    theme_rebalancing,
)
from tickstock_dagster.core.universes.synchronisation import UniverseState

RULES = {universe.key: universe for universe in shipped_universes()}


def facts(*rows: dict[str, Any]) -> pl.DataFrame:
    """Facts with a security T<n> for every row, numbered from 1."""
    filled = [{"security_id": number, "ticker": f"T{number}", **row} for number, row in enumerate(rows, start=1)]
    return pl.DataFrame(filled, schema=FACT_SCHEMA)


def universe(key: str, *members: int, determined: bool = True) -> UniverseState:
    shipped = RULES[key]
    names = {member: f"T{member}" for member in members}
    return UniverseState(
        key, shipped.type, shipped.category, True, names, shipped.rule, 1 if shipped.rule else None, determined
    )


def stock(market_cap: float | None, **others: Any) -> dict[str, Any]:
    return {"equity_type": "CS", "market_cap": market_cap, "adv20_usd": 1e7, **others}


def fund(**others: Any) -> dict[str, Any]:
    return {
        "equity_type": "ETF",
        "themes": ["growth"],
        "aum_usd": 2e9,
        "adv20_usd": 1e7,
        "expense_ratio": 0.001,
        **others,
    }


def test_sizes_are_chosen_by_market_cap_and_the_known_ones_are_counted() -> None:
    rows = facts(*(stock(1e9 * number) for number in range(1, 13)), stock(None), fund())
    result = market_cap_recalculation([universe("top_10"), universe("etf_growth"), universe("recent_ipos")], rows)
    [proposal] = result.proposals
    assert proposal.members == tuple(range(12, 2, -1))
    assert (proposal.universe, proposal.joined, proposal.rule_version) == ("top_10", 10, 1)
    assert result.notes == {"market_caps": 12, "without_market_cap": 2, "universes": 1}
    assert market_cap_recalculation([universe("etf_growth")], rows).skipped == "no universe is chosen by size"


def test_new_listings_join_classified_and_leave_when_they_grew_too_old() -> None:
    young = date(2026, 11, 1)
    rows = facts(
        stock(5e9, list_date=young, listed_days=19, sector="Technology"),
        stock(None, list_date=young, listed_days=19),
        stock(1e9, list_date=date(2026, 8, 1), listed_days=111),
        stock(1e9),
    )
    result = ipo_universe_assignment([universe("recent_ipos", 2, 3, 4)], rows)
    [proposal] = result.proposals
    assert set(proposal.members or ()) == {1, 2, 4}, "of the fourth the age is not known: no reason to leave"
    [new] = proposal.classified
    assert (new.ticker, new.facts["size"], new.facts["sector"]) == ("T1", "mid", "Technology")
    assert [(one.ticker, one.certain) for one in proposal.departures] == [("T3", True)]
    assert result.notes["new_listings"] == 1
    again = ipo_universe_assignment([universe("recent_ipos", 1, 2, 4)], rows)
    assert again.skipped == "no new listing, and none grew too old"


@pytest.mark.parametrize(
    ("cap", "size"),
    [(None, None), (2e12, "mega"), (2e11, "mega"), (1e11, "large"), (2e9, "mid"), (3e8, "small"), (1e6, "micro")],
)
def test_sizes_have_names(cap: float | None, size: str | None) -> None:
    assert cap_bucket(cap) == size


def test_the_delisted_leave_whatever_they_are_in() -> None:
    states = [
        universe("top_10", 1, 2),
        UniverseState("mine", "list", None, False, {2: "T2"}),
        universe("etf_growth", 3),
    ]
    result = delisted_cleanup(states, {2: date(2026, 11, 20), 9: date(2020, 1, 2)})
    assert [(one.universe, one.departures[0].ticker) for one in result.proposals] == [("top_10", "T2"), ("mine", "T2")]
    assert result.proposals[0].departures[0].reason == "delisted on 2026-11-20"
    assert delisted_cleanup(states, {9: date(2020, 1, 2)}).skipped == "no member of any universe is delisted"


@pytest.mark.parametrize(("returns", "triggered"), [(0.151, True), (0.149, False), (0.049, True), (0.051, False)])
def test_a_theme_is_chosen_anew_beyond_five_percent_to_either_side(returns: float, triggered: bool) -> None:
    rows = facts(fund(), fund(), fund(aum_usd=5e8), fund())
    # The median of three: one that went wild decides nothing.
    known = {1: returns, 2: returns, 3: 9.0}
    result = theme_rebalancing([universe("etf_growth", 1, 2, 3)], rows, known, 0.10)
    assert bool(result.proposals) is triggered
    if triggered:
        assert result.proposals[0].members == (1, 2, 4)
        assert [one.ticker for one in result.proposals[0].departures] == ["T3"]
    else:
        assert result.skipped is not None
        assert f"etf_growth {returns - 0.10:+.2%}" in result.skipped


def test_without_the_markets_return_nothing_is_triggered() -> None:
    result = theme_rebalancing([universe("etf_growth", 1)], facts(fund()), {1: 0.5}, None)
    assert result.proposals == ()
    assert "etf_growth: returns over 20 sessions are not known" in (result.skipped or "")
    assert result.notes["no_value"] == (
        "the return of SPY over 20 sessions is not known: its bars are missing (known of 1 of 1 members)"
    )
    lost = theme_rebalancing([universe("etf_growth", 1)], facts(fund()), {}, 0.1)
    assert lost.notes["no_value"] == "the return over 20 sessions is known of none of the 1 members of themes"
    assert "no_value" not in theme_rebalancing([universe("etf_growth", 1)], facts(fund()), {1: 0.1}, 0.1).notes


def test_a_member_known_to_break_the_filter_leaves_and_one_of_whom_nothing_is_known_stays() -> None:
    rows = facts(fund(), fund(expense_ratio=0.02), fund(aum_usd=None), fund())
    [proposal] = etf_universe_maintenance([universe("etf_growth", 1, 2, 3, 77)], rows).proposals
    assert proposal.members is None, "a newcomer waits for the rebalancing"
    assert [(one.ticker, one.reason) for one in proposal.departures] == [("T2", "not expense_ratio < 0.0075: 0.02")], (
        "who is not listed is left to the cleanup"
    )
    assert proposal.figures[1] == (2e9, 0.001, 1e7)


def test_a_theme_that_was_never_determined_is_chosen_by_its_rule() -> None:
    [proposal] = etf_universe_maintenance([universe("etf_growth", determined=False)], facts(fund(), fund())).proposals
    assert (proposal.members, proposal.joined) == ((1, 2), 2)


def test_for_a_past_session_every_rule_is_evaluated() -> None:
    rows = facts(stock(1e9), stock(2e9, listed_days=5), fund())
    states = [universe("top_10"), universe("etf_growth"), universe("recent_ipos")]
    found = {one.universe: one.members for task in determine_by_rule(states, rows) for one in task.proposals}
    assert found == {"top_10": (2, 1), "etf_growth": (3,), "recent_ipos": (2,)}
