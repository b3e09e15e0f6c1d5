"""Alerts for gaps of more than one session: what is tracked, once for a gap, and only while it is one."""

from datetime import date, timedelta

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.coverage import PLAN_HISTORY
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.decisions import decide
from tickstock_dagster.adapters.quality.gap_alerts import publish_long_gaps, read_long_gaps, standing_stale
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.quality.lifecycle import Key, State
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")
BEGINS = date(2026, 11, 9)
TOLD = "SELECT event -> 'data' FROM outbox WHERE channel = 'tickstock.quality.data_stale' ORDER BY position"


def leave(url: str, security_id: int, *days: date, reason: str = "vendor_missing", evidence: str = "none came") -> None:
    retry_at = None if reason in ("no_trade", "halted") else NOW + timedelta(hours=1)
    gaps = [
        {"security_id": security_id, "session": day, "ticker": "AAA", "reason": reason, "evidence": evidence}
        | {"retry_at": retry_at}
        for day in days
    ]
    store_batch(open_engine(url), batch(gaps=gaps))


def tell(url: str) -> int:
    return publish_long_gaps(open_engine(url), CALENDAR, market="XNYS", run_id="run-1", now=NOW)


@pytest.fixture
def tracked(migrated_database_url: str) -> int:
    """A tracked security with a bar on Monday, halted on all other days of two weeks."""
    security_id = add_security(migrated_database_url, "AAA")
    store_batch(open_engine(migrated_database_url), batch(bar(security_id, MON)))
    leave(migrated_database_url, security_id, *CALENDAR.sessions(BEGINS, FRI), reason="halted")
    write_universe(open_engine(migrated_database_url), "mine", "list", "Mine", ["AAA"], track_from=BEGINS, now=NOW)
    return security_id


def test_a_gap_is_told_once_however_long_it_becomes(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, TUE)
    assert tell(migrated_database_url) == 0, "one session is ordinary"
    leave(migrated_database_url, tracked, WED, reason="vendor_late")
    assert (tell(migrated_database_url), tell(migrated_database_url)) == (1, 0)
    leave(migrated_database_url, tracked, THU)
    assert tell(migrated_database_url) == 0
    [(data,)] = query(migrated_database_url, TOLD)
    former = (
        "market",
        "symbol",
        "last_session",
        "first_missing",
        "last_missing",
        "missing_sessions",
        "reason",
        "run_id",
    )
    assert {name: data[name] for name in former} == {
        "market": "XNYS",
        "symbol": "AAA",
        "last_session": "2026-11-16",
        "first_missing": "2026-11-17",
        "last_missing": "2026-11-18",
        "missing_sessions": 2,
        "reason": "vendor_late",
        "run_id": "run-1",
    }
    assert (data["verdict"], data["severity"], data["value"], data["threshold"]) == ("suspicious", "warn", 2, 1)
    [gap] = read_long_gaps(open_engine(migrated_database_url), CALENDAR, NOW)
    assert (gap.first, gap.last, gap.sessions) == (TUE, THU, 3)


def test_two_gaps_of_one_symbol_are_two_alerts(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, date(2026, 11, 9), date(2026, 11, 10), THU, FRI)
    assert tell(migrated_database_url) == 2
    told = [(data["first_missing"], data["last_session"]) for (data,) in query(migrated_database_url, TOLD)]
    assert told == [("2026-11-19", "2026-11-16"), ("2026-11-09", None)]


def test_a_gap_that_a_bar_has_closed_is_not_told(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, TUE, WED)
    store_batch(open_engine(migrated_database_url), batch(bar(tracked, WED)))
    assert tell(migrated_database_url) == 0
    assert read_long_gaps(open_engine(migrated_database_url), CALENDAR, NOW) == []


def test_the_finding_of_a_gap_grows_with_it_and_is_withdrawn_in_silence_when_its_bars_come(
    migrated_database_url: str, tracked: int
) -> None:
    leave(migrated_database_url, tracked, TUE, WED)
    assert tell(migrated_database_url) == 1
    leave(migrated_database_url, tracked, THU)
    assert tell(migrated_database_url) == 0
    stands = "SELECT session, verdict, value, withdrawn_at IS NOT NULL FROM quality_anomalies"
    assert query(migrated_database_url, stands) == [(TUE, "suspicious", 3.0, False)]
    store_batch(open_engine(migrated_database_url), batch(*(bar(tracked, day) for day in (TUE, WED, THU))))
    assert tell(migrated_database_url) == 0
    assert query(migrated_database_url, stands) == [(TUE, "explained", 3.0, True)]
    history = query(migrated_database_url, "SELECT how, value FROM quality_verdicts ORDER BY verdict_id")
    assert history == [("found", 2.0), ("judged", 3.0), ("withdrawn", 3.0)]


def test_a_gap_has_no_bar_to_confirm_and_may_be_accepted(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, TUE, WED)
    tell(migrated_database_url)
    engine, key = open_engine(migrated_database_url), Key(tracked, TUE, "data_stale")

    def decided(state: State) -> int:
        return len(decide(engine, key, state, by="ada", why="it was away", run_id="cli", now=NOW).findings)

    with pytest.raises(BadInputError, match="where bars are missing there is none to set aside"):
        decided(State.CONFIRMED)
    assert decided(State.RELEASED) == 1
    assert standing_stale(engine, read_long_gaps(engine, CALENDAR, NOW), "XNYS") == []
    leave(migrated_database_url, tracked, THU)
    assert tell(migrated_database_url) == 0


def test_an_explained_absence_is_no_gap(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, TUE, THU)
    leave(migrated_database_url, tracked, WED, reason="no_trade")
    assert tell(migrated_database_url) == 0


def test_what_the_plans_history_does_not_reach_alerts_nobody(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, tracked, TUE, WED, reason="not_entitled", evidence=f"{PLAN_HISTORY}basic reaches back")
    assert tell(migrated_database_url) == 0
    leave(migrated_database_url, tracked, THU, FRI, reason="not_entitled", evidence="refused: 403")
    assert tell(migrated_database_url) == 1


@pytest.mark.usefixtures("tracked")
def test_sessions_that_nobody_asked_for_are_a_gap_once_they_are_due(migrated_database_url: str) -> None:
    query(migrated_database_url, "DELETE FROM bar_gaps WHERE session >= %s", (WED,))
    evening = CALENDAR.closes_at(THU) + timedelta(minutes=20)
    assert read_long_gaps(open_engine(migrated_database_url), CALENDAR, evening) == [], "Thursday is not due yet"
    [gap] = read_long_gaps(open_engine(migrated_database_url), CALENDAR, evening + timedelta(hours=2))
    assert (gap.first, gap.last, gap.reason) == (WED, THU, "never_asked")
    assert (tell(migrated_database_url), tell(migrated_database_url)) == (1, 0)
    assert query(migrated_database_url, TOLD)[0][0]["missing_sessions"] == 3


def test_a_gap_of_something_that_is_not_tracked_alerts_nobody(migrated_database_url: str, tracked: int) -> None:
    leave(migrated_database_url, add_security(migrated_database_url, "BBB"), TUE, WED, THU)
    assert tell(migrated_database_url) == 0
    leave(migrated_database_url, tracked, TUE, WED)
    assert tell(migrated_database_url) == 1
