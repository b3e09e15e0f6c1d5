from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.core.bars.ingest import (
    FEW,
    SESSION_TABLE,
    ValidatedAnswers,
    absent_cells,
    first_bars,
    validate_answers,
)
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import (
    CELL_SCHEMA,
    INTERVAL_SCHEMA,
    SETTLES_AFTER,
    Completeness,
    GapReason,
    explain_absences,
)

XNYS = library_calendar("XNYS")
HOURS = XNYS.session_hours(date(2026, 11, 9), date(2026, 11, 27))
DAYS = [hours.session for hours in HOURS]
SESSIONS = pl.DataFrame([(hours.session, hours.closes_at) for hours in HOURS], schema=SESSION_TABLE, orient="row")
FRIDAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def intervals(*rows: tuple[object, ...]) -> pl.DataFrame:
    """(security, ticker, from, to) or with start_known and seen_from besides."""
    filled = [(*row, "unknown", row[2]) if len(row) == 4 else row for row in rows]
    filled = [(*row, row[5] if row[4] == "absent_before" else row[2], row[3]) for row in filled]
    return pl.DataFrame(filled, schema=INTERVAL_SCHEMA, orient="row")


LISTED = intervals((1, "AAPL", date.min, None), (2, "MSFT", date.min, None))


def row(
    ticker: str = "AAPL", session: date | None = FRIDAY, unit_id: str = "u1", **changes: object
) -> dict[str, object]:
    values = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1_000.0, "vwap": None, "transactions": 7}
    return {"ticker": ticker, "session": session, "unit_id": unit_id, **values, **changes}


def judge(rows: Sequence[dict[str, object]], held: pl.DataFrame = LISTED, now: datetime = NOW) -> ValidatedAnswers:
    answers = pl.DataFrame(rows, schema={**BAR_SCHEMA, "unit_id": pl.String})
    return validate_answers(answers, held, SESSIONS, market="XNYS", now=now)


# Which rows are storable


def test_a_good_row_of_a_known_security_is_storable():
    judged = judge([row(volume=1_000.5)])
    (bar,) = judged.bars.iter_rows(named=True)
    assert (bar["security_id"], bar["ticker"], bar["session"], bar["volume"]) == (1, "AAPL", FRIDAY, 1_000)
    assert (bar["closes_at"], bar["status"], bar["unit_id"]) == (XNYS.closes_at(FRIDAY), "final", "u1")
    assert judged.bars.schema["volume"] == pl.Int64
    assert judged.rejected.is_empty()
    assert judged.unresolved == ()


@pytest.mark.parametrize(
    "closed",
    [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 26)],
    ids=["Saturday", "Sunday", "Thanksgiving"],
)
def test_a_bar_of_a_closed_day_is_rejected_and_never_makes_a_session(closed):
    judged = judge([row(), row(session=closed)])
    assert judged.bars["session"].to_list() == [FRIDAY]
    (broken,) = judged.rejected.iter_rows(named=True)
    assert (broken["session"], broken["security_id"]) == (closed, 1)
    assert broken["reason"] == "the date is not a session of XNYS"


def test_a_row_without_a_session_is_rejected_and_belongs_to_nobody():
    judged = judge([row(session=None)])
    (broken,) = judged.rejected.iter_rows(named=True)
    assert (broken["reason"], broken["security_id"]) == ("session is missing", None)


def test_a_broken_row_keeps_its_security_and_its_call():
    (broken,) = judge([row(high=8.0, unit_id="u7")]).rejected.iter_rows(named=True)
    assert (broken["security_id"], broken["unit_id"]) == (1, "u7")
    assert broken["reason"].startswith("high is below low")


def test_tickers_that_nobody_holds_are_named_once_and_in_order():
    judged = judge([row("ZZZ"), row("AAA"), row("ZZZ", date(2026, 11, 19)), row(), row("BAD", high=8.0)])
    assert judged.unresolved == ("AAA", "ZZZ")
    assert judged.bars["ticker"].to_list() == ["AAPL"]


