"""The universes of a release: their names, their rules, their bounds."""

import polars as pl
import pytest

from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.etf_seed import seed_members
from tickstock_dagster.core.universes.catalogue import THEMES, shipped_universes, theme_key, theme_references
from tickstock_dagster.core.universes.facts import FACT_SCHEMA
from tickstock_dagster.core.universes.rules import Rule, evaluate

UNIVERSES = {universe.key: universe for universe in shipped_universes()}


def test_the_catalogue_has_every_universe_of_a_release_once():
    assert list(UNIVERSES) == [
        "etf_sectors", "etf_growth", "etf_value", "etf_international", "etf_commodities", "etf_technology", "etf_bonds",
        "top_10", "top_100", "top_500", "top_1000", "recent_ipos", "dev_top_10", "dev_sectors", "dev_etfs",
    ]  # fmt: skip
    assert len(shipped_universes()) == len(UNIVERSES)
    names = [*UNIVERSES, *(alias for universe in UNIVERSES.values() for alias in universe.aliases)]
    assert len(set(names)) == len(names)


def test_a_theme_goes_by_its_bare_name_and_asks_for_assets_trading_and_cost():
    assert [UNIVERSES[theme_key(theme)].aliases for theme in THEMES] == [(theme,) for theme in THEMES]
    asked = {theme: UNIVERSES[theme_key(theme)].rule.liquidity_filter() for theme in THEMES}
    assert asked["growth"] == {"aum_min": 1_000_000_000, "adv_usd_min": 5_000_000, "expense_ratio_max": 0.0075}
    assert asked["international"]["aum_min"] == 500_000_000
    assert asked["commodities"]["aum_min"] == 200_000_000
    assert {asked[theme]["aum_min"] for theme in THEMES if theme not in ("international", "commodities")} == {10**9}


def test_a_universe_has_either_a_rule_or_a_list():
    for universe in UNIVERSES.values():
        assert (universe.rule is None) == (universe.membership == "static") == bool(universe.tickers)
        if universe.rule:
            assert Rule.from_json(universe.rule.to_json()) == universe.rule


def test_a_theme_that_is_none_is_refused():
    with pytest.raises(BadInputError, match=r"theme 'groth' is not accepted: did you mean growth\?"):
        theme_key("groth")


def test_a_theme_brings_every_reference_of_its_funds():
    brought = {theme: {ticker for of, ticker in theme_references() if of == theme} for theme in THEMES}
    for fund in seed_funds():
        for theme in fund.seed_of:
            assert fund.correlation_reference in brought[theme], (fund.ticker, theme)
    assert all({"SPY", "IWM"} <= tickers for tickers in brought.values())


def test_the_themes_begin_with_57_funds_in_58_places_and_the_eleventh_sector_fund_is_admitted_by_the_rule():
    funds = seed_funds()
    places = [ticker for theme in THEMES for ticker in seed_members(funds, theme)]
    assert (len(places), len(set(places))) == (58, 57)
    assert {ticker for ticker in places if places.count(ticker) > 1} == {"XLK"}
    [xlc] = [fund for fund in funds if fund.ticker == "XLC"]
    assert "XLC" not in seed_members(funds, "sectors")
    facts = {"security_id": 1, "ticker": "XLC", "themes": list(xlc.themes), "aum_usd": float(xlc.aum_usd),
             "expense_ratio": float(xlc.expense_ratio), "adv20_usd": 5e8}  # fmt: skip
    frame = pl.DataFrame([{name: facts.get(name) for name in FACT_SCHEMA}], schema=FACT_SCHEMA)
    assert [one.ticker for one in evaluate(UNIVERSES["etf_sectors"].rule, frame, frozenset()).members] == ["XLC"]
