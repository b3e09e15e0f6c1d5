"""What is owed, cell by cell, on a real store."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.settled import settled_lines_of_all
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.owed import NEVER_ASKED, asked_or_due, owed_by_session
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")


def track(url: str, *tickers: str, key: str = "mine", since: date = MON) -> None:
    write_universe(open_engine(url), key, "list", key, tickers, track_from=since, now=NOW)


def gap(
    security_id: int, session: date, ticker: str = "AAA", reason: str = "vendor_missing", hours: int = 1
) -> dict[str, object]:
    retry_at = None if reason == "no_trade" else NOW + timedelta(hours=hours)
    return {
        "security_id": security_id,
        "session": session,
        "ticker": ticker,
        "reason": reason,
        "evidence": "because",
    } | {"retry_at": retry_at}


def owed(url: str, last: date = FRI, first: date | None = None) -> list[tuple[date, str, str]]:
    engine = open_engine(url)
    frame = owed_cells(engine, CALENDAR, last, first=first)
    in_advance = settled_lines_of_all(engine, CALENDAR.first, CALENDAR.last)
    assert owed_cells(engine, CALENDAR, last, first=first, settled=lambda: in_advance).equals(frame)
    return frame.select("session", "ticker", "reason").rows()


def all_of(ticker: str, reason: str, days: Sequence[date]) -> list[tuple[date, str, str]]:
    return [(day, ticker, reason) for day in days]


def test_what_nobody_asked_for_is_owed_and_said(migrated_database_url: str) -> None:
    url = migrated_database_url
    aaa, bbb = add_security(url, "AAA"), add_security(url, "BBB")
    assert owed(url) == [], "nothing is tracked"
    track(url, "AAA", "BBB", "NOBODY")
    assert owed(url) == [(day, ticker, "never_asked") for day in (FRI, THU, WED, TUE, MON) for ticker in ("AAA", "BBB")]
    gaps = [gap(aaa, TUE), gap(aaa, WED, reason="no_trade"), gap(bbb, TUE, "BBB", reason="vendor_late")]
    store_batch(open_engine(url), batch(bar(aaa, MON), bar(bbb, MON, "BBB"), bar(bbb, THU, "BBB"), gaps=gaps))
    assert owed(url) == [
        (FRI, "AAA", "never_asked"),
        (FRI, "BBB", "never_asked"),
        (THU, "AAA", "never_asked"),
        (WED, "BBB", "never_asked"),
        (TUE, "AAA", "vendor_missing"),
        (TUE, "BBB", "vendor_late"),
    ]
    assert owed(url, last=WED, first=WED) == [(WED, "BBB", "never_asked")]


def test_what_is_settled_is_asked_for_in_advance_where_most_is_tracked(migrated_database_url: str) -> None:
    url = migrated_database_url
    engine, aaa = open_engine(url), add_security(url, "AAA")
    assert settled_lines_of_all(engine, MON, FRI) is None, "nothing is tracked"
    track(url, "AAA")
    assert settled_lines_of_all(engine, MON, FRI) == "", "nothing is stored"
    store_batch(engine, batch(bar(aaa, MON), gaps=[gap(aaa, TUE, reason="no_trade"), gap(aaa, WED)]))
    since = (MON - date(1970, 1, 1)).days
    assert settled_lines_of_all(engine, MON, FRI) == f"{aaa},{since // 64},{0b11 << since % 64}"
    for ticker in ("BBB", "CCC"):
        add_security(url, ticker)
    assert settled_lines_of_all(engine, MON, FRI) is None, "of few, few are looked at"


def test_a_complete_store_owes_nothing(migrated_database_url: str) -> None:
    url, aaa = migrated_database_url, add_security(migrated_database_url, "AAA")
    track(url, "AAA")
    store_batch(open_engine(url), batch(*(bar(aaa, day) for day in (MON, TUE, WED, THU, FRI))))
    assert owed(url) == []
    assert owed(url, last=date(2026, 11, 13)) == [], "before the first session nothing is expected"


def test_a_stored_bar_that_is_not_expected_hides_no_absence(migrated_database_url: str) -> None:
    url = migrated_database_url
    aaa, bbb = add_security(url, "AAA", since=WED), add_security(url, "BBB")
    track(url, "AAA", "BBB")
    stray = [bar(aaa, MON), bar(aaa, TUE), bar(aaa, date(2026, 11, 21)), bar(bbb, date(2026, 11, 13), "BBB")]
    store_batch(open_engine(url), batch(*stray, *(bar(bbb, day, "BBB") for day in (MON, TUE, WED, THU))))
    assert owed(url) == [
        (FRI, "AAA", "never_asked"),
        (FRI, "BBB", "never_asked"),
        (THU, "AAA", "never_asked"),
        (WED, "AAA", "never_asked"),
    ]


def test_each_universe_has_its_own_first_session_and_a_security_the_earliest(migrated_database_url: str) -> None:
    url = migrated_database_url
    for ticker in ("AAA", "BBB", "CCC"):
        add_security(url, ticker)
    track(url, "AAA", "BBB", key="early", since=WED)
    track(url, "BBB", "CCC", key="late", since=FRI)
    assert owed(url) == [
        *((FRI, ticker, "never_asked") for ticker in ("AAA", "BBB", "CCC")),
        *((day, ticker, "never_asked") for day in (THU, WED) for ticker in ("AAA", "BBB")),
    ]


def test_a_dated_member_is_owed_on_its_days_alone(migrated_database_url: str) -> None:
    url, aaa = migrated_database_url, add_security(migrated_database_url, "AAA")
    query(
        url,
        "INSERT INTO cache_entries (key, type, name, value, track, track_from, membership, created_at, updated_at) "
        "VALUES ('dated', 'list', 'Dated', '[]', true, %s, 'dated', now(), now())",
        (TUE,),
    )
    for first, last in ((date(2026, 11, 2), WED), (FRI, None)):
        query(
            url,
            "INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from) "
            "VALUES ('dated', %s, %s, %s, now())",
            (aaa, first, last),
        )
    assert owed(url) == all_of("AAA", "never_asked", (FRI, TUE))


def test_a_session_that_an_override_cancelled_is_not_owed(migrated_database_url: str) -> None:
    url, aaa = migrated_database_url, add_security(migrated_database_url, "AAA")
    track(url, "AAA", since=WED)
    store_batch(open_engine(url), batch(bar(aaa, THU)))
    without = [day for day in CALENDAR.hours if day.session != THU]
    calendar = type(CALENDAR)(CALENDAR.key, CALENDAR.timezone, tuple(without), CALENDAR.first, CALENDAR.last)
    found = owed_cells(open_engine(url), calendar, FRI)
    assert found["session"].to_list() == [FRI, WED], "the bar of the cancelled session stands in for none"


def test_a_fair_market_value_pays_for_nothing(migrated_database_url: str) -> None:
    url, aaa = migrated_database_url, add_security(migrated_database_url, "AAA")
    track(url, "AAA", since=FRI)
    query(
        url,
        "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, "
        "loaded_at) VALUES (%s, %s, 'AAA', now(), 0, 10.7, true, 's', 'final', now())",
        (aaa, FRI),
    )
    assert owed(url) == all_of("AAA", "never_asked", [FRI])


def test_a_member_listed_abroad_is_owed_in_its_own_market(migrated_database_url: str) -> None:
    url, sony = migrated_database_url, add_security(migrated_database_url, "6758.XTKS")
    query(url, "UPDATE securities SET primary_exchange = 'XTKS' WHERE security_id = %s", (sony,))
    track(url, "6758.XTKS", since=THU)
    assert owed(url) == []
    tokyo = owed_cells(open_engine(url), library_calendar("XTKS"), FRI)
    assert tokyo["session"].to_list() == [FRI, THU]


def test_the_sessions_that_are_due_and_their_reasons(migrated_database_url: str) -> None:
    url = migrated_database_url
    aaa, _bbb = add_security(url, "AAA"), add_security(url, "BBB")
    track(url, "AAA", "BBB", since=THU)
    store_batch(open_engine(url), batch(gaps=[gap(aaa, THU, reason="vendor_late"), gap(aaa, FRI)]))
    frame = owed_cells(open_engine(url), CALENDAR, FRI)
    assert [(one.session, one.cells, one.due) for one in owed_by_session(frame, NOW)] == [(FRI, 2, 1), (THU, 2, 1)]
    assert owed_by_session(frame, NOW + timedelta(hours=1))[0].due == 2
    assert dict(owed_by_session(frame, NOW)[1].reasons) == {"never_asked": 1, "vendor_late": 1}
    assert frame.filter(pl.col("reason") == "never_asked")["evidence"].unique().to_list() == [NEVER_ASKED]
    left = asked_or_due(frame, THU).select("session", "ticker").rows()
    assert left == [(FRI, "AAA"), (THU, "AAA"), (THU, "BBB")], "nobody was to ask for Friday yet"


@pytest.mark.parametrize("first", [date(2026, 11, 2), FRI])
def test_the_same_answer_from_an_expectation_that_the_caller_has(migrated_database_url: str, first: date) -> None:
    url, engine = migrated_database_url, open_engine(migrated_database_url)
    add_security(url, "AAA")
    track(url, "AAA", since=first)
    tracked = Expectation.of_tracked(engine)
    assert tracked.begins == first
    assert owed_cells(engine, CALENDAR, FRI, tracked=tracked).equals(owed_cells(engine, CALENDAR, FRI))
