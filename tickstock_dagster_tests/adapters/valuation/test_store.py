"""Fair market values in the store: beside their gap, never in a close, kept when a print arrives, twice as once."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.coverage import completeness
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.valuation.store import FairValueReport, update_fair_values
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, THU, WED, add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")
SESSIONS = CALENDAR.sessions(date(2026, 1, 2), FRI)[-70:]
PRICES = 100 * np.exp(np.random.default_rng(5).normal(0, 0.01, (2, 70)).cumsum(axis=1))
"""SPY, and what AAA would print: the same returns, twice as large."""
PRICES[1] = 20 * np.cumprod(np.concatenate(([1], 1 + 2 * (PRICES[0, 1:] / PRICES[0, :-1] - 1))))
FMV = (
    "SELECT session, open, high, low, close, volume, vwap, fmv::float8, is_fmv, source, status FROM ohlcv_daily "
    "WHERE is_fmv ORDER BY session"
)


class Store:
    """A store with SPY and AAA, which did not trade on the last sessions."""

    def __init__(self, database_url: str, reasons: dict[date, str]) -> None:
        self.url = database_url
        self.spy, self.aaa = (add_security(database_url, ticker) for ticker in ("SPY", "AAA"))
        rows = [
            self.bar(security, session, float(price))
            for security, prices in ((self.spy, PRICES[0]), (self.aaa, PRICES[1]))
            for session, price in zip(SESSIONS, prices, strict=True)
            if security == self.spy or session not in reasons
        ]
        store_batch(open_engine(database_url), batch(*rows, gaps=[self.gap(*item) for item in reasons.items()]))

    def bar(self, security: int, session: date, price: float, **values: Any) -> dict[str, Any]:
        prices = dict.fromkeys(("open", "high", "low", "close"), round(price, 6))
        return bar(security, session, "SPY" if security == self.spy else "AAA", **prices, **values)

    def gap(self, session: date, reason: str) -> dict[str, Any]:
        retry_at = None if reason in ("no_trade", "halted") else NOW
        return {
            "security_id": self.aaa, "session": session, "ticker": "AAA", "reason": reason, "evidence": "because",
            "retry_at": retry_at,
        }  # fmt: skip

    def value(self, *days: date, after: timedelta = timedelta(0), **options: Any) -> FairValueReport:
        return update_fair_values(open_engine(self.url), CALENDAR, days or (THU, FRI), now=NOW + after, **options)

    def query(self, text: str, values: Any = None) -> list[tuple[Any, ...]]:
        return query(self.url, text, values)


@pytest.fixture
def store(migrated_database_url: str) -> Store:
    return Store(migrated_database_url, {THU: "no_trade", FRI: "halted"})


def test_a_session_without_a_trade_gets_its_value_beside_its_gap(store: Store) -> None:
    report = store.value()
    assert (report.values.height, report.written, report.without_value.height) == (2, 2, 0)
    rows = store.query(FMV)
    assert [row[:7] for row in rows] == [(day, None, None, None, None, 0, None) for day in (THU, FRI)]
    assert [row[8:] for row in rows] == [(True, "estimator", "provisional")] * 2
    spy = PRICES[0] / PRICES[0, 67]
    expected = [PRICES[1, 67] * (1 + 2 * (spy[place] - 1)) for place in (68, 69)]
    assert [row[7] for row in rows] == pytest.approx(expected, rel=1e-6)
    assert store.query("SELECT count(*), count(*) FILTER (WHERE is_final) FROM bar_gaps") == [(2, 2)]
    assert store.query(
        "SELECT session, method, reference, round(beta::numeric, 3), last_session, sessions_since_print "
        "FROM fair_values ORDER BY session"
    ) == [(THU, "reference", "SPY", 2, WED, 1), (FRI, "reference", "SPY", 2, WED, 2)]


def test_a_value_is_not_a_stored_bar(store: Store) -> None:
    expected = pl.DataFrame([(store.aaa, FRI, "AAA"), (store.spy, FRI, "SPY")], schema=CELL_SCHEMA, orient="row")
    [before] = completeness(open_engine(store.url), expected)
    store.value()
    [after] = completeness(open_engine(store.url), expected)
    assert after == before
    assert (after.expected, after.stored, after.final, after.missing) == (2, 1, 1, 0)


def test_twice_changes_nothing_and_one_session_is_as_the_range(store: Store) -> None:
    store.value()
    before = fingerprint(open_engine(store.url))
    stamps = store.query("SELECT loaded_at, xmin FROM ohlcv_daily WHERE is_fmv ORDER BY session")
    assert store.value(after=timedelta(hours=1)).written == 0
    assert store.value(FRI, after=timedelta(hours=1)).written == 0
    assert fingerprint(open_engine(store.url)) == before
    assert store.query("SELECT loaded_at, xmin FROM ohlcv_daily WHERE is_fmv ORDER BY session") == stamps


@pytest.mark.parametrize("reason", ["vendor_late", "vendor_missing", "not_entitled", "quarantined"])
def test_what_may_still_arrive_is_not_valued(migrated_database_url: str, reason: str) -> None:
    store = Store(migrated_database_url, {THU: reason})
    report = store.value()
    assert report.unprinted.is_empty()
    assert store.query("SELECT count(*) FROM fair_values") == [(0,)]
    assert store.query(FMV) == []


def test_a_print_that_arrives_replaces_the_value_and_keeps_what_it_was(store: Store) -> None:
    store.value()
    [(fmv,)] = store.query("SELECT fmv FROM fair_values WHERE session = %s", (FRI,))
    late = batch(store.bar(store.aaa, FRI, 21.0, status="provisional"), now=NOW + timedelta(hours=2))
    assert store_batch(open_engine(store.url), late).restated == 1
    row = "SELECT close, fmv, is_fmv, source, status FROM ohlcv_daily WHERE security_id = %s AND session = %s"
    assert store.query(row, (store.aaa, FRI)) == [(21, None, False, "simulator", "provisional")]
    assert store.query("SELECT session FROM bar_gaps") == [(THU,)]
    kept = "SELECT session, old_fmv, old_is_fmv, old_source, 'is_fmv' = ANY (changed) FROM bar_restatements"
    assert store.query(kept) == [(FRI, fmv, True, "estimator", True)]
    # The value stays beside the print, and is neither renewed nor written over it.
    assert store.value(after=timedelta(hours=3)).unprinted["session"].to_list() == [THU]
    assert store.query("SELECT fmv FROM fair_values WHERE session = %s", (FRI,)) == [(fmv,)]
    assert store.query(row, (store.aaa, FRI)) == [(21, None, False, "simulator", "provisional")]


def test_a_print_stored_meanwhile_is_not_overwritten(store: Store) -> None:
    """The gap was read, then the bar arrived: what is written is judged again in the writing transaction."""
    query(
        store.url,
        "UPDATE ohlcv_daily SET session = %s WHERE security_id = %s AND session = %s",
        (FRI, store.aaa, SESSIONS[10]),
    )
    assert store.value().written == 1
    assert [row[0] for row in store.query(FMV)] == [THU]


def test_other_closes_change_the_value_and_keep_the_former_one(store: Store) -> None:
    store.value()
    [(before,)] = store.query("SELECT fmv FROM fair_values WHERE session = %s", (FRI,))
    store_batch(open_engine(store.url), batch(store.bar(store.spy, FRI, float(PRICES[0, 69]) * 1.05)))
    store.query("DELETE FROM bar_restatements")
    report = store.value(after=timedelta(hours=1))
    assert report.written == 1
    [(after, valued_at)] = store.query("SELECT fmv, valued_at FROM fair_values WHERE session = %s", (FRI,))
    assert float(after / before) == pytest.approx(1.1, abs=0.01)
    assert valued_at == NOW + timedelta(hours=1)
    kept = "SELECT session, changed, old_fmv, old_is_fmv, known_from, known_to FROM bar_restatements"
    assert store.query(kept) == [(FRI, ["fmv"], before, True, NOW, NOW + timedelta(hours=1))]


def test_the_vendors_value_goes_before_the_estimate_and_stays(store: Store) -> None:
    report = store.value(vendor={"AAA": 21.5, "ZZZ": 1.0}, vendor_name="massive")
    assert report.written == 2
    rows = "SELECT session, source, method, fmv::float8, reference, sessions_since_print FROM fair_values ORDER BY 1"
    thursday, friday = store.query(rows)
    assert thursday[:3] == (THU, "estimator", "reference")
    assert friday == (FRI, "massive", "vendor", 21.5, None, 2)
    # It cannot be had again the next day: an estimate does not replace it.
    assert store.value(after=timedelta(days=1)).written == 0
    assert store.query(rows) == [thursday, friday]
    assert [(row[7], row[9]) for row in store.query(FMV)][1] == (21.5, "massive")


def test_a_security_without_any_print_has_no_value_and_is_counted(store: Store) -> None:
    new = add_security(store.url, "NEW")
    gap = {**store.gap(FRI, "no_trade"), "security_id": new, "ticker": "NEW"}
    store_batch(open_engine(store.url), batch(gaps=[gap]))
    report = store.value()
    assert report.without_value.rows() == [(new, FRI, "NEW")]
    assert store.query("SELECT count(*) FROM fair_values") == [(2,)]
    # Even without an estimate the vendor may know.
    assert store.value(vendor={"NEW": 9.0}, vendor_name="massive").written == 1
    assert store.query("SELECT fmv::float8, last_session FROM fair_values WHERE ticker = 'NEW'") == [(9.0, None)]


def test_a_store_without_gaps_has_no_values(migrated_database_url: str) -> None:
    report = update_fair_values(open_engine(migrated_database_url), CALENDAR, (FRI,), now=NOW)
    assert (report.unprinted.height, report.values.height, report.written) == (0, 0, 0)
