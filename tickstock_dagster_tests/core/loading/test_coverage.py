from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.loading.coverage import (
    CELL_SCHEMA,
    FINAL_REASONS,
    GAP_SCHEMA,
    INTERVAL_SCHEMA,
    LONGEST_SILENCE,
    RETRY_SCHEMA,
    SETTLES_AFTER,
    THIN_MEDIAN_VOLUME,
    Completeness,
    GapReason,
    explain_absences,
)
from tickstock_dagster.core.loading.expectation import expected_cells

WEEK = [date(2022, 6, day) for day in (6, 7, 8, 9, 10)]
"""Monday to Friday; FB was META from Thursday the 9th."""


def intervals(*rows: tuple[int, str, date, date | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, "unknown", row[2], row[2], row[3]) for row in rows], schema=INTERVAL_SCHEMA, orient="row"
    )  # fmt: skip


def cells(frame: pl.DataFrame) -> list[tuple[int, int, str]]:
    return [(security_id, session.day, ticker) for security_id, session, ticker in frame.iter_rows()]


# What is expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(1, "A", date.min, None)], [(1, 6), (1, 7), (1, 8), (1, 9), (1, 10)], id="listed throughout"),
        pytest.param([(1, "A", WEEK[2], None)], [(1, 8), (1, 9), (1, 10)], id="listed on its first day"),
        pytest.param([(1, "A", date.min, WEEK[2])], [(1, 6), (1, 7)], id="delisted: the end is not included"),
        pytest.param(
            [(1, "A", date.min, WEEK[1]), (1, "A", WEEK[3], None)], [(1, 6), (1, 9), (1, 10)], id="listed again"
        ),
        pytest.param([(1, "A", date(2022, 6, 4), date(2022, 6, 6))], [], id="listed over a weekend only"),
        pytest.param([(1, "A", date(2022, 6, 11), None)], [], id="listed after the last session"),
        pytest.param(
            [(2, "A", WEEK[3], None), (1, "A", date.min, WEEK[3])],
            [(1, 6), (1, 7), (1, 8), (2, 9), (2, 10)],
            id="one ticker of two securities",
        ),
        pytest.param([], [], id="nothing tracked"),
    ],
)
def test_a_bar_is_expected_on_the_sessions_on_which_its_security_is_listed(rows, expected):
    found = expected_cells(WEEK, intervals(*rows))
    assert found.schema == pl.Schema(CELL_SCHEMA)
    assert [(security_id, day) for security_id, day, _ in cells(found)] == expected


def test_a_renamed_security_is_expected_under_the_ticker_printed_that_day():
    found = expected_cells(WEEK, intervals((1, "META", WEEK[3], None), (1, "FB", date.min, WEEK[3])))
    assert cells(found) == [(1, 6, "FB"), (1, 7, "FB"), (1, 8, "FB"), (1, 9, "META"), (1, 10, "META")]


def test_without_sessions_nothing_is_expected():
    assert expected_cells([], intervals((1, "A", date.min, None))).is_empty()


# Completeness


@pytest.mark.parametrize(
    ("expected", "stored", "final", "ratio"),
    [(500, 500, 0, 1.0), (500, 0, 0, 0.0), (500, 475, 0, 0.95), (500, 475, 25, 1.0), (10, 9, 1, 1.0), (10, 4, 2, 0.5),
     (0, 0, 0, 1.0), (3, 0, 3, 1.0)],
)  # fmt: skip
def test_completeness_is_what_is_stored_of_what_is_due(expected, stored, final, ratio):
    assert Completeness(WEEK[0], expected, stored, final, expected - stored - final).ratio == pytest.approx(ratio)


@given(st.integers(1, 5_000), st.data())
def test_an_open_reason_never_raises_completeness(expected, data):
    stored = data.draw(st.integers(0, expected - 1))
    state = Completeness(WEEK[0], expected, stored, 0, expected - stored)
    assert state.ratio < 1.0
    assert state.ratio == stored / expected


# Why a bar is absent

CLOSES_AT = datetime(2026, 11, 20, 21, tzinfo=UTC)
BUSY, THIN, UNKNOWN = 1, 2, 3
MEDIANS = pl.DataFrame(
    [(100 * n + security, volume) for n in range(5) for security, volume in ((BUSY, 1_000_000.0), (THIN, 900.0))],
    schema={"security_id": pl.Int64, "median_volume": pl.Float64},
    orient="row",
)
ABSENT_SCHEMA = {**CELL_SCHEMA, "closes_at": pl.Datetime("us", "UTC"), "suspicious": pl.Boolean}
NOTHING_REJECTED = pl.DataFrame(schema={"ticker": pl.String, "session": pl.Date, "reason": pl.String})


