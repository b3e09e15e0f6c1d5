"""What is owed besides bars: fair values, and a registry that a later dataset joins by one entry."""

from datetime import date

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.loading.owed_datasets import (
    DATASETS,
    Dataset,
    OwedDataset,
    OwedScope,
    owed_besides_bars,
)
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.valuation.store import update_fair_values
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.owed import owed_by_dataset
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, WED, add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")
YEAR_BEFORE = CALENDAR.sessions_before(THU, 252)[0]
"""The oldest session whose print an estimate of Thursday still looks at."""


def gap(security_id: int, session: date, ticker: str, reason: str = "no_trade") -> dict[str, object]:
    retry_at = None if reason in ("no_trade", "halted") else NOW
    return {"security_id": security_id, "session": session, "ticker": ticker, "reason": reason} | {
        "evidence": "because",
        "retry_at": retry_at,
    }


def owed_values(url: str, first: date = MON, market: str = "XNYS") -> list[date]:
    frame = owed_besides_bars(open_engine(url), library_calendar(market), first, now=NOW)
    found = frame.filter(pl.col("dataset") == Dataset.FAIR_VALUES)
    assert set(found["reason"]) <= {"never_asked"}
    return found["session"].to_list()


def test_a_session_without_a_trade_owes_a_value_until_it_has_one(migrated_database_url: str) -> None:
    url = migrated_database_url
    aaa, bbb = add_security(url, "AAA"), add_security(url, "BBB")
    gaps = [gap(aaa, THU, "AAA"), gap(aaa, FRI, "AAA", "halted"), gap(bbb, WED, "BBB", "vendor_missing")]
    store_batch(open_engine(url), batch(bar(aaa, MON), bar(bbb, MON, "BBB"), gaps=gaps))
    assert owed_values(url) == [FRI, THU], "the newest first; what may still come is not valued"
    assert owed_values(url, first=FRI) == [FRI], "nothing before the first session that is expected"
    assert owed_values(url, market="XTKS") == []
    update_fair_values(open_engine(url), CALENDAR, [THU], now=NOW)
    assert owed_values(url) == [FRI]
    update_fair_values(open_engine(url), CALENDAR, [THU, FRI], now=NOW)
    assert owed_values(url) == []


@pytest.mark.parametrize(("printed", "owed"), [(None, []), (YEAR_BEFORE, [THU])])
def test_what_has_no_print_to_begin_with_is_explained_for_good(
    migrated_database_url: str, printed: date | None, owed: list[date]
) -> None:
    url, aaa = migrated_database_url, add_security(migrated_database_url, "AAA")
    before = CALENDAR.previous_session(YEAR_BEFORE)
    store_batch(open_engine(url), batch(bar(aaa, printed or before), gaps=[gap(aaa, THU, "AAA")]))
    assert owed_values(url) == owed
    assert update_fair_values(open_engine(url), CALENDAR, [THU], now=NOW).values.height == len(owed)
    assert owed_values(url) == []


def test_a_session_is_owed_where_one_of_its_values_lacks(migrated_database_url: str) -> None:
    url = migrated_database_url
    aaa, bbb = add_security(url, "AAA"), add_security(url, "BBB")
    store_batch(open_engine(url), batch(bar(aaa, MON), bar(bbb, MON, "BBB"), gaps=[gap(aaa, THU, "AAA")]))
    update_fair_values(open_engine(url), CALENDAR, [THU], now=NOW)
    store_batch(open_engine(url), batch(gaps=[gap(bbb, THU, "BBB")]))
    assert owed_values(url) == [THU]


def test_a_complete_session_after_the_first_report_owes_one(migrated_database_url: str) -> None:
    url = migrated_database_url
    units = [
        FinishedUnit(WorkUnit(UnitKind.SESSION, "XNYS", "simulator", "*", day, day, 1), 1, NOW)
        for day in (WED, THU, FRI)
    ]
    store_batch(open_engine(url), batch(bar(add_security(url, "AAA"), THU), units=units))

    def owed() -> list[date]:
        frame = owed_besides_bars(open_engine(url), CALENDAR, MON, now=NOW)
        return frame.filter(pl.col("dataset") == Dataset.REPORTS)["session"].to_list()

    assert owed() == [], "none was ever made"
    reported = (
        "INSERT INTO quality_reports SELECT %s, security_id, 'AAA', 100, 100, 100, 100, 0, 0, 0, 0, 0, '{}', now(), 'r'"
        " FROM securities"
    )
    query(url, reported, (WED,))
    assert owed() == [FRI, THU]
    query(url, reported, (FRI,))
    assert owed() == [THU]


def test_every_dataset_stands_in_the_registry_once_in_order() -> None:
    assert [one.dataset for one in DATASETS] == sorted(Dataset)


def test_another_dataset_is_one_entry(migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reports(scope: OwedScope) -> pl.DataFrame:
        return pl.DataFrame({"session": scope.calendar.sessions(scope.first, scope.last)}).with_columns(
            reason=pl.lit("never_asked")
        )

    minute_bars = OwedDataset(Dataset.LISTS, reports, markets=frozenset({"XTKS"}))
    monkeypatch.setattr("tickstock_dagster.adapters.loading.owed_datasets.DATASETS", (minute_bars,))
    engine = open_engine(migrated_database_url)
    assert owed_besides_bars(engine, CALENDAR, THU, now=NOW).is_empty()
    found = owed_besides_bars(engine, library_calendar("XTKS"), THU, now=NOW)
    assert [str(one) for one in owed_by_dataset(found)] == ["lists of 2 sessions, the newest 2026-11-20 (never_asked)"]
    assert owed_besides_bars(engine, CALENDAR, None, now=NOW).is_empty(), "nothing is tracked"
    assert query(migrated_database_url, "SELECT count(*) FROM fair_values") == [(0,)]
