"""What is stored, explained and missing, as the planner and the report read it."""

from datetime import date, timedelta

import polars as pl

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.coverage import (
    ENOUGH_SESSIONS,
    PLAN_HISTORY,
    cell_states,
    completeness,
    gaps_by_reason,
    needs_no_call,
    span_states,
    usual_volumes,
)
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, SPAN_SCHEMA, Completeness
from tickstock_dagster.core.loading.session_bits import cells_of
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, bar, batch, query

HISTORY = f"{PLAN_HISTORY}free reaches back 2 years"


def gap(
    security_id: int, session: date, reason: str, *, due_in: int = 24, evidence: str = "because"
) -> dict[str, object]:
    final = reason in ("no_trade", "halted")
    retry_at = None if final else NOW + timedelta(hours=due_in)
    values = {"ticker": "AAA", "reason": reason, "evidence": evidence, "retry_at": retry_at}
    return {"security_id": security_id, "session": session, **values}


def test_a_bound_value_is_never_part_of_the_statement(migrated_database_url: str) -> None:
    frame = read_frame(open_engine(migrated_database_url), "SELECT $1::text AS t, $2::date AS d", ("'; DROP", FRI))
    assert frame.rows() == [("'; DROP", FRI)]


def test_cells_that_need_no_call(migrated_database_url: str) -> None:
    engine, aaa = open_engine(migrated_database_url), add_security(migrated_database_url, "AAA")
    gaps = [
        gap(aaa, TUE, "no_trade"),
        gap(aaa, WED, "vendor_missing"),
        gap(aaa, THU, "vendor_late", due_in=0),
        gap(aaa, FRI, "not_entitled", evidence=HISTORY),
    ]
    store_batch(engine, batch(bar(aaa, MON), bar(aaa, date(2026, 11, 13)), gaps=gaps))

    def settled(**given: object) -> list[date]:
        options = {"history": HISTORY, **given}
        cells = cells_of(needs_no_call(engine, MON, FRI, NOW, **options))  # type: ignore[arg-type]
        assert cells.schema == {"security_id": pl.Int64, "session": pl.Date}
        return sorted(cells["session"].to_list())

    assert settled() == [MON, TUE, WED, FRI]
    assert settled(ask_again=True) == [MON, TUE]
    assert settled(history="the plan starter reaches back 5 years") == [MON, TUE, WED]


def test_a_fair_market_value_is_not_a_stored_bar(migrated_database_url: str) -> None:
    engine, aaa = open_engine(migrated_database_url), add_security(migrated_database_url, "AAA")
    query(
        migrated_database_url,
        "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, "
        "loaded_at) VALUES (%s, %s, 'AAA', now(), 0, 10.7, true, 's', 'final', now())",
        (aaa, FRI),
    )
    expected = pl.DataFrame([(aaa, FRI, "AAA")], schema=CELL_SCHEMA, orient="row")
    assert needs_no_call(engine, FRI, FRI, NOW, history=HISTORY).is_empty()
    assert completeness(engine, expected) == [Completeness(FRI, 1, 0, 0, 1)]
    assert cell_states(engine, FRI, FRI) == {}
    store_batch(engine, batch(gaps=[gap(aaa, FRI, "no_trade")]))
    assert completeness(engine, expected) == [Completeness(FRI, 1, 0, 1, 0)]


