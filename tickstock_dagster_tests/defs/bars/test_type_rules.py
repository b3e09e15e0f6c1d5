"""The end-of-day run obeys equity_types as it stands when the run begins."""

from tickstock_dagster.adapters.securities.equity_type_store import update_equity_types
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, Factory, facts_of


def test_a_changed_row_changes_what_the_next_run_expects_and_loads(factory: Factory) -> None:
    factory.track("AAPL", "SPY")
    assert facts_of(factory.run("us_eod", FRI))["bars_expected"] == 2
    factory.execute("DELETE FROM ohlcv_daily")
    assert update_equity_types(factory.engine, {"ETF": {"update_frequency": "none"}}, now=SUNDAY) == ("ETF",)
    found = facts_of(factory.run("us_eod", FRI))
    assert (found["bars_expected"], found["bars_stored"]) == (1, 1)
    assert factory.events("tickstock.config.updated")[0]["after"] == {"update_frequency": "none"}
    update_equity_types(factory.engine, {"ETF": {"update_frequency": "realtime"}}, now=SUNDAY)
    assert facts_of(factory.run("us_eod", FRI))["bars_expected"] == 2
