"""`us/session_bars` executed for real: ranges, guards, the completeness objective, chosen tickers, closed days."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest

from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster_tests.defs.factory import (
    FEW,
    FORTY,
    FRI,
    MON,
    SUNDAY,
    THU,
    TUE,
    WED,
    Factory,
    all_definitions,
    checks_of,
    facts_of,
    failure_of,
    red_checks,
)

pytestmark = pytest.mark.usefixtures("few_listed")

SESSION_BARS = dg.AssetKey(["us", "session_bars"])
BEFORE_THURSDAYS_CLOSE = datetime(2026, 11, 19, 20, 59, tzinfo=UTC)


def stored(factory: Factory, tickers: tuple[str, ...] = FEW) -> list[tuple[date, int]]:
    """Bars a session. (A grouped call also stores those that nobody asked for.)"""
    query = "SELECT session, count(*) FROM ohlcv_daily WHERE ticker = ANY (%s) GROUP BY 1 ORDER BY 1"
    return factory.rows(query, list(tickers))


def statuses(factory: Factory, *days: date) -> list[str | None]:
    """How Dagster shows the partitions of some sessions."""
    keys = [str(day) for day in days]
    found = factory.instance.get_status_by_partition(SESSION_BARS, keys, sessions) or {}
    return [status.value if (status := found.get(key)) else None for key in keys]


def numbers(factory: Factory, day: date) -> dict[str, Any]:
    """The metadata of the newest observation of a session's partition."""
    newest = dg.AssetRecordsFilter(SESSION_BARS, asset_partitions=[str(day)])
    data = factory.instance.fetch_observations(newest, limit=1).records[0].event_log_entry.asset_observation
    return {name: value.value for name, value in data.metadata.items()}


@pytest.mark.whole_market
def test_one_session_is_loaded_checked_and_told_about(factory: Factory) -> None:
    factory.track()
    result = factory.run("us_eod", FRI)
    assert result.success
    assert stored(factory) == [(FRI, 3)]
    assert factory.materialised("session_bars") == {"2026-11-20"}
    assert factory.materialised("corporate_actions") == {"2026-11-20"}
    assert red_checks(result) == {}
    facts = facts_of(result)
    names = ("bars_expected", "bars_stored", "bars_missing", "vendor_calls", "completeness")
    assert [facts[name] for name in names] == [3, 3, 0, 1, 1.0], "one grouped call; the actions brought the list"
    assert facts["rows_inserted"] > 100, "the answer's other rows are stored as well"
    assert facts["dagster/partition_row_count"] == 3
    assert facts["source"] == "simulator"
    assert facts["coverage"].startswith("![coverage](data:image/png;base64,iVBOR")

    factory.vendor.reset_stats()
    again = factory.run("us_eod", FRI)
    assert again.success
    assert factory.vendor.stats()["total"] == 0
    assert facts_of(again)["vendor_calls"] == facts_of(again)["rows_inserted"] == 0


def test_a_range_of_sessions_is_one_run_with_one_planned_event(factory: Factory) -> None:
    factory.track()
    result = factory.run("us_eod", MON, FRI)
    assert result.success
    assert stored(factory) == [(day, 3) for day in (MON, TUE, WED, THU, FRI)]
    assert factory.materialised("session_bars") == {str(day) for day in (MON, TUE, WED, THU, FRI)}
    records = factory.instance.get_records_for_run(
        result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ).records
    planned = {record.event_log_entry.dagster_event.asset_key.path[-1] for record in records}
    assert (len(records), planned) == (2, {"session_bars", "corporate_actions"})
    grouped = [path for path in factory.rows("SELECT endpoint FROM vendor_calls") if "/aggs/" in path]
    assert len(grouped) == 3, "three tickers by range are fewer calls than five sessions"
    # Metadata of a range has no row count of its own: it would stand at every partition.
    assert "dagster/partition_row_count" not in facts_of(result)
    assert facts_of(result)["tracking"] == "tests from 2026-11-16 on", "the range reaches back without a hole"
    assert facts_of(result)["rows_besides"] == 0