def absent(security_id: int, *, suspicious: bool = False, sessions: int = 1) -> pl.DataFrame:
    rows = []
    closes_at = CLOSES_AT
    while len(rows) < sessions:
        if closes_at.weekday() < 5:
            rows.append((security_id, closes_at.date(), f"T{security_id}", closes_at, suspicious))
        closes_at -= timedelta(days=1)
    return pl.DataFrame(rows, schema=ABSENT_SCHEMA, orient="row")


def explain(
    cells: pl.DataFrame, after_close: timedelta = timedelta(days=2), rejected: pl.DataFrame = NOTHING_REJECTED
) -> pl.DataFrame:
    found = explain_absences(cells, MEDIANS, rejected, now=CLOSES_AT + after_close, asked="the answer")
    assert found.schema == pl.Schema(GAP_SCHEMA)
    key = ["security_id", "session"]
    assert found.select(list(CELL_SCHEMA)).sort(key).equals(cells.select(list(CELL_SCHEMA)).sort(key))
    return found


EVENING, LATER, OLD = timedelta(minutes=30), timedelta(days=2), timedelta(days=60)


@pytest.mark.parametrize(
    ("security", "suspicious", "after_close", "reason", "retry_after", "words"),
    [
        (THIN, False, LATER, "no_trade", None, "it trades thinly, a median of 900 shares"),
        (THIN, False, EVENING, "no_trade", None, "it trades thinly"),
        (THIN, True, LATER, "vendor_missing", timedelta(days=1), "lacks more than 5% of the expected bars"),
        (THIN, True, EVENING, "vendor_late", timedelta(minutes=15), "lacks more than 5%"),
        (BUSY, False, EVENING, "vendor_late", timedelta(minutes=15), "its median volume is 1000000 shares"),
        (BUSY, False, timedelta(hours=4), "vendor_late", timedelta(hours=1), "its median volume is 1000000 shares"),
        (BUSY, False, timedelta(hours=18), "vendor_late", timedelta(hours=2), "its median volume is 1000000 shares"),
        (BUSY, False, LATER, "vendor_missing", timedelta(days=1), "its median volume is 1000000 shares"),
        (BUSY, False, OLD, "vendor_missing", timedelta(days=30), "its median volume is 1000000 shares"),
        (BUSY, True, LATER, "vendor_missing", timedelta(days=1), "lacks more than 5%"),
        (UNKNOWN, False, LATER, "vendor_missing", timedelta(days=1), "its usual volume is not known"),
        (UNKNOWN, False, EVENING, "vendor_late", timedelta(minutes=15), "its usual volume is not known"),
    ],
)  # fmt: skip
def test_every_absence_has_a_reason_evidence_and_a_time_to_ask_again(
    security, suspicious, after_close, reason, retry_after, words
):
    (gap,) = explain(absent(security, suspicious=suspicious), after_close).iter_rows(named=True)
    assert gap["reason"] == reason
    assert words in gap["evidence"]
    assert gap["evidence"].startswith("the answer ")
    assert gap["retry_at"] == (None if retry_after is None else CLOSES_AT + after_close + retry_after)


SETTLED = SETTLES_AFTER - EVENING


@pytest.mark.parametrize(
    ("answers", "max_retries", "multiplier", "suspicious", "wait"),
    [
        (0, 3, 2.0, False, timedelta(minutes=15)),
        (1, 3, 2.0, False, timedelta(minutes=30)),
        (2, 3, 2.0, False, timedelta(minutes=60)),
        (3, 3, 2.0, False, SETTLED),
        (2, 3, 1.0, False, timedelta(minutes=15)),
        (1, 3, 1.5, False, timedelta(minutes=22, seconds=30)),
        (0, 0, 2.0, False, SETTLED),
        (19, 20, 10.0, False, SETTLED),
        (9, 3, 2.0, True, timedelta(minutes=15)),
    ],
)
def test_a_late_bar_is_asked_for_again_on_the_terms_of_its_type(answers, max_retries, multiplier, suspicious, wait):
    cells = absent(BUSY, suspicious=suspicious)
    terms = pl.DataFrame([(BUSY, cells["session"][0], answers, max_retries, multiplier)], RETRY_SCHEMA, orient="row")
    (gap,) = explain_absences(
        cells, MEDIANS, NOTHING_REJECTED, now=CLOSES_AT + EVENING, asked="the answer", terms=terms
    ).iter_rows(named=True)
    assert (gap["reason"], gap["retry_at"] - (CLOSES_AT + EVENING)) == ("vendor_late", wait)


