"""Expected cells, and their counts by session, are what the definition says, day by day."""

from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.intervals import covers
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, SPAN_SCHEMA
from tickstock_dagster.core.loading.expectation import expected_cells, expected_counts, expected_stretches
from tickstock_dagster_tests.core.loading.test_owed import SESSIONS, SPANS, histories


@given(histories(), st.none() | SPANS, st.sets(st.sampled_from(SESSIONS)).map(sorted))
def test_expected_cells_are_the_sessions_on_which_a_security_is_listed_and_wanted(
    intervals: pl.DataFrame, spans: list[tuple[int, date, date | None]] | None, sessions: list[date]
) -> None:
    given_spans = None if spans is None else pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row")
    listed = intervals.select("security_id", "ticker", "expected_from", "expected_to").rows()
    wanted = [
        (security, day, ticker)
        for security, ticker, first, last in listed
        for day in sessions
        if covers(first, last, day)
        and (spans is None or any(who == security and covers(begins, ends, day) for who, begins, ends in spans))
    ]
    cells = expected_cells(sessions, intervals, given_spans)
    assert cells.rows() == sorted(wanted)
    assert cells.schema == pl.Schema(CELL_SCHEMA)
    counts = expected_counts(sessions, expected_stretches(intervals, given_spans))
    assert dict(counts.iter_rows()) == {day: n for day in sessions if (n := sum(one[1] == day for one in wanted))}
    assert counts["session"].is_sorted()
