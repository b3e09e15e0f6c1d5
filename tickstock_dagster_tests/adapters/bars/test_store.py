"""Writing a batch: what is new, changed, unchanged, quarantined and explained; all of it or nothing."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.bars.store import NOTHING_STORED, ListingStart, StoreBatch, StoreResult, store_batch
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.sources.protocol import VendorCall
from tickstock_dagster.core.events.envelope import Event, JobProgress
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.store_helpers import (
    FRI,
    MON,
    NOW,
    THU,
    TUE,
    WED,
    add_security,
    bar,
    batch,
    counts,
    query,
)

LATER = NOW + timedelta(days=1)
UNIT = WorkUnit(UnitKind.RANGE, "XNYS", "simulator", "AAA", MON, FRI, 5)
CALL = VendorCall(NOW.timestamp(), "/v2/aggs/ticker/AAA", 200, 5, 12.5, 1, "ok")


def store(database_url: str, given: StoreBatch) -> StoreResult:
    return store_batch(open_engine(database_url), given)


def gap(security_id: int, session: date = FRI, **values: Any) -> dict[str, Any]:
    return {
        "security_id": security_id, "session": session, "ticker": "AAA", "reason": "vendor_missing",
        "evidence": "simulator's answer has no bar", "retry_at": LATER, **values,
    }  # fmt: skip


def rejected(security_id: int | None, session: date | None = FRI, **values: Any) -> dict[str, Any]:
    return {
        "ticker": "AAA", "session": session, "security_id": security_id, "reason": "high is below low",
        "row": '{"ticker":"AAA","high":1.0,"low":2.0}', "unit_id": "u1", **values,
    }  # fmt: skip


def progress(done: int = 1) -> Event:
    data = JobProgress(job_id="load", run_id="run-1", done=done, total=9, unit="symbols", symbol=None)
    return Event.of(data, time=NOW, dedupe_key=str(done))


def versions(database_url: str) -> list[tuple[Any, ...]]:
    """Each stored bar's physical version: it changes when the row is written, whatever is written."""
    return query(database_url, "SELECT security_id, session, xmin::text, ctid::text FROM ohlcv_daily ORDER BY 1, 2")


# -- new, unchanged, changed ------------------------------------------------------------------------------------------


