"""The synchronisation executed for real: tasks, application, guards, grids, and the same thing twice."""

import json
from datetime import date

import dagster as dg
import pytest

from tickstock_dagster_tests.adapters.store_helpers import query
from tickstock_dagster_tests.adapters.universes.sync_world import FRI, THU, delist, fill, members
from tickstock_dagster_tests.defs.factory import Factory, failure_of
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of

TASKS = [
    "universes/market_cap_recalculation",
    "universes/ipo_universe_assignment",
    "universes/delisted_cleanup",
    "universes/theme_rebalancing",
    "universes/etf_universe_maintenance",
]
ENTRIES = "universes/cache_entries"
EVERYTHING = [*TASKS, ENTRIES]


@pytest.fixture
def world(factory: Factory) -> Factory:
    """Forty stocks, 84 funds and a market fund; the bars of all tracked themes are stored."""
    fill(factory.database_url)
    return factory


def written(factory: Factory) -> dict[str, object]:
    """Everything that a synchronisation writes, but for when and by which run, and which events were sent."""
    tables = ("universe_memberships", "universe_determinations", "sync_changes_log", "cache_entries", "sync_proposals",
              "work_units")  # fmt: skip
    rows = {table: factory.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables}  # noqa: S608
    return {**rows, "outbox": factory.rows("SELECT position, event_id, event FROM outbox ORDER BY 1")}


def test_a_session_is_synchronised_and_told_once(world: Factory) -> None:
    result = materialise(world, EVERYTHING, FRI)
    assert result.success
    assert members(world.database_url, "top_10") == {f"S{n:05}" for n in range(1, 11)}
    assert members(world.database_url, "recent_ipos") == {"S00039", "S00040"}
    assert len(members(world.database_url, "etf_growth")) == 8
    facts = metadata_of(result, ENTRIES)
    assert facts["universes_changed"] == len(world.events("tickstock.universe.updated")), "none of seeds"
    assert facts["written"] is True
    assert metadata_of(result, TASKS[0])["market_caps"] == 40
    assert "no theme moved by more than 5%" in metadata_of(result, TASKS[3])["skipped"]
    assert [(one.check_name, one.passed) for one in result.get_asset_check_evaluations()] == [("compares_themes", True)]
    [told] = world.events("tickstock.cache.sync_complete")
    assert [task["task"] for task in told["tasks"]] == [key.rpartition("/")[2] for key in TASKS]
    assert told["changed"] == ["recent_ipos", "top_10", "top_100", "top_1000", "top_500"]
    assert told["added"] == 2 + 10 + 3 * 40
    classified = world.rows("SELECT ticker, after FROM sync_changes_log WHERE change = 'classified' ORDER BY ticker")
    assert [ticker for ticker, _ in classified] == ["S00039", "S00040"]
    assert classified[0][1]["size"] == "mega"
    assert world.rows("SELECT subject, status FROM work_units WHERE kind = 'sync'") == [("*", "done")]
    growth = world.rows("SELECT universe_metadata FROM cache_entries WHERE key = 'etf_growth'")[0]
    assert (growth["members"], growth["as_of"], growth["median_adv_usd"]) == (8, "2026-11-20", 50_000_000)

    before = written(world)
    again = materialise(world, EVERYTHING, FRI)
    assert again.success
    assert metadata_of(again, ENTRIES)["written"] is False
    assert written(world) == before


def test_a_rebalancing_that_can_compare_nothing_says_why_and_warns(world: Factory) -> None:
    world.execute("DELETE FROM ohlcv_daily WHERE ticker = 'SPY'")
    result = materialise(world, [TASKS[3]], FRI)
    assert result.success
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == ("compares_themes", False, dg.AssetCheckSeverity.WARN)
    why = "the return of SPY over 20 sessions is not known: its bars are missing"
    assert str(check.metadata["why"].value).startswith(why)
    [partition] = result.asset_materializations_for_node("universes__theme_rebalancing")
    assert str(partition.metadata["no_value"].value) == check.metadata["why"].value


