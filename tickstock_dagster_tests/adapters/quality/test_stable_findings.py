"""Findings are a function of the bars, not of the range that is reported, nor of what was found before."""

from datetime import date

import pytest

from tickstock_dagster.adapters.quality.analysis import analyze_symbol_quality
from tickstock_dagster.adapters.quality.judged import judge_sessions
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.core.quality.lifecycle import Finding
from tickstock_dagster_tests.adapters.quality.test_judged import CALENDAR, MONTH, Replayed, evening
from tickstock_dagster_tests.adapters.store_helpers import query

NOW = evening(MONTH[-1])
LINES = "SELECT security_id, session, rule, how, verdict FROM quality_verdicts ORDER BY verdict_id"


@pytest.fixture
def replayed(migrated_database_url: str) -> Replayed:
    return Replayed(migrated_database_url)


def test_a_session_that_is_judged_alone_in_a_range_or_after_bars_were_set_aside_has_the_same_findings(
    replayed: Replayed,
) -> None:
    def judged(*days: date) -> dict[date, tuple[Finding, ...]]:
        return {one.session: one.findings for one in judge_sessions(replayed.engine, CALENDAR, days)}

    together = judged(*MONTH)
    alone = {day: judged(day)[day] for day in MONTH[::4]}
    assert {day: together[day] for day in alone} == alone
    assert sum(map(len, alone.values())) > 10
    aside = [
        len(one.stored.set_aside) for one in report_sessions(replayed.engine, CALENDAR, MONTH, run_id="r", now=NOW)
    ]
    assert sum(aside) > 0
    assert judged(*MONTH) == together


def test_reports_of_one_session_of_ranges_around_it_and_analyses_leave_one_line_of_history(replayed: Replayed) -> None:
    def report(first: int, last: int) -> None:
        list(report_sessions(replayed.engine, CALENDAR, MONTH[first:last], run_id="r", now=NOW))

    report(10, 11)
    once = query(replayed.url, LINES)
    assert once
    for span in ((8, 14), (0, 12), (10, 11), (0, len(MONTH)), (9, 12)):
        report(*span)
        lines = query(replayed.url, LINES)
        assert {how for *_, how, _ in lines} == {"found"}
        assert lines[: len(once)] == once
    for ticker in ("SPY", "T007", "T009"):
        analyze_symbol_quality(replayed.engine, CALENDAR, ticker, MONTH[10], NOW)
    assert query(replayed.url, LINES) == lines


def test_a_bar_that_is_corrected_by_a_little_changes_no_verdict_of_later_sessions(replayed: Replayed) -> None:
    reports = list(report_sessions(replayed.engine, CALENDAR, MONTH[2:9], run_id="r", now=NOW))
    before = query(replayed.url, LINES)
    query(replayed.url, "UPDATE ohlcv_daily SET volume = volume * 1.01 WHERE session = %s", (MONTH[2],))
    again = list(report_sessions(replayed.engine, CALENDAR, MONTH[5:9], run_id="r", now=NOW))
    assert query(replayed.url, LINES) == before
    stored = {one.session: one.findings for one in reports}
    assert all(one.findings == stored[one.session] for one in again)