def test_new_bars_are_stored_exactly_as_given(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    row = bar(security_id, open=0.0001, high=812000.123456, low=0.0001, close=130.23, volume=2**40, vwap=None)
    assert store(migrated_database_url, batch(row)) == StoreResult(1, 0, 0, 0, 0)
    stored = query(
        migrated_database_url,
        "SELECT ticker, closes_at, open, high, low, close, volume, vwap, transactions, fmv, is_fmv, source, status, "
        "loaded_at FROM ohlcv_daily",
    )
    assert stored == [
        (
            "AAA", datetime(2026, 11, 20, 21, tzinfo=UTC), Decimal("0.000100"), Decimal("812000.123456"),
            Decimal("0.000100"), Decimal("130.230000"), 2**40, None, 40, None, False, "simulator", "final", NOW,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("ticker", ["TRUE", "NA", "NAN", "NULL", "BRK.B", "ABCpA", '"', "A,B", "\\."])
def test_awkward_tickers_survive_the_way_into_the_store(migrated_database_url: str, ticker: str) -> None:
    security_id = add_security(migrated_database_url, ticker)
    store(
        migrated_database_url,
        batch(
            bar(security_id, THU, ticker),
            gaps=[gap(security_id, ticker=ticker)],
            rejected=[rejected(security_id, WED, ticker=ticker, reason='a "quoted", reason')],
        ),
    )
    for table in ("ohlcv_daily", "bar_gaps", "quarantined_bars"):
        assert query(migrated_database_url, f"SELECT ticker FROM {table}") == [(ticker,)]


def test_the_same_batch_again_writes_no_bar(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    given = batch(*(bar(security_id, day) for day in (MON, TUE, WED)))
    store(migrated_database_url, given)
    before = versions(migrated_database_url)
    assert store(migrated_database_url, replace(given, now=LATER)) == StoreResult(0, 0, 3, 0, 0)
    assert versions(migrated_database_url) == before
    assert counts(migrated_database_url)["bar_restatements"] == 0


def test_a_changed_bar_is_overwritten_and_its_former_values_are_kept(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id, THU), bar(security_id, FRI)))
    untouched = versions(migrated_database_url)[0]
    corrected = bar(security_id, FRI, close=11.5, volume=1_001, transactions=None)
    result = store(migrated_database_url, batch(bar(security_id, THU), corrected, now=LATER, source="files"))
    assert result == StoreResult(0, 1, 1, 0, 0)
    assert versions(migrated_database_url)[0] == untouched
    assert query(
        migrated_database_url,
        "SELECT security_id, session, changed, old_open, old_high, old_low, old_close, old_volume, old_vwap, "
        "old_transactions, old_fmv, old_is_fmv, old_source, old_status, known_from, known_to FROM bar_restatements",
    ) == [
        (
            security_id, FRI, ["close", "volume", "transactions"], 10, 12, 9, 11, 1_000, Decimal("10.5"), 40, None,
            False, "simulator", "final", NOW, LATER,
        )
    ]  # fmt: skip
    changed = "SELECT close, volume, transactions, source, loaded_at FROM ohlcv_daily WHERE session = '2026-11-20'"
    assert query(migrated_database_url, changed) == [(Decimal("11.5"), 1_001, None, "files", LATER)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("open", 10.1), ("high", 12.1), ("low", 8.9), ("close", 11.1), ("volume", 7), ("vwap", 10.6), ("transactions", 7)],
)
def test_every_value_that_changes_is_named(migrated_database_url: str, column: str, value: float) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id)))
    assert store(migrated_database_url, batch(bar(security_id, **{column: value}))).restated == 1
    assert query(migrated_database_url, "SELECT changed FROM bar_restatements") == [([column],)]


def test_a_volume_is_kept_as_printed_and_a_change_below_one_share_is_a_restatement(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    results = [
        store(
            migrated_database_url,
            batch(bar(security_id, volume=1_000, volume_printed=printed), now=NOW + timedelta(hours=hour)),
        )
        for hour, printed in enumerate((999.6, 999.6, 999.600001, None))
    ]
    assert [(one.inserted, one.restated, one.unchanged) for one in results] == [
        (1, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 0),
    ]
    kept = "SELECT changed, old_volume, old_volume_printed FROM bar_restatements ORDER BY known_to"
    assert query(migrated_database_url, kept) == [
        (["volume"], 1_000, Decimal("999.6")),
        (["volume"], 1_000, Decimal("999.600001")),
    ]
    assert query(migrated_database_url, "SELECT volume, volume_printed FROM ohlcv_daily") == [(1_000, None)]


def test_a_correction_that_is_corrected_back_leaves_two_restatements(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    for hour, close in enumerate((11, 11.5, 11)):
        store(migrated_database_url, batch(bar(security_id, close=close), now=NOW + timedelta(hours=hour)))
    assert query(migrated_database_url, "SELECT old_close FROM bar_restatements ORDER BY known_to") == [
        (11,),
        (Decimal("11.5"),),
    ]


def test_values_that_differ_beyond_the_sixth_decimal_are_the_same(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id, vwap=10.5)))
    assert store(migrated_database_url, batch(bar(security_id, vwap=10.50000004))).unchanged == 1


# -- provisional and final --------------------------------------------------------------------------------------------


def test_a_provisional_bar_becomes_final_without_a_restatement(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id, status="provisional")))
    result = store(migrated_database_url, batch(bar(security_id), now=LATER))
    assert (result.inserted, result.restated) == (0, 0)
    assert query(migrated_database_url, "SELECT status, loaded_at FROM ohlcv_daily") == [("final", NOW)]
    assert counts(migrated_database_url)["bar_restatements"] == 0