def test_an_inverted_range_fails_and_loads_nothing(factory: Factory) -> None:
    factory.track()
    result = factory.run("us_eod", FRI, MON)
    assert failure_of(result) == "no partition is selected: is the range inverted?"
    assert checks_of(result) == {}, "what comes after is not run"
    assert factory.materialised("corporate_actions") == set()
    assert factory.vendor.stats()["total"] == 0


def test_a_session_that_has_not_closed_fails_alone_and_waits_in_a_range(factory: Factory) -> None:
    factory.track()
    alone = factory.run("us_eod", THU, now=BEFORE_THURSDAYS_CLOSE)
    assert failure_of(alone) == "session 2026-11-19 closes at 2026-11-19 16:00 EST: the latest closed one is 2026-11-18"
    assert factory.vendor.stats()["total"] == 0

    ranged = factory.run("us_eod", WED, THU, now=BEFORE_THURSDAYS_CLOSE)
    assert ranged.success
    assert stored(factory) == [(WED, 3)]
    assert factory.materialised("session_bars") == {"2026-11-18"}
    assert facts_of(ranged)["not_materialised"] == "2026-11-19: closes at 2026-11-19 16:00 EST"


def test_nothing_tracked_is_a_failure_with_the_way_out(factory: Factory) -> None:
    result = factory.run("us_eod", FRI)
    assert failure_of(result) == (
        "nothing is tracked: track a universe or a profile first (`tickstock load --profile dev`)"
    )


def test_a_session_below_the_objective_stays_missing_while_others_of_the_range_are_materialised(
    factory: Factory,
) -> None:
    factory.track(*FORTY)
    assert factory.run("us_eod", MON).success
    factory.vendor.install("missing_symbols", day=TUE, tickers=FORTY[:3])
    factory.vendor.install("missing_symbols", day=WED, tickers=FORTY[3:5])
    result = factory.run("us_eod", TUE, THU)
    words = "1 of 3 sessions stay incomplete; worst 2026-11-17: 37 of 40 bars. Gaps: 5 vendor_missing."
    assert failure_of(result).startswith(words)
    assert factory.materialised("session_bars") == {"2026-11-16", "2026-11-18", "2026-11-19"}
    facts = facts_of(result)
    assert (facts["bars_stored"], facts["bars_missing"]) == (115, 5)
    assert facts["gaps_by_reason"] == "| reason | bars |\n|---|---|\n| vendor_missing | 5 |"
    assert facts["not_materialised"] == "2026-11-17: 37 of 40 tracked bars are stored"
    assert stored(factory, FORTY) == [(MON, 40), (TUE, 37), (WED, 38), (THU, 40)]
    worst = factory.instance.get_latest_materialization_event(dg.AssetKey(["us", "session_bars"]))
    assert worst is not None
    assert worst.asset_materialization.metadata["dagster/partition_row_count"].value in (38, 40)

    factory.vendor.clear_faults()
    factory.vendor.reset_stats()
    assert not factory.run("us_eod", TUE, THU).success, "the gaps are not due yet"
    assert factory.vendor.stats()["total"] == 0
    assert factory.run("us_eod", TUE, THU, config={"ask_again": True}).success
    assert stored(factory, FORTY) == [(day, 40) for day in (MON, TUE, WED, THU)]
    assert factory.rows("SELECT count(*) FROM bar_gaps") == [0]


def test_a_session_between_the_objective_and_all_is_materialised_with_a_warning(factory: Factory) -> None:
    factory.track(*FORTY)
    assert factory.run("us_eod", THU).success
    factory.vendor.install("missing_symbols", day=FRI, tickers=FORTY[:2])
    result = factory.run("us_eod", FRI)
    assert result.success
    assert factory.materialised("session_bars") == {"2026-11-19", "2026-11-20"}
    assert red_checks(result) == {"session_complete": "WARN"}
    check = checks_of(result)["session_complete"]
    assert (check.metadata["value"].value, check.metadata["threshold"].value) == (2, 0)
    assert "| 2026-11-20 | AAPL | vendor_missing |" in check.metadata["newest"].value
    assert factory.events("tickstock.eod.complete")[-1]["gaps_by_reason"] == {"vendor_missing": 2}