def test_each_sessions_state_counts_expected_cells_alone(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    aaa, bbb, other = (add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC"))
    gaps = [gap(bbb, MON, "halted"), gap(bbb, TUE, "vendor_missing"), gap(other, MON, "vendor_missing")]
    store_batch(engine, batch(bar(aaa, MON), bar(aaa, TUE), bar(other, TUE), gaps=gaps))
    cells = [(security, day, "X") for security in (aaa, bbb) for day in (MON, TUE, WED)]
    expected = pl.DataFrame(cells, schema=CELL_SCHEMA, orient="row")
    assert completeness(engine, expected) == [
        Completeness(MON, 2, 1, 1, 0),
        Completeness(TUE, 2, 1, 0, 1),
        Completeness(WED, 2, 0, 0, 2),
    ]
    assert completeness(engine, expected.clear()) == []


def test_gaps_are_counted_by_reason_most_first(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    aaa, bbb = add_security(migrated_database_url, "AAA"), add_security(migrated_database_url, "BBB")
    gaps = [gap(aaa, MON, "vendor_missing"), gap(aaa, TUE, "no_trade"), gap(aaa, WED, "no_trade")]
    store_batch(engine, batch(gaps=[*gaps, gap(bbb, MON, "halted"), gap(aaa, FRI, "halted")]))
    expected = pl.DataFrame([(aaa, day, "AAA") for day in (MON, TUE, WED, THU)], schema=CELL_SCHEMA, orient="row")
    found = gaps_by_reason(engine, expected)
    assert list(found.items()) == [("no_trade", 2), ("never_asked", 1), ("vendor_missing", 1)]
    assert gaps_by_reason(engine, expected.clear()) == {}


def test_the_state_of_cells_by_printed_ticker(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    aaa = add_security(migrated_database_url, "AAA")
    store_batch(
        engine,
        batch(bar(aaa, MON), gaps=[gap(aaa, TUE, "no_trade"), gap(aaa, WED, "vendor_late"), gap(aaa, FRI, "halted")]),
    )
    assert cell_states(engine, MON, THU) == {(MON, "AAA"): "stored", (TUE, "AAA"): "final", (WED, "AAA"): "open"}


def test_the_usual_volume_is_the_median_of_the_last_twenty_sessions_before_a_day(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    aaa, bbb = add_security(migrated_database_url, "AAA"), add_security(migrated_database_url, "BBB")
    days = library_calendar("XNYS").sessions(date(2026, 9, 1), FRI)
    store_batch(engine, batch(*(bar(aaa, day, volume=100 * number) for number, day in enumerate(days))))
    last = len(days) - 1
    expected = 100 * ((last - 1) + (last - 20)) / 2
    assert usual_volumes(engine, [aaa, bbb], FRI).rows() == [(aaa, expected)]
    assert usual_volumes(engine, [aaa], days[0]).is_empty()


def test_the_usual_volume_of_a_span_counts_where_it_holds_enough_sessions(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    aaa = add_security(migrated_database_url, "AAA")
    days = library_calendar("XNYS").sessions(date(2026, 9, 1), FRI)
    store_batch(engine, batch(*(bar(aaa, day, volume=100 * number) for number, day in enumerate(days))))
    last = len(days) - 1
    after = FRI + timedelta(days=1)
    enough = usual_volumes(engine, [aaa], after, first=days[-ENOUGH_SESSIONS])
    assert enough.rows() == [(aaa, 100 * (last + (last - ENOUGH_SESSIONS + 1)) / 2)]
    of_twenty = 100 * (last + (last - 19)) / 2
    assert usual_volumes(engine, [aaa], after, first=days[1 - ENOUGH_SESSIONS]).rows() == [(aaa, of_twenty)]
    assert usual_volumes(engine, [aaa], after).rows() == [(aaa, of_twenty)]


def test_the_state_of_a_span_is_that_of_its_cells_and_so_is_each_of_its_sessions(migrated_database_url: str) -> None:
    """All stored on Friday; on Thursday one lacks its bar, and one that is not expected yet has one."""
    engine = open_engine(migrated_database_url)
    aaa, bbb, ccc = (add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC"))
    stored = [(aaa, "AAA", FRI), (bbb, "BBB", FRI), (ccc, "CCC", FRI), (aaa, "AAA", THU), (ccc, "CCC", THU)]
    bars = [bar(security_id, session, ticker) for security_id, ticker, session in [*stored, (aaa, "AAA", WED)]]
    store_batch(engine, batch(*bars, gaps=[gap(bbb, WED, "no_trade"), gap(bbb, TUE, "vendor_missing")]))
    spans = [(aaa, MON, None), (bbb, MON, None), (ccc, FRI, None)]
    expectation = Expectation(
        intervals_of(engine, [aaa, bbb, ccc]), pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row")
    )
    week = [MON, TUE, WED, THU, FRI]
    for sessions in (week, *([day] for day in week), [FRI, FRI + timedelta(days=3)]):
        cells = expectation.cells(sessions)
        states, reasons = span_states(engine, expectation, sessions)
        assert states == completeness(engine, cells)
        assert reasons == gaps_by_reason(engine, cells)
    assert span_states(engine, expectation, [FRI]) == ([Completeness(FRI, 3, 3, 0, 0)], {})
    assert span_states(engine, expectation, [THU])[0] == [Completeness(THU, 2, 1, 0, 1)]