@pytest.mark.parametrize(
    "known", [LISTED, intervals(), intervals((1, "AAPL", date.min, None), (2, "AAPL", NOW.date(), None))]
)
def test_an_answer_without_rows_is_judged_to_nothing(known):
    judged = judge([], known)
    assert (judged.bars.height, judged.rejected.height, judged.unresolved) == (0, 0, ())


HANDED_OVER = intervals(
    (3, "META", date(2026, 11, 10), date(2026, 11, 13)),
    (4, "FB", date.min, date(2026, 11, 18)),
    (4, "META", date(2026, 11, 18), None),
)


@pytest.mark.parametrize(
    ("ticker", "day", "security_id"),
    [
        ("META", 9, None),
        ("META", 10, 3),
        ("META", 12, 3),
        ("META", 13, None),
        ("META", 17, None),
        ("META", 18, 4),
        ("META", 27, 4),
        ("FB", 17, 4),
        ("FB", 18, None),
    ],
)
@pytest.mark.parametrize("beside", [[], [row("AAPL")]], ids=["alone", "beside others"])
def test_a_bar_belongs_to_whoever_held_the_ticker_that_day(ticker, day, security_id, beside):
    held = pl.concat([HANDED_OVER, LISTED])
    good, broken = row(ticker, date(2026, 11, day)), row(ticker, date(2026, 11, day), volume=-1.0)
    judged = judge([*beside, good], held)
    found = judged.bars.filter(pl.col("ticker") == ticker)["security_id"].to_list()
    assert found == ([] if security_id is None else [security_id])
    assert judged.unresolved == ((ticker,) if security_id is None else ())
    assert judge([*beside, broken], held).rejected["security_id"].to_list() == [security_id]


@pytest.mark.parametrize(
    ("after_close", "status"),
    [
        (timedelta(0), "provisional"),
        (SETTLES_AFTER - timedelta(seconds=1), "provisional"),
        (SETTLES_AFTER, "final"),
        (timedelta(days=400), "final"),
    ],
)
@pytest.mark.parametrize("session", [FRIDAY, date(2026, 11, 27)], ids=["full day", "half day"])
def test_a_bar_is_provisional_until_its_session_has_settled(after_close, status, session):
    now = XNYS.closes_at(session) + after_close
    assert judge([row(session=session)], now=now).bars["status"].to_list() == [status]


def test_a_cell_that_two_calls_brought_alike_counts_once():
    judged = judge([row(unit_id="range"), row(unit_id="grouped"), row("MSFT", unit_id="grouped")])
    assert judged.bars.select("security_id", "unit_id").rows() == [(1, "range"), (2, "grouped")]


def test_a_cell_that_was_told_in_two_ways_is_rejected_twice():
    judged = judge([row(close=11.0), row(close=11.5), row("MSFT")])
    assert judged.bars["ticker"].to_list() == ["MSFT"]
    assert judged.rejected["reason"].to_list() == ["two different rows for one session"] * 2


ANY_ROWS = st.lists(
    st.builds(
        row,
        ticker=st.sampled_from(["AAPL", "META", "FB", "ZZZ"]),
        session=st.sampled_from([None, date(2026, 11, 21), *DAYS]),
        unit_id=st.sampled_from(["u1", "u2"]),
        volume=st.sampled_from([None, -1.0, 0.5, 100.0, 100.0, 100.0]),
    ),
    max_size=12,
)


@given(ANY_ROWS, st.randoms(use_true_random=False))
def test_every_row_is_storable_rejected_or_nobodys_in_whatever_order_they_come(rows, random):
    held = pl.concat([HANDED_OVER, LISTED])
    judged = judge(rows, held)
    shuffled = judge(random.sample(rows, len(rows)), held)
    cells = ["security_id", "session"]
    assert judged.bars.select(cells).sort(cells).equals(shuffled.bars.select(cells).sort(cells))
    assert judged.unresolved == shuffled.unresolved
    assert not judged.bars.select(pl.struct(cells).is_duplicated().any()).item()
    placed = {*judged.bars["ticker"], *judged.rejected["ticker"], *judged.unresolved}
    assert placed == {one["ticker"] for one in rows}
    assert set(judged.bars["session"]) <= set(DAYS)