def test_a_final_bar_never_becomes_provisional_again(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id)))
    before = versions(migrated_database_url)
    assert store(migrated_database_url, batch(bar(security_id, status="provisional"))).unchanged == 1
    assert versions(migrated_database_url) == before
    store(migrated_database_url, batch(bar(security_id, status="provisional", close=11.5)))
    assert query(migrated_database_url, "SELECT status, close FROM ohlcv_daily") == [("final", Decimal("11.5"))]


def test_a_printed_bar_replaces_a_fair_market_value_and_keeps_it_as_a_former_value(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    query(
        migrated_database_url,
        "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, "
        "loaded_at) VALUES (%s, %s, 'AAA', now(), 0, 10.7, true, 'simulator', 'final', %s)",
        (security_id, FRI, NOW - timedelta(hours=1)),
    )
    assert store(migrated_database_url, batch(bar(security_id))).restated == 1
    assert query(migrated_database_url, "SELECT close, fmv, is_fmv FROM ohlcv_daily") == [(11, None, False)]
    kept = "SELECT old_is_fmv, old_fmv, old_close, 'is_fmv' = ANY (changed) FROM bar_restatements"
    assert query(migrated_database_url, kept) == [(True, Decimal("10.7"), None, True)]


# -- gaps -------------------------------------------------------------------------------------------------------------


def test_an_absence_is_explained_once_and_a_bar_ends_it(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    assert store(migrated_database_url, batch(gaps=[gap(security_id, THU), gap(security_id, FRI)])).explained == 2
    store(migrated_database_url, batch(bar(security_id, FRI)))
    assert query(migrated_database_url, "SELECT session FROM bar_gaps") == [(THU,)]


def test_a_bar_that_is_already_stored_is_never_explained_away(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id, FRI)))
    assert store(migrated_database_url, batch(gaps=[gap(security_id, FRI)])).explained == 0
    assert counts(migrated_database_url)["bar_gaps"] == 0