def test_chosen_tickers_are_loaded_without_calling_the_session_complete(factory: Factory) -> None:
    factory.track(since=MON)
    result = factory.run("us_eod", MON, TUE, config={"tickers": ["AAPL"]})
    assert result.success
    assert stored(factory) == [(MON, 1), (TUE, 1)]
    assert factory.materialised("session_bars") == set()
    assert facts_of(result)["not_materialised"] == (
        "2026-11-16: 1 of 3 tracked bars are stored; 2026-11-17: 1 of 3 tracked bars are stored"
    )
    assert factory.run("us_eod", MON, config={"tickers": ["MSFT", "SPY"]}).success
    assert factory.materialised("session_bars") == {"2026-11-16"}, "the last ones complete the session"


def test_an_unknown_chosen_ticker_is_refused_with_the_nearest_name(factory: Factory) -> None:
    factory.track()
    words = failure_of(factory.run("us_eod", FRI, config={"tickers": ["APPL"]}))
    assert words.startswith("symbol 'APPL' is not accepted: did you mean AAPL? accepted: ")
    assert stored(factory) == []


def test_a_tracked_ticker_that_nobody_lists_is_named_and_warned_about(factory: Factory) -> None:
    factory.track("AAPL", "NOSUCH")
    result = factory.run("us_eod", FRI)
    assert result.success
    assert facts_of(result)["unknown_tickers"] == "NOSUCH"
    assert red_checks(result) == {"session_complete": "WARN"}
    assert checks_of(result)["session_complete"].metadata["unknown_tickers"].value == "NOSUCH"


def test_a_session_on_which_nothing_tracked_was_listed_is_not_called_complete(factory: Factory) -> None:
    factory.track("IPOX")  # listed on 2026-10-15
    result = factory.run("us_eod", date(2026, 10, 14), date(2026, 10, 15))
    assert result.success
    assert factory.materialised("session_bars") == {"2026-10-15"}
    assert facts_of(result)["not_materialised"] == "2026-10-14: no ticker of this load was listed"


@pytest.mark.parametrize(("first", "last"), [(TUE, TUE), (MON, WED)], ids=["alone", "within a range"])
def test_a_cancelled_session_ends_as_market_closed_without_rows(factory: Factory, first: date, last: date) -> None:
    factory.track()
    factory.override(TUE, "remove")
    result = factory.run("us_eod", first, last)
    assert result.success
    assert facts_of(result)["market_closed"] == "2026-11-17"
    assert "2026-11-17" in factory.materialised("session_bars")
    assert TUE not in dict(stored(factory))
    assert factory.rows("SELECT count(*) FROM bar_gaps") == [0]
    assert factory.events("tickstock.eod.complete") == []


def test_a_cancelled_session_in_a_range_that_fails_is_still_materialised_with_no_row(factory: Factory) -> None:
    factory.track()
    factory.override(TUE, "remove")
    factory.vendor.install("missing_symbols", day=WED, tickers=FEW)
    factory.vendor.install("server_error", path="*/aggs/ticker/*")
    assert not factory.run("us_eod", TUE, WED).success
    assert factory.materialised("session_bars") == {"2026-11-17"}
    event = factory.instance.get_latest_materialization_event(dg.AssetKey(["us", "session_bars"]))
    assert event is not None
    assert event.asset_materialization.metadata["dagster/partition_row_count"].value == 0


def test_a_thin_symbol_without_a_trade_is_explained_for_good_and_the_session_is_complete(factory: Factory) -> None:
    factory.track("THNR", "AAPL")
    result = factory.run("us_eod", date(2026, 9, 1), FRI)
    assert result.success
    assert set(factory.rows("SELECT reason FROM bar_gaps")) == {"no_trade"}
    assert red_checks(result) == {}
    facts = facts_of(result)
    assert facts["bars_explained"] > 20
    assert facts["completeness"] == 1.0