def test_the_delisted_leave_every_universe_and_lists_and_nothing_is_deleted(world: Factory) -> None:
    assert materialise(world, EVERYTHING, THU).success
    world.track("S00003", "S00004", "UNKNOWN", universe="mine")
    delist(world.database_url, "S00003", "GRO2")
    result = materialise(world, EVERYTHING, FRI)
    assert result.success, failure_of(result)
    for universe, gone in (("top_10", "S00003"), ("etf_growth", "GRO2")):
        assert gone in members(world.database_url, universe, THU)
        assert gone not in members(world.database_url, universe, FRI)
    assert world.rows("SELECT value FROM cache_entries WHERE key = 'mine'") == [["S00004", "UNKNOWN"]]
    left = world.rows(
        "SELECT universe, ticker, task, reason FROM sync_changes_log WHERE change = 'removed' AND universe <> 'top_10' "
        "ORDER BY universe"
    )
    assert ("mine", "S00003", "delisted_cleanup", "delisted on 2026-11-20") in left
    assert ("etf_growth", "GRO2", "delisted_cleanup", "delisted on 2026-11-20") in left
    closed = query(world.database_url, "SELECT count(*) FROM universe_memberships WHERE valid_to = %s", (FRI,))
    assert closed[0][0] >= 5
    before = written(world)
    assert materialise(world, EVERYTHING, FRI).success
    # What is staged speaks of the list as it is, which does not name the delisted any more.
    assert {**written(world), "sync_proposals": 0} == {**before, "sync_proposals": 0}


def test_a_range_is_one_run_in_which_each_session_follows_from_the_one_before(world: Factory) -> None:
    delist(world.database_url, "GRO1", on=THU)
    result = materialise(world, EVERYTHING, date(2026, 11, 18), FRI)
    assert result.success
    assert world.rows("SELECT first_session FROM work_units WHERE kind = 'sync' ORDER BY 1") == [
        date(2026, 11, 18), THU, FRI,
    ]  # fmt: skip
    gone = world.rows("SELECT session FROM sync_changes_log WHERE ticker = 'GRO1' AND change = 'removed'")
    assert gone == [THU], "told once: on the next session it was no member any more"
    assert world.instance.get_materialized_partitions(dg.AssetKey(["universes", "cache_entries"])) == {
        "2026-11-18", "2026-11-19", "2026-11-20",
    }  # fmt: skip


def test_nothing_is_applied_below_the_objective_unless_that_is_accepted(world: Factory) -> None:
    world.execute("DELETE FROM ohlcv_daily WHERE session = %s AND ticker LIKE 'GRO%%'", FRI)
    before = written(world)
    words = failure_of(materialise(world, EVERYTHING, FRI))
    assert words.startswith("nothing is applied for 2026-11-20: 49 of 57 bars are stored (accepted: at least 95%)")
    after = written(world)
    assert {table: rows for table, rows in after.items() if table != "sync_proposals"} == {
        table: rows for table, rows in before.items() if table != "sync_proposals"
    }
    config = {"universes__cache_entries": {"accept_incomplete": True}}
    assert materialise(world, EVERYTHING, FRI, config=config).success
    assert len(members(world.database_url, "top_10")) == 10


def test_an_answer_that_would_empty_a_tenth_of_a_universe_stops_it_by_name(world: Factory) -> None:
    assert materialise(world, EVERYTHING, THU).success
    world.execute("UPDATE securities SET aum_usd = 1000000 WHERE 'growth' = ANY (themes)")
    words = failure_of(materialise(world, EVERYTHING, FRI))
    assert "8 of 8 would leave etf_growth: GRO1 (" in words
    assert "accept_drops: [etf_growth]" in words
    assert len(members(world.database_url, "etf_growth")) == 8
    assert world.rows("SELECT count(*) FROM work_units WHERE kind = 'sync'") == [1]

    world.execute("UPDATE securities SET aum_usd = 2e9 WHERE 'growth' = ANY (themes) AND mod(security_id, 2) = 0")
    assert "would leave etf_growth" in failure_of(materialise(world, EVERYTHING, FRI))
    config = {"universes__cache_entries": {"accept_drops": ["etf_growth"]}}
    assert materialise(world, EVERYTHING, FRI, config=config).success
    assert 0 < len(members(world.database_url, "etf_growth")) < 8


def test_a_task_without_proposals_is_named(world: Factory) -> None:
    assert materialise(world, TASKS[:3], FRI).success
    assert "theme_rebalancing, etf_universe_maintenance left no proposals" in failure_of(
        materialise(world, [ENTRIES], FRI)
    )


def test_a_session_of_which_nothing_is_known_fails_in_words(factory: Factory) -> None:
    assert failure_of(materialise(factory, TASKS[:1], FRI)) == (
        "no security is known to be listed on 2026-11-20: materialise reference/symbols for it first"
    )