def test_an_unchanged_bar_ends_a_gap_that_should_not_be_there(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    store(migrated_database_url, batch(bar(security_id)))
    query(
        migrated_database_url,
        "INSERT INTO bar_gaps (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at) "
        "VALUES (%s, %s, 'AAA', 'vendor_late', 'e', 's', now(), now())",
        (security_id, FRI),
    )
    store(migrated_database_url, batch(bar(security_id)))
    assert counts(migrated_database_url)["bar_gaps"] == 0


def test_a_gap_with_a_new_reason_says_since_when_and_with_the_same_reason_keeps_it(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    seen = "SELECT reason, is_final, noticed_at, retry_at FROM bar_gaps"
    store(migrated_database_url, batch(gaps=[gap(security_id, reason="vendor_late", retry_at=NOW)]))
    store(migrated_database_url, batch(gaps=[gap(security_id, reason="vendor_late", retry_at=LATER)], now=LATER))
    assert query(migrated_database_url, seen) == [("vendor_late", False, NOW, LATER)]
    store(migrated_database_url, batch(gaps=[gap(security_id, reason="no_trade", retry_at=None)], now=LATER))
    assert query(migrated_database_url, seen) == [("no_trade", True, LATER, None)]


# -- quarantine -------------------------------------------------------------------------------------------------------


def test_a_broken_row_is_kept_once_as_received_and_resolved_by_a_good_one(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    given = batch(rejected=[rejected(security_id)])
    assert store(migrated_database_url, given).quarantined == 1
    assert store(migrated_database_url, replace(given, now=LATER)).quarantined == 0
    kept = "SELECT ticker, session, security_id, reason, row, source, unit_id, quarantined_at, resolved_at"
    expected = ("AAA", FRI, security_id, "high is below low", {"ticker": "AAA", "high": 1.0, "low": 2.0})
    assert query(migrated_database_url, f"{kept} FROM quarantined_bars") == [(*expected, "simulator", "u1", NOW, None)]
    store(migrated_database_url, batch(bar(security_id), now=LATER))
    assert query(migrated_database_url, "SELECT resolved_at FROM quarantined_bars") == [(LATER,)]


def test_another_broken_row_for_the_same_cell_is_another_row(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    rows = [rejected(security_id), rejected(security_id, row='{"ticker":"AAA","high":1.5}')]
    assert store(migrated_database_url, batch(rejected=rows)).quarantined == 2


def test_a_row_without_a_session_or_of_nobody_is_kept_too_and_once(migrated_database_url: str) -> None:
    given = batch(rejected=[rejected(None, None)])
    assert [store(migrated_database_url, given).quarantined for _ in range(2)] == [1, 0]


# -- listing starts ---------------------------------------------------------------------------------------------------


def test_a_listing_that_begins_later_takes_its_earlier_gaps_with_it(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA", since=MON)
    other = add_security(migrated_database_url, "BBB", since=MON)
    query(migrated_database_url, "UPDATE ticker_intervals SET start_known = 'absent_before', seen_from = %s", (FRI,))
    store(migrated_database_url, batch(gaps=[gap(security_id, MON), gap(security_id, FRI), gap(other, MON)]))
    start = ListingStart(security_id, MON, WED)
    store(migrated_database_url, batch(bar(security_id, WED), starts=[start], gaps=[gap(security_id, THU)]))
    assert query(migrated_database_url, "SELECT security_id, session FROM bar_gaps ORDER BY 1, 2") == [
        (security_id, THU),
        (security_id, FRI),
        (other, MON),
    ]
    intervals = "SELECT valid_from, start_known FROM ticker_intervals ORDER BY security_id"
    assert query(migrated_database_url, intervals) == [(WED, "first_bar"), (MON, "absent_before")]
    listed = "SELECT list_date, list_date_source FROM securities ORDER BY security_id"
    assert query(migrated_database_url, listed) == [(WED, "first_bar"), (None, None)]


def test_a_listing_date_that_the_vendor_states_stays(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA", since=MON)
    query(migrated_database_url, "UPDATE securities SET list_date = %s, list_date_source = 'vendor'", (TUE,))
    query(migrated_database_url, "UPDATE ticker_intervals SET seen_from = %s", (FRI,))
    store(migrated_database_url, batch(starts=[ListingStart(security_id, MON, WED)]))
    assert query(migrated_database_url, "SELECT list_date, list_date_source FROM securities") == [(TUE, "vendor")]


# -- one transaction --------------------------------------------------------------------------------------------------


def test_units_calls_and_events_are_written_with_the_rows(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    given = batch(bar(security_id), units=[FinishedUnit(UNIT, 1, NOW)], calls=[CALL], events=[progress()])
    store(migrated_database_url, given)
    units = "SELECT unit_id, status, attempts, rows, cells, run_id, error, finished_at FROM work_units"
    assert query(migrated_database_url, units) == [(UNIT.unit_id, "done", 1, 1, 5, "run-1", None, NOW)]
    calls = "SELECT endpoint, status, rows, attempt, outcome, source, run_id, called_at FROM vendor_calls"
    assert query(migrated_database_url, calls) == [("/v2/aggs/ticker/AAA", 200, 5, 1, "ok", "simulator", "run-1", NOW)]
    assert query(migrated_database_url, "SELECT channel FROM outbox") == [("tickstock.jobs.progress",)]
    store(migrated_database_url, replace(given, units=[FinishedUnit(UNIT, 0, NOW, "the vendor is down")]))
    assert query(migrated_database_url, units) == [
        (UNIT.unit_id, "retrying", 2, 0, 5, "run-1", "the vendor is down", NOW)
    ]
    assert counts(migrated_database_url)["outbox"] == 1


class Unserialisable(JobProgress):
    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"done": object()}


def event_that_cannot_be_serialised(_: int) -> dict[str, Any]:
    data = Unserialisable(job_id="j", done=1, total=2, unit="cells")
    return {"events": [progress(), Event.of(data, time=NOW, dedupe_key="x")]}


def bar_that_breaks_a_check(security_id: int) -> dict[str, Any]:
    return {"bars": [bar(security_id, MON, low=11.0)]}


def bar_of_nobody(_: int) -> dict[str, Any]:
    return {"bars": [bar(999_999, MON)]}


def bar_twice(security_id: int) -> dict[str, Any]:
    return {"bars": [bar(security_id, FRI, close=11.25)]}


def price_too_large(security_id: int) -> dict[str, Any]:
    return {"bars": [bar(security_id, MON, high=1e13)]}


def gap_without_retry(security_id: int) -> dict[str, Any]:
    return {"gaps": [gap(security_id, MON, retry_at=None)]}


def row_that_is_no_json(security_id: int) -> dict[str, Any]:
    return {"rejected": [rejected(security_id, MON, row="{")]}


def unit_of_no_kind(_: int) -> dict[str, Any]:
    return {"units": [FinishedUnit(replace(UNIT, kind="guess"), 1, NOW)]}


def call_without_an_endpoint(_: int) -> dict[str, Any]:
    return {"calls": [replace(CALL, endpoint=None)]}


BREAKING = [
    event_that_cannot_be_serialised,
    bar_that_breaks_a_check,
    bar_of_nobody,
    price_too_large,
    gap_without_retry,
    row_that_is_no_json,
    unit_of_no_kind,
    call_without_an_endpoint,
]


@pytest.mark.parametrize("breaking", BREAKING)
def test_when_any_part_fails_nothing_of_the_batch_is_stored_and_what_was_before_stays(
    migrated_database_url: str, breaking: Callable[[int], dict[str, Any]]
) -> None:
    security_id = add_security(migrated_database_url, "AAA", since=MON)
    query(migrated_database_url, "UPDATE ticker_intervals SET start_known = 'absent_before', seen_from = %s", (FRI,))
    store(migrated_database_url, batch(bar(security_id, THU), gaps=[gap(security_id, FRI)]))
    before, stored = counts(migrated_database_url), versions(migrated_database_url)
    good: dict[str, Any] = {
        "bars": [bar(security_id, THU, close=10.25), bar(security_id, FRI)],
        "gaps": [gap(security_id, WED)],
        "rejected": [rejected(security_id, TUE)],
        "units": [FinishedUnit(UNIT, 2, NOW)],
        "calls": [CALL],
        "events": [progress()],
        "starts": [ListingStart(security_id, MON, TUE)],
    }
    bad = breaking(security_id)
    given = {name: [*rows, *bad.get(name, [])] for name, rows in good.items()}
    with pytest.raises((psycopg.Error, TypeError)):
        store(migrated_database_url, batch(*given.pop("bars"), **given))
    assert counts(migrated_database_url) == before
    assert versions(migrated_database_url) == stored
    assert query(migrated_database_url, "SELECT session FROM bar_gaps") == [(FRI,)]
    assert query(migrated_database_url, "SELECT valid_from FROM ticker_intervals") == [(MON,)]
    store(migrated_database_url, batch(*good.pop("bars"), **good))
    assert counts(migrated_database_url)["ohlcv_daily"] == 2


def test_two_writers_of_the_same_bars_at_once_store_them_once_and_keep_each_correction_once(
    migrated_database_url: str,
) -> None:
    ids = [add_security(migrated_database_url, f"T{number}") for number in range(40)]
    rows = [bar(security_id, day, f"T{n}") for n, security_id in enumerate(ids) for day in (MON, TUE, WED, THU, FRI)]
    units = [FinishedUnit(replace(UNIT, subject=f"T{number}"), 5, NOW) for number in range(40)]
    together = Barrier(2)

    def write(given: tuple[list[dict[str, Any]], list[FinishedUnit]]) -> StoreResult:
        together.wait()
        return store(migrated_database_url, batch(*given[0], units=given[1]))

    with ThreadPoolExecutor(2) as pool:
        for change in ({}, {"close": 11.5}, {"volume": 5}):
            changed = [{**row, **change} for row in rows]
            total = sum(pool.map(write, [(changed, units), (changed[::-1], units[::-1])]), NOTHING_STORED)
            assert (total.inserted, total.restated, total.unchanged) == ((0, 200, 200) if change else (200, 0, 200))
    assert counts(migrated_database_url)["ohlcv_daily"] == 200
    assert counts(migrated_database_url)["bar_restatements"] == 400