def test_a_refused_key_fails_the_run_in_one_line_and_what_was_stored_stays(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", THU).success
    factory.configure(MASSIVE_API_KEY="wrong-key-0123456789")
    words = failure_of(factory.run("us_eod", FRI))
    assert words.startswith("massive: ")
    assert words.endswith("check MASSIVE_API_KEY")
    assert "wrong-key" not in words
    assert stored(factory) == [(THU, 3)]


def test_a_store_without_a_schema_or_a_clock_without_an_offset_fails_in_words(
    factory: Factory, database_url: str
) -> None:
    factory.configure(TICKSTOCK_DATABASE_URL=database_url)
    assert failure_of(factory.run("us_eod", FRI)) == "the database has no schema yet: run `tickstock migrate`"
    factory.configure(TICKSTOCK_DATABASE_URL=factory.database_url)
    clock = {"clock": {"config": {"fixed": "2026-11-20T22:00:00"}}}
    words = failure_of(factory.run("us_eod", FRI, now=SUNDAY, resources=clock))
    assert words.startswith("clock.fixed '2026-11-20T22:00:00' is not accepted: a moment with its offset")


def test_a_file_of_bars_loads_sessions_and_leaves_corporate_actions_missing(factory: Factory, tmp_path) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"{ticker},{day},10,11,9,10.5,1000000" for ticker in FEW for day in (THU, FRI)]
    path.write_text("\n".join(["ticker,date,open,high,low,close,volume", *rows]) + "\n")
    factory.track()
    vendor = {"vendor": {"config": {"source": f"files:{path}", "database_url": {"env": "TICKSTOCK_DATABASE_URL"}}}}
    result = factory.run("us_eod", THU, FRI, resources=vendor)
    assert result.success
    assert stored(factory) == [(THU, 3), (FRI, 3)]
    assert factory.rows("SELECT DISTINCT source ~ '^files:[0-9a-f]{12}$' FROM ohlcv_daily") == [True]
    assert factory.materialised("session_bars") == {"2026-11-19", "2026-11-20"}
    assert factory.materialised("corporate_actions") == set()


def test_a_session_that_failed_is_shown_as_failed_with_its_numbers_and_its_run(factory: Factory) -> None:
    factory.track(*FORTY)
    factory.vendor.install("missing_symbols", day=TUE, tickers=FORTY[:3])
    failed = factory.run("us_eod", MON, WED)
    assert not failed.success
    assert statuses(factory, MON, TUE, WED) == ["MATERIALIZED", "FAILED", "MATERIALIZED"]
    assert numbers(factory, TUE)["bars"] == "37/40"
    planned = factory.instance.get_latest_planned_materialization_info(SESSION_BARS, str(TUE))
    assert planned is not None
    assert planned.run_id == failed.run_id

    factory.vendor.clear_faults()
    assert factory.run("us_eod", MON, WED, config={"ask_again": True}).success
    assert statuses(factory, MON, TUE, WED) == ["MATERIALIZED"] * 3


def test_every_session_of_a_range_has_its_own_numbers(factory: Factory) -> None:
    factory.track(*FORTY)
    factory.vendor.install("missing_symbols", day=TUE, tickers=FORTY[:2])
    assert factory.run("us_eod", MON, WED).success
    records = factory.instance.fetch_materializations(SESSION_BARS, limit=9).records
    found = {record.partition_key: record.asset_materialization.metadata for record in records}
    stored = {key: (data["bars_stored"].value, data["bars_missing"].value) for key, data in found.items()}
    assert stored == {str(MON): (40, 0), str(TUE): (38, 2), str(WED): (40, 0)}
    assert {key: data["completeness"].value for key, data in found.items()}[str(TUE)] == 0.95


def test_a_range_that_is_stored_materialises_nothing_again_and_its_checks_speak(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", MON, FRI).success
    again = factory.run("us_eod", MON, FRI)
    assert again.success
    assert [event for event in again.all_events if event.is_step_materialization] == []
    assert set(checks_of(again)) == set(checks_of(factory.run("us_eod", FRI)))
    assert facts_of(again)["bars_stored"] == 15

    factory.instance.wipe_assets([SESSION_BARS])
    assert factory.run("us_eod", MON, FRI).success
    assert len(factory.materialised("session_bars")) == 5, "Dagster's own books had lost them"


def test_a_range_plans_each_check_once_and_meets_the_row(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track()
    assert factory.run("us_eod", MON, FRI).success
    checks = all_definitions().resolve_asset_graph().get_check_keys_for_assets({SESSION_BARS})
    log = factory.instance.event_log_storage
    rows = {key.name: log.get_asset_check_execution_history(key, limit=9) for key in checks}
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(rows, 1)
    assert {found[0].status.value for found in rows.values()} == {"SUCCEEDED"}