# What is still absent


def asked_for(cells: Sequence[tuple[int, date]], kind: str = "grouped") -> pl.DataFrame:
    rows = [(security_id, session, f"T{security_id}", kind) for security_id, session in cells]
    return pl.DataFrame(rows, schema={**CELL_SCHEMA, "kind": pl.String}, orient="row")


def found(cells: Sequence[tuple[int, date]]) -> pl.DataFrame:
    return pl.DataFrame(list(cells), schema={"security_id": pl.Int64, "session": pl.Date}, orient="row")


def absent(asked: pl.DataFrame, bars: pl.DataFrame, stored: int = 0) -> pl.DataFrame:
    expected = asked.group_by("session").agg((pl.len() + stored).alias("expected"))
    return absent_cells(asked, bars, SESSIONS, expected)


def test_the_few_that_are_asked_for_again_say_nothing_about_the_answer():
    cells = [(security_id, DAYS[0]) for security_id in range(1, 6)]
    assert absent(asked_for(cells), found([]))["suspicious"].all()
    assert not absent(asked_for(cells), found([]), stored=495)["suspicious"].any()


@pytest.mark.parametrize(
    ("asked", "missing", "suspicious"),
    [
        (500, 1, False),
        (500, 25, False),
        (500, 26, True),
        (500, 500, True),
        (40, 2, False),
        (40, 3, True),
        (3, 3, True),
        (3, 2, False),
        (FEW, FEW, False),
        (1, 1, False),
    ],
)
def test_a_grouped_answer_that_lacks_more_than_a_few_and_a_twentieth_says_nothing(asked, missing, suspicious):
    cells = [(number, FRIDAY) for number in range(asked)]
    gaps = absent(asked_for(cells), found(cells[missing:]))
    assert gaps["security_id"].to_list() == list(range(missing))
    assert set(gaps["suspicious"]) == {suspicious}
    assert set(gaps["closes_at"]) == {XNYS.closes_at(FRIDAY)}


def test_each_session_is_judged_by_itself():
    cells = [(number, session) for session in DAYS[:2] for number in range(10)]
    gaps = absent(asked_for(cells), found([cell for cell in cells if cell[1] == DAYS[1] and cell[0] > 0]))
    assert gaps.group_by("session", "suspicious").len().sort("session").rows() == [
        (DAYS[0], True, 10),
        (DAYS[1], False, 1),
    ]


def test_what_range_answers_lack_makes_no_grouped_answer_suspicious():
    ranged = asked_for([(number, FRIDAY) for number in range(100, 110)], "range")
    grouped = asked_for([(number, FRIDAY) for number in range(40)])
    gaps = absent(pl.concat([ranged, grouped]), found([(number, FRIDAY) for number in range(38)]))
    assert gaps.group_by("kind").len().sort("kind").rows() == [("grouped", 2), ("range", 10)]
    assert not gaps["suspicious"].any()


def test_nothing_asked_is_nothing_absent():
    assert absent(asked_for([]), found([(1, FRIDAY)])).is_empty()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(DAYS)), unique=True, max_size=60),
    st.sets(st.integers(0, 30)),
    st.sampled_from(["grouped", "range"]),
)
def test_each_asked_cell_is_found_or_absent(cells, present, kind):
    bars = [cell for cell in cells if cell[0] in present] + [(99, DAYS[0])]
    gaps = absent(asked_for(cells, kind), found(bars))
    assert sorted(gaps.select("security_id", "session").rows()) == sorted(set(cells) - set(bars))


