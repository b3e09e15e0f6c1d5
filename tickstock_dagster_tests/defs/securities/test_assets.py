"""`reference/symbols` and `reference/etf_profiles` executed for real."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster_tests.defs.factory import FRI, MON, SUNDAY, Factory, all_definitions, failure_of


def run(
    factory: Factory, asset: str, first: date, last: date | None = None, limit: int = 0, source: str = ""
) -> dg.ExecuteInProcessResult:
    factory.vendor.set_now(SUNDAY)
    key = dg.AssetKey(["reference", asset])
    job = dg.Definitions(
        assets=[all_definitions().resolve_assets_def(key)],
        jobs=[dg.define_asset_job("job", selection=dg.AssetSelection.assets(key))],
        executor=dg.in_process_executor,
    ).resolve_job_def("job")
    config = {"ops": {"reference__symbols": {"config": {"details_limit": limit}}}} if asset == "symbols" else {}
    chosen = {"source": source, "database_url": factory.database_url}
    vendor = {"vendor": {"config": chosen}} if source else {}
    return job.execute_in_process(
        instance=factory.instance,
        raise_on_error=False,
        tags={RANGE_START: str(first), RANGE_END: str(last or first)},
        run_config={
            **config,
            "resources": {"clock": {"config": {"fixed": SUNDAY.isoformat()}}, **vendor},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def facts(factory: Factory, asset: str) -> dict[str, Any]:
    event = factory.instance.get_latest_materialization_event(dg.AssetKey(["reference", asset]))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def done(factory: Factory, asset: str) -> set[str]:
    return {str(key) for key in factory.instance.get_materialized_partitions(dg.AssetKey(["reference", asset]))}


def test_both_are_in_the_code_location_with_group_kinds_owners_pool_and_one_run_for_a_range() -> None:
    for name in ("symbols", "etf_profiles"):
        asset = all_definitions().resolve_assets_def(["reference", name])
        [spec] = asset.specs
        assert (spec.group_name, spec.kinds, list(spec.owners)) == (
            "reference", {"python", "postgres"}, ["team:market-data"]
        )  # fmt: skip
        assert asset.backfill_policy == dg.BackfillPolicy.single_run()
        assert asset.op.pool == "vendor"
        assert asset.op.retry_policy is not None


def test_a_session_is_its_list_its_details_within_the_limit_and_its_counts_by_class(factory: Factory) -> None:
    assert run(factory, "symbols", FRI, limit=7).success
    told = facts(factory, "symbols")
    assert told["symbols"] == sum(count for name, count in told.items() if name.startswith("class_")) > 100
    assert told["details_stored"] + told["details_unknown"] == 7
    assert told["details_left"] > 100
    assert told["vendor_calls"] >= 8
    assert told["preview"].count("\n") <= 11
    assert factory.rows("SELECT count(*) FROM symbols_on(%s)", FRI) == [told["symbols"]]


def test_twice_equals_once(factory: Factory) -> None:
    assert run(factory, "symbols", FRI, limit=3).success
    assert run(factory, "etf_profiles", FRI).success
    rows = "SELECT xmin::text FROM symbol_versions UNION ALL SELECT xmin::text FROM etf_profiles ORDER BY 1"
    before = factory.rows(rows)
    factory.vendor.reset_stats()
    assert run(factory, "symbols", FRI).success
    assert factory.vendor.stats()["total"] == 0
    assert run(factory, "etf_profiles", FRI).success
    assert factory.rows(rows) == before


def test_a_range_is_one_run_and_its_limit_is_the_runs(factory: Factory) -> None:
    assert run(factory, "symbols", MON, FRI, limit=5).success
    assert len(done(factory, "symbols")) == 5
    assert facts(factory, "symbols")["session"] == str(FRI), "the newest session's details come first"
    assert factory.rows("SELECT count(*) FROM work_units WHERE kind = 'details'") == [5]
    assert factory.rows("SELECT count(*) FROM work_units WHERE kind = 'listings'") == [5]


def test_etfs_are_shown_on_their_own(factory: Factory) -> None:
    assert run(factory, "symbols", FRI).success
    assert run(factory, "etf_profiles", FRI).success
    told = facts(factory, "etf_profiles")
    assert told["profiles_of_seed"] >= 220
    assert told["validations_changed"] == factory.rows("SELECT count(*) FROM symbol_validations")[0] > 0
    assert told["etfs"] == sum(count for name, count in told.items() if name.startswith("etfs_"))
    assert told["etfs_sectors"] >= 10
    assert "403" in told["no_vendor"]
    assert "| sectors |" in told["preview"]


def test_a_session_that_has_not_closed_stays_missing(factory: Factory) -> None:
    assert run(factory, "symbols", FRI, date(2026, 11, 23)).success
    assert done(factory, "symbols") == {str(FRI)}


@pytest.mark.parametrize("asset", ["symbols"])
def test_a_key_that_may_not_ask_fails_in_the_vendors_words(factory: Factory, asset: str) -> None:
    factory.vendor.install("not_entitled", path="/v3/reference/tickers")
    words = failure_of(run(factory, asset, FRI))
    assert "403" in words
    assert done(factory, asset) == set()


def test_a_source_without_lists_leaves_the_sessions_missing(factory: Factory, tmp_path: Any) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("ticker,session,open,high,low,close,volume\nAAPL,2026-11-20,1,1,1,1,1\n", encoding="utf-8")
    assert run(factory, "etf_profiles", FRI, source=f"files:{bars}").success
    assert "no ETF profiles" in facts(factory, "etf_profiles")["no_vendor"]
