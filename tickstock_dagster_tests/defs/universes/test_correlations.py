"""`universes/correlations` executed for real: bars of the simulator, a range as one computation, twice as once."""

from datetime import date

import dagster as dg

from tickstock_dagster_tests.defs.factory import FRI, MON, THU, Factory, failure_of
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of

CORRELATIONS = ["universes/correlations"]


def warned(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The checks of a run that did not pass, with their reasons."""
    found = {one.check_name: one for one in result.get_asset_check_evaluations() if not one.passed}
    assert all(one.severity is dg.AssetCheckSeverity.WARN for one in found.values())
    return {name: str(one.metadata["why"].value) for name, one in found.items()}


def test_a_range_is_one_computation_with_numbers_a_picture_and_one_event_for_each_first_value(factory: Factory) -> None:
    factory.track("SPY", "IWM", "XLK")
    assert factory.run("us_eod", date(2026, 8, 24), FRI).success
    factory.vendor.reset_stats()
    result = materialise(factory, CORRELATIONS, THU, FRI)
    assert result.success
    assert factory.vendor.stats()["total"] == 0
    facts = metadata_of(result, "universes/correlations")
    assert warned(result) == {}
    counts = {name: facts[name] for name in ("etfs", "values_computed", "values_written", "events", "events_sent")}
    # Bars of 64 sessions make a value over 60, and none over 252.
    assert counts["values_computed"] == counts["values_written"] == 4 * 2
    assert counts["events"] == counts["events_sent"] == 4
    assert counts["etfs"] >= 3
    assert facts["correlations"].startswith("![correlations](data:image/png;base64,")
    assert factory.rows("SELECT count(*) FROM etf_correlations WHERE correlation > 0.2") != [0]
    told = factory.events("tickstock.etf.correlation_update")
    assert [event["session"] for event in told] == ["2026-11-20"] * 4
    assert {event["previous"] for event in told} == {None}

    again = materialise(factory, CORRELATIONS, THU, FRI)
    assert {metadata_of(again, "universes/correlations")[name] for name in ("values_written", "events")} == {0}
    keys = factory.instance.get_materialized_partitions(
        result.asset_materializations_for_node("universes__correlations")[0].asset_key
    )
    assert keys == {"2026-11-19", "2026-11-20"}


def test_a_run_without_a_value_says_why_and_warns(factory: Factory) -> None:
    empty = materialise(factory, CORRELATIONS, FRI)
    assert empty.success
    assert warned(empty)["has_values"].startswith("no ETF is known")
    assert metadata_of(empty, "universes/correlations")["no_value"].startswith("no ETF is known")

    factory.track("XLK", "VUG")
    assert factory.run("us_eod", MON, FRI).success
    alone = materialise(factory, CORRELATIONS, FRI)
    assert warned(alone)["has_values"].startswith("no bar of SPY and IWM, with which every ETF is compared")

    factory.track("XLK", "SPY", "IWM")
    assert factory.run("us_eod", MON, FRI).success
    short = materialise(factory, CORRELATIONS, FRI)
    assert "no window of 60 sessions is whole: the longest history of an ETF has 5" in warned(short)["has_values"]
    assert metadata_of(short, "universes/correlations")["no_value"] == warned(short)["has_values"]


def test_a_session_that_has_not_closed_and_an_inverted_range_fail_by_name(factory: Factory) -> None:
    assert failure_of(materialise(factory, CORRELATIONS, "2026-11-23")) == (
        "session 2026-11-23 has not closed yet: the latest closed one is 2026-11-20"
    )
    assert "is the range inverted?" in failure_of(materialise(factory, CORRELATIONS, FRI, THU))


def test_a_cancelled_session_has_none(factory: Factory) -> None:
    factory.override(FRI, "remove")
    result = materialise(factory, CORRELATIONS, FRI)
    assert metadata_of(result, "universes/correlations") == {"market_closed": "2026-11-20"}
