"""Facts about funds that types want: by their switches, and as urgent as the most urgent of them."""

from typing import Any

from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.securities.equity_types import EquityType
from tickstock_dagster.core.valuation.fund_facts import FundFact, Wanted, wanted_facts
from tickstock_dagster_tests.core.securities.test_equity_types import ETF


def of(code: str, priority: str, **switches: bool) -> EquityType:
    rules: dict[str, Any] = {**ETF["processing_rules"], "enrichment": switches}
    return EquityType.from_json({**ETF, "equity_type": code, "priority": priority, "processing_rules": rules})


def test_premiums_need_net_asset_values_and_what_no_type_wants_is_left_out() -> None:
    types = [of("ETN", "low", premium_discount=True), of("ETF", "high", nav_calculation=True), of("CS", "critical")]
    assert wanted_facts(types) == (Wanted(FundFact.NAVS, ("ETF", "ETN"), Priority.HIGH),)
    assert wanted_facts([of("ETF", "low", sector_allocation=True)])[0].fact is FundFact.SECTORS
    assert wanted_facts(types[2:]) == ()
