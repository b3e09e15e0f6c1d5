"""`us/fair_values` executed for real: thin trusts of the simulator, a range as one transaction, twice as once."""

from datetime import date

from tickstock_dagster_tests.defs.factory import FRI, MON, THU, Factory, failure_of
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of

FAIR_VALUES = ["us/fair_values"]
AUGUST = date(2026, 8, 24)


def test_sessions_without_a_trade_are_valued_and_the_metadata_says_how(factory: Factory) -> None:
    factory.track("SPY", "THIN", "THNR")
    assert factory.run("us_eod", AUGUST, FRI).success
    factory.vendor.reset_stats()
    gaps = factory.rows("SELECT session, ticker FROM bar_gaps WHERE is_final AND session >= '2026-11-02' ORDER BY 1, 2")
    assert len(gaps) > 5
    result = factory.run("us_fair_values", "2026-11-02", FRI)
    assert result.success
    assert factory.vendor.stats()["total"] == 0
    facts = metadata_of(result, "us/fair_values")
    assert {facts[name] for name in ("sessions_without_print", "dagster/partition_row_count", "values_written")} == {
        len(gaps)
    }
    assert facts["without_value"] == 0
    assert facts["vendor_values"] == "the plan includes no fair market values"
    assert facts["method_last_close"] + facts.get("method_reference", 0) == len(gaps)
    assert facts["oldest_print_sessions"] >= 2
    assert facts["preview"].startswith("| session | ticker | fmv | method |")
    assert factory.rows("SELECT session, ticker FROM ohlcv_daily WHERE is_fmv ORDER BY 1, 2") == gaps
    assert factory.rows("SELECT count(*) FROM ohlcv_daily WHERE is_fmv AND close IS NOT NULL") == [0]
    off = "SELECT max(abs(f.fmv / f.last_close - 1))::float8 FROM fair_values AS f"
    assert factory.rows(off)[0] < 0.2

    again = materialise(factory, FAIR_VALUES, "2026-11-02", FRI)
    assert metadata_of(again, "us/fair_values")["values_written"] == 0
    keys = factory.instance.get_materialized_partitions(
        result.asset_materializations_for_node("us__fair_values")[0].asset_key
    )
    assert {"2026-11-02", "2026-11-20"} <= keys


def test_loading_again_leaves_values_alone_and_asks_for_nothing(factory: Factory) -> None:
    factory.track("SPY", "THIN", "THNR")
    assert factory.run("us_eod", MON, FRI).success
    assert materialise(factory, FAIR_VALUES, MON, FRI).success
    values = "SELECT session, ticker, fmv, loaded_at FROM ohlcv_daily WHERE is_fmv ORDER BY 1, 2"
    before = factory.rows(values)
    assert before
    assert factory.run("us_eod", MON, FRI).success
    assert factory.rows(values) == before
    assert factory.rows("SELECT count(*) FROM bar_restatements") == [0]


def test_a_session_that_has_not_closed_and_an_inverted_range_fail_by_name(factory: Factory) -> None:
    assert failure_of(materialise(factory, FAIR_VALUES, "2026-11-23")) == (
        "session 2026-11-23 has not closed yet: the latest closed one is 2026-11-20"
    )
    assert "is the range inverted?" in failure_of(materialise(factory, FAIR_VALUES, FRI, THU))


def test_a_cancelled_session_has_none(factory: Factory) -> None:
    factory.override(FRI, "remove")
    assert metadata_of(materialise(factory, FAIR_VALUES, FRI), "us/fair_values") == {"market_closed": "2026-11-20"}


def test_a_session_on_which_everything_traded_has_none(factory: Factory) -> None:
    factory.track("SPY")
    assert factory.run("us_eod", FRI).success
    facts = metadata_of(materialise(factory, FAIR_VALUES, FRI), "us/fair_values")
    assert facts["vendor_values"] == "the plan includes no fair market values"
    assert (facts["sessions_without_print"], facts["dagster/partition_row_count"]) == (0, 0)