def test_terms_say_nothing_of_what_has_settled():
    cells = absent(BUSY)
    terms = pl.DataFrame([(BUSY, cells["session"][0], 0, 3, 2.0)], RETRY_SCHEMA, orient="row")
    found = explain_absences(cells, MEDIANS, NOTHING_REJECTED, now=CLOSES_AT + LATER, asked="x", terms=terms)
    assert found["retry_at"].to_list() == [CLOSES_AT + LATER + timedelta(days=1)]


@pytest.mark.parametrize(
    ("after_close", "reason"),
    [(SETTLES_AFTER - timedelta(seconds=1), "vendor_late"), (SETTLES_AFTER, "vendor_missing")],
)
def test_a_bar_is_late_until_the_session_has_settled_and_missing_from_then_on(after_close, reason):
    assert explain(absent(BUSY), after_close)["reason"].to_list() == [reason]


@pytest.mark.parametrize(("security", "suspicious"), [(BUSY, False), (THIN, False), (THIN, True)])
def test_a_quarantined_row_explains_its_cell_before_anything_else(security, suspicious):
    rejected = pl.DataFrame(
        [(f"T{security}", CLOSES_AT.date(), "high is below low"), ("T9", CLOSES_AT.date(), "volume is negative")],
        schema=NOTHING_REJECTED.schema,
        orient="row",
    )
    (gap,) = explain(absent(security, suspicious=suspicious), LATER, rejected).iter_rows(named=True)
    assert (gap["reason"], gap["evidence"]) == ("quarantined", "its row was quarantined: high is below low")
    assert gap["retry_at"] == CLOSES_AT + LATER + timedelta(days=1)


def test_two_quarantined_rows_explain_their_cell_once():
    day = CLOSES_AT.date()
    rejected = pl.DataFrame(
        [("T1", day, "high is below low"), ("T1", day, "volume is negative"), ("T1", None, "session is missing")],
        schema=NOTHING_REJECTED.schema,
        orient="row",
    )
    assert explain(absent(BUSY), LATER, rejected)["reason"].to_list() == ["quarantined"]


@pytest.mark.parametrize(
    ("sessions", "reason"),
    [(LONGEST_SILENCE, "no_trade"), (LONGEST_SILENCE + 1, "vendor_missing"), (252, "vendor_missing")],
)
def test_a_long_silence_is_not_ordinary_even_for_a_thin_name(sessions, reason):
    found = explain(absent(THIN, sessions=sessions))
    assert set(found["reason"]) == {reason}
    if reason != "no_trade":
        assert f"has no bar, nor for {sessions} sessions in a row" in found["evidence"][0]


def test_days_without_a_trade_between_others_are_ordinary_however_many():
    every_other = absent(THIN, sessions=250).gather_every(2)
    assert set(explain(every_other)["reason"]) == {"no_trade"}


def test_another_securitys_silence_is_its_own():
    both = pl.concat([absent(THIN, sessions=6), absent(BUSY, sessions=6)])
    assert explain(both).group_by("reason").len().sort("reason").rows() == [("no_trade", 6), ("vendor_missing", 6)]


@pytest.mark.parametrize(
    ("median", "reason"), [(THIN_MEDIAN_VOLUME - 1, "no_trade"), (THIN_MEDIAN_VOLUME, "vendor_missing")]
)
def test_thin_is_below_the_limit(median, reason):
    medians = pl.DataFrame({"security_id": [1], "median_volume": [median]})
    found = explain_absences(absent(1), medians, NOTHING_REJECTED, now=CLOSES_AT + LATER, asked="the answer")
    assert found["reason"].to_list() == [reason]


@given(
    st.lists(st.tuples(st.sampled_from([BUSY, THIN, UNKNOWN]), st.booleans(), st.integers(1, 14)), max_size=5),
    st.sampled_from([EVENING, LATER, OLD]),
)
def test_exactly_the_open_reasons_are_asked_for_again_and_later_than_now(parts, after_close):
    frames = [absent(100 * n + security, suspicious=s, sessions=k) for n, (security, s, k) in enumerate(parts)]
    cells = pl.concat([pl.DataFrame(schema=ABSENT_SCHEMA), *frames])
    found = explain(cells, after_close)
    final = pl.col("reason").is_in([reason.value for reason in FINAL_REASONS])
    assert found.filter(final == pl.col("retry_at").is_not_null()).is_empty()
    assert found.filter(pl.col("retry_at") <= CLOSES_AT + after_close).is_empty()
    assert set(found["reason"]) <= {reason.value for reason in GapReason}
    assert not found["evidence"].has_nulls()
