"""Stretches of expectation agree with the cells themselves, and what a file can fill of what is owed."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import INTERVAL_SCHEMA, SPAN_SCHEMA
from tickstock_dagster.core.loading.expectation import (
    expected_cells,
    expected_on,
    expected_per_security,
    expected_per_session,
    expected_stretches,
)
from tickstock_dagster.core.loading.owed import OWED_SCHEMA, fillable

BEGINS = date(2026, 11, 2)
SESSIONS = library_calendar("XNYS").sessions(BEGINS, date(2026, 12, 11))
DAYS = st.integers(0, 40).map(lambda number: BEGINS + timedelta(days=number))
SPANS = st.lists(
    st.tuples(st.integers(1, 4), DAYS, st.none() | DAYS).filter(lambda row: row[2] is None or row[1] < row[2]),
    max_size=8,
)


@st.composite
def histories(draw: st.DrawFn) -> pl.DataFrame:
    """Tickers of up to four securities; intervals of one do not overlap, as the store has it."""
    rows = []
    for security in range(1, 5):
        bounds = sorted(draw(st.lists(DAYS, max_size=4, unique=True)))
        pairs = zip(bounds[::2], bounds[1::2], strict=False)
        rows += [(security, f"T{security}{first}", first, last) for first, last in pairs]
        if len(bounds) % 2:
            rows.append((security, f"T{security}", bounds[-1], None))
    names = [name for name in INTERVAL_SCHEMA if name not in ("security_id", "ticker", "valid_from", "valid_to")]
    fill = {"start_known": "unknown"}
    table = pl.DataFrame(
        [dict(zip(("security_id", "ticker", "valid_from", "valid_to"), row, strict=True)) for row in rows],
        schema={name: INTERVAL_SCHEMA[name] for name in ("security_id", "ticker", "valid_from", "valid_to")},
    )
    columns = {
        "seen_from": pl.col("valid_from"),
        "start_known": pl.lit(fill["start_known"]),
        "expected_from": pl.col("valid_from"),
        "expected_to": pl.col("valid_to"),
    }
    return table.with_columns(**{name: columns[name] for name in names})


@given(histories(), st.none() | SPANS)
def test_counts_and_cells_of_stretches_are_those_of_the_expectation(
    intervals: pl.DataFrame, spans: list[tuple[int, date, date | None]] | None
) -> None:
    given_spans = None if spans is None else pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row")
    cells = expected_cells(SESSIONS, intervals, given_spans)
    stretches = expected_stretches(intervals, given_spans)
    assert sorted(expected_on(stretches, SESSIONS).rows()) == sorted(cells.rows())
    per_session = dict(expected_per_session(stretches, SESSIONS).iter_rows())
    assert per_session == dict(cells.group_by("session").len().iter_rows())
    per_security = dict(expected_per_security(stretches, SESSIONS[3:9]).iter_rows())
    within = cells.filter(pl.col("session").is_in(SESSIONS[3:9]))
    assert per_security == dict(within.group_by("security_id").len().iter_rows())


def test_a_file_is_asked_for_what_it_has_and_never_again_for_the_same_content() -> None:
    later = datetime(2026, 12, 20, tzinfo=UTC)
    day = SESSIONS[0]
    cells = [
        ("AAA", "never_asked", "never requested", None),
        ("BBB", "vendor_missing", "files:old's answer has no bar", later),
        ("CCC", "vendor_missing", "files:new's answer has no bar", later),
        ("DDD", "quarantined", "its row was quarantined: high below low", later),
        ("EEE", "never_asked", "never requested", None),
    ]
    names = ("ticker", "reason", "evidence", "retry_at")
    rows = [{"security_id": 1, "session": day, **dict(zip(names, cell, strict=True))} for cell in cells]
    owed = pl.DataFrame(rows, schema=OWED_SCHEMA)
    held = pl.DataFrame({"ticker": ["AAA", "BBB", "CCC", "DDD"], "session": [day] * 4})
    found = fillable(owed, held, "files:new")
    due = dict(found.select("ticker", "retry_at").iter_rows())
    assert due == {"AAA": None, "BBB": None, "CCC": later, "DDD": later}