@given(st.integers(FEW + 1, 60), st.integers(1, 10), st.sampled_from([30, 60 * 24 * 3]), st.data())
def test_an_outage_never_looks_complete(securities, sessions, minutes, data):
    """Whatever trades thinly: where nothing came of what was asked for, nothing is final and nothing is complete."""
    cells = [(number, session) for session in DAYS[:sessions] for number in range(securities)]
    medians = data.draw(st.lists(st.sampled_from([10.0, 4_999.0, 1e6]), min_size=securities, max_size=securities))
    gaps = explain_absences(
        absent(asked_for(cells), found([])).select(*CELL_SCHEMA, "closes_at", "suspicious"),
        pl.DataFrame({"security_id": range(securities), "median_volume": medians}),
        pl.DataFrame(schema={"ticker": pl.String, "session": pl.Date, "reason": pl.String}),
        now=XNYS.closes_at(DAYS[sessions - 1]) + timedelta(minutes=minutes),
        asked="the answer",
    )
    assert set(gaps["reason"]) <= {GapReason.VENDOR_LATE.value, GapReason.VENDOR_MISSING.value}
    for session, missing in gaps.group_by("session").len().iter_rows():
        assert Completeness(session, securities, 0, securities - missing, missing).ratio == 0.0


# Where a listing begins

LISTED_ON = DAYS[3]
"""The list of 2026-11-10 lacks the ticker, that of 2026-11-20 has it; its first bar is of 2026-11-12."""

LATE = intervals((1, "T1", date(2026, 11, 11), None, "absent_before", FRIDAY))


def traded(*days: date, security_id: int = 1) -> pl.DataFrame:
    rows = [(security_id, f"T{security_id}", session) for session in days]
    schema = {"security_id": pl.Int64, "ticker": pl.String, "session": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def starts(
    bars: pl.DataFrame, known: pl.DataFrame = LATE, asked: Sequence[date] = DAYS[2:]
) -> list[tuple[object, ...]]:
    return first_bars(bars, known, asked_for([(1, session) for session in asked], "range")).rows()


def test_a_listing_begins_at_the_first_bar_of_an_answer_that_reaches_further_back():
    assert starts(traded(*DAYS[3:])) == [(1, date(2026, 11, 11), LISTED_ON)]


@pytest.mark.parametrize("days_between", [0, 7])
def test_the_first_possible_session_may_come_after_closed_days(days_between):
    known = intervals((1, "T1", DAYS[2] - timedelta(days=days_between), None, "absent_before", FRIDAY))
    assert len(starts(traded(*DAYS[3:]), known)) == 1


@pytest.mark.parametrize(
    ("known", "bars", "asked"),
    [
        pytest.param(LATE, DAYS[2:], DAYS[2:], id="it traded on the first possible day"),
        pytest.param(LATE, DAYS[3:], DAYS[3:], id="the first possible day was not asked for"),
        pytest.param(LATE, [], DAYS[2:], id="no bar came at all"),
        pytest.param(LATE, DAYS[10:], DAYS[2:], id="a list shows it before its first bar"),
        pytest.param(
            intervals((1, "T1", date(2026, 11, 11), None, "vendor", FRIDAY)),
            DAYS[3:],
            DAYS[2:],
            id="the vendor told it",
        ),
        pytest.param(
            intervals((1, "T1", date(2026, 11, 11), None, "unknown", FRIDAY)), DAYS[3:], DAYS[2:], id="nothing is known"
        ),
        pytest.param(
            intervals((1, "T1", DAYS[2] - timedelta(days=8), None, "absent_before", FRIDAY)),
            DAYS[3:],
            DAYS[2:],
            id="sessions before those asked for may have traded",
        ),
    ],
)
def test_otherwise_the_start_stays_unknown(known, bars, asked):
    assert starts(traded(*bars), known, asked) == []


def test_a_security_that_was_listed_twice_begins_anew_by_its_second_life_alone():
    twice = intervals(
        (1, "T1", date.min, DAYS[2]),
        (1, "T1", DAYS[4], None, "absent_before", FRIDAY),
    )
    assert starts(traded(DAYS[0], *DAYS[6:]), twice, DAYS) == [(1, DAYS[4], DAYS[6])]
    assert starts(traded(DAYS[0], *DAYS[6:]), twice, DAYS[:2] + DAYS[6:]) == []


def test_another_securitys_bars_begin_no_listing():
    assert starts(traded(*DAYS[3:], security_id=2)) == []