def test_a_theme_that_left_the_market_behind_is_chosen_anew(world: Factory) -> None:
    world.execute("UPDATE ohlcv_daily SET high = 60, close = 60 WHERE session = %s AND ticker LIKE 'GRO%%'", FRI)
    result = materialise(world, EVERYTHING, FRI)
    assert result.success
    assert metadata_of(result, TASKS[3])["triggered"] == "etf_growth"
    assert metadata_of(result, TASKS[3])["etf_growth_relative_return"] == pytest.approx(0.2)
    assert members(world.database_url, "etf_growth") == {f"GRO{n}" for n in range(1, 13)}
    [task] = world.rows("SELECT task FROM universe_determinations WHERE universe = 'etf_growth' AND session = %s", FRI)
    assert task == "theme_rebalancing"


def cell_metadata(factory: Factory, asset: str, partition: str) -> dict[str, object]:
    """The metadata of one partition of an asset."""
    records = factory.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["universes", asset]), asset_partitions=[partition]), limit=1
    ).records
    assert records[0].asset_materialization is not None
    return {name: value.value for name, value in records[0].asset_materialization.metadata.items()}


def test_the_grids_report_what_the_synchronisation_determined(world: Factory) -> None:
    assert materialise(world, EVERYTHING, FRI).success
    world.execute("DELETE FROM ohlcv_daily WHERE session = %s AND ticker IN ('GRO1', 'GRO2')", FRI)
    before = written(world)
    assert materialise(world, ["universes/etf_universe"], f"{FRI}|sectors", f"{FRI}|bonds").success
    growth = cell_metadata(world, "etf_universe", f"{FRI}|growth")
    assert (growth["members"], growth["bars_stored"], growth["bars_due"]) == (8, 6, 8)
    assert growth["loading_progress"] == 0.75
    assert growth["mean_expense_ratio"] == pytest.approx(0.001)
    assert growth["determined_by"] == "seed"
    world.instance.add_dynamic_partitions("universes", ["top_10", "dev_top_10"])
    assert materialise(world, ["universes/membership"], f"{FRI}|top_10", f"{FRI}|dev_top_10").success
    top = cell_metadata(world, "membership", f"{FRI}|top_10")
    assert (top["members"], top["determined_for"], top["rule_version"]) == (10, "2026-11-20", 1)
    assert top["determined_by"] == "market_cap_recalculation"
    assert written(world) == before, "they only report"


def test_a_session_that_was_never_synchronised_is_determined_by_the_rule(world: Factory) -> None:
    world.instance.add_dynamic_partitions("universes", ["etf_growth", "top_10"])
    assert materialise(world, ["universes/membership"], f"{THU}|etf_growth", f"{FRI}|top_10").success
    assert members(world.database_url, "top_10", THU) == {f"S{n:05}" for n in range(1, 11)}
    assert len(members(world.database_url, "etf_growth", THU)) == 12
    determined = json.loads(
        world.rows(
            "SELECT json_agg(session ORDER BY session)::text FROM universe_determinations WHERE universe = 'top_10'"
        )[0]
    )
    assert determined == ["2026-11-19", "2026-11-20"]
    before = written(world)
    assert materialise(world, ["universes/membership"], f"{THU}|etf_growth", f"{FRI}|top_10").success
    assert written(world) == before


def test_a_key_without_a_universe_is_named(world: Factory) -> None:
    world.instance.add_dynamic_partitions("universes", ["nobody"])
    assert "no universe is named nobody" in failure_of(materialise(world, ["universes/membership"], f"{FRI}|nobody"))


def test_the_job_makes_the_universes_of_a_session_from_an_empty_store(factory: Factory) -> None:
    factory.track("SPY", "AAPL", "MSFT")
    assert factory.run("us_eod", FRI).success
    result = factory.run("universe_sync", FRI)
    assert result.success, failure_of(result)
    assert len(members(factory.database_url, "top_10")) == 10
    assert {"AAPL", "MSFT"} < members(factory.database_url, "top_10")
    seeded = factory.rows("SELECT universe, members FROM universe_determinations WHERE task = 'seed' ORDER BY 1")
    assert [count for _, count in seeded] == [8, 8, 8, 8, 10, 8, 8]
    assert metadata_of(result, "universes/cache_entries")["written"] is True
    [told] = factory.events("tickstock.cache.sync_complete")
    assert told["session"] == "2026-11-20"
    assert all(task["seconds"] > 0 for task in told["tasks"])
    assert {key.to_user_string() for key in result.job_def.asset_layer.selected_asset_keys} >= {
        "reference/symbols", "reference/etf_profiles", "universes/correlations", *EVERYTHING
    }  # fmt: skip
