"""Gaps of more than one session: consecutive sessions, not consecutive days; one event for a gap."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.quality.alerts import finding_event
from tickstock_dagster.core.quality.gap_alerts import OPEN_GAP_SCHEMA, LongGap, long_gaps

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
NEXT_MON = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SESSIONS = library_calendar("XNYS").sessions(date(2026, 11, 2), date(2026, 12, 31))


def gaps(*rows: tuple[int, date, str, str]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=OPEN_GAP_SCHEMA, orient="row")


def test_a_weekend_does_not_part_a_gap_and_one_session_is_none() -> None:
    found = long_gaps(
        gaps(
            (1, NEXT_MON, "AAA", "vendor_late"),
            (1, FRI, "AAA", "vendor_missing"),
            (2, TUE, "BBB", "vendor_missing"),
            (2, THU, "BBB", "vendor_missing"),
        ),
        SESSIONS,
    )
    assert found == [LongGap(1, "AAA", FRI, NEXT_MON, 2, "vendor_late")]


def test_a_holiday_does_not_part_a_gap() -> None:
    before, after = date(2026, 11, 25), date(2026, 11, 27)
    [gap] = long_gaps(gaps((1, before, "AAA", "vendor_late"), (1, after, "AAA", "vendor_late")), SESSIONS)
    assert (gap.first, gap.last, gap.sessions) == (before, after, 2)


def test_a_day_that_is_no_session_is_nobodys_gap() -> None:
    cancelled = [day for day in SESSIONS if day != WED]
    rows = gaps((1, TUE, "AAA", "vendor_late"), (1, WED, "AAA", "vendor_late"), (1, FRI, "AAA", "vendor_late"))
    assert long_gaps(rows, cancelled) == []


def test_the_symbol_is_that_of_the_gaps_beginning_and_the_reason_that_of_its_end() -> None:
    [gap] = long_gaps(gaps((1, THU, "META", "vendor_late"), (1, WED, "FB", "quarantined")), SESSIONS)
    assert (gap.symbol, gap.reason) == ("FB", "vendor_late")


def test_no_gap_at_all_is_no_long_gap() -> None:
    assert long_gaps(gaps(), SESSIONS) == []


@given(st.sets(st.tuples(st.integers(1, 3), st.sampled_from(SESSIONS))))
def test_each_long_gap_is_whole_and_no_longer_than_what_is_missing(missing: set[tuple[int, date]]) -> None:
    found = long_gaps(gaps(*((security, day, "T", "vendor_late") for security, day in missing)), SESSIONS)
    covered = set()
    for gap in found:
        days = [day for day in SESSIONS if gap.first <= day <= gap.last]
        assert len(days) == gap.sessions > 1
        before, after = SESSIONS.index(gap.first) - 1, SESSIONS.index(gap.last) + 1
        assert before < 0 or (gap.security_id, SESSIONS[before]) not in missing
        assert after == len(SESSIONS) or (gap.security_id, SESSIONS[after]) not in missing
        covered |= {(gap.security_id, day) for day in days}
    assert covered <= missing
    for security, day in missing - covered:
        place = SESSIONS.index(day)
        neighbours = {SESSIONS[place - 1]} if place else set()
        neighbours |= {SESSIONS[place + 1]} if place + 1 < len(SESSIONS) else set()
        assert not {(security, other) for other in neighbours} & missing


def test_a_gap_that_grows_is_told_once_and_another_one_anew() -> None:
    short, longer = LongGap(1, "AAA", WED, THU, 2, "vendor_late"), LongGap(1, "AAA", WED, FRI, 3, "vendor_missing")
    other = LongGap(1, "AAA", MON, TUE, 2, "vendor_late")
    first, again, third = (
        finding_event(gap.finding(None), None, market="XNYS", number=number, run_id="r", now=NOW)
        for number, gap in enumerate((short, longer, other))
    )
    assert first.id == again.id != third.id
    assert (first.channel, first.subject) == ("tickstock.quality.data_stale", "XNYS/AAA")


def test_the_event_has_the_fields_of_every_finding_and_those_of_the_release_before() -> None:
    data = finding_event(
        LongGap(1, "AAA", WED, THU, 2, "vendor_late").finding(TUE), None, market="XNYS", number=1, run_id="r", now=NOW
    ).data.model_dump(mode="json")
    assert (data["schema_version"], data["verdict"], data["severity"]) == (2, "suspicious", "warn")
    assert (data["value"], data["threshold"], data["evidence"]["reason"]) == (2, 1, "vendor_late")
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
        "market": "XNYS", "symbol": "AAA", "last_session": "2026-11-17", "first_missing": "2026-11-18",
        "last_missing": "2026-11-19", "missing_sessions": 2, "reason": "vendor_late", "run_id": "r",
    }  # fmt: skip


@pytest.mark.parametrize(("gap", "last_session"), [((WED, THU), WED), ((WED, TUE), None)])
def test_what_is_stored_lies_before_the_gap(gap: tuple[date, date], last_session: date | None) -> None:
    finding = LongGap(1, "AAA", *gap, 2, "vendor_late").finding(last_session)
    with pytest.raises(ValidationError, match="before first_missing"):
        finding_event(finding, None, market="XNYS", number=1, run_id="r", now=NOW)
