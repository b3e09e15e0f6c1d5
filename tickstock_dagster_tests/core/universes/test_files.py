"""Universes as text files: read, written back, and refused with their lines."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.files import MemberLine, days_within, format_members, parse_members
from tickstock_dagster.core.universes.memberships import ALWAYS

DAY = date(2020, 1, 2)


def test_a_plain_list_has_no_dates_and_one_spelling() -> None:
    rows = parse_members("Symbol,Name\nAAPL,Apple\nbrk-b,Berkshire\n")
    assert [(row.line, row.ticker, row.valid_from) for row in rows] == [(2, "AAPL", None), (3, "BRK.B", None)]


def test_members_with_dates_end_before_the_end_date() -> None:
    rows = parse_members("ticker,start_date,end_date\nAAL,1996-01-02,1997-01-15\nAAL,2015-03-23,\n")
    assert rows == (
        MemberLine(2, "AAL", date(1996, 1, 2), date(1997, 1, 15)),
        MemberLine(3, "AAL", date(2015, 3, 23), None),
    )


def test_members_since_the_start_have_no_start_date_and_keep_the_three_columns() -> None:
    text = "ticker,start_date,end_date\nA,,2020-01-02\nBCI,,\n"
    rows = parse_members(text)
    assert rows == (MemberLine(2, "A", ALWAYS, date(2020, 1, 2)), MemberLine(3, "BCI", ALWAYS, None))
    assert format_members(rows) == text
    assert format_members(rows[1:]) == "ticker,start_date,end_date\nBCI,,\n"


@pytest.mark.parametrize("blank", ["\n", "  \n", "\r\n\r\n", ",,\n"])
def test_a_blank_line_says_nothing(blank: str) -> None:
    text = f"{blank}ticker,start_date,end_date\nA,2020-01-02,\n{blank}B,2020-01-02,\n{blank}"
    assert [row.ticker for row in parse_members(text)] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nApple\n", "header 'name' is not accepted: a column ticker"),
        ("ticker,start_date\nA,2020-01-02\n", "both start_date and end_date, or neither"),
        ("ticker\n", "at least one line"),
        ("", "a column ticker"),
        ("ticker,ticker\nA,B\n", "header 'ticker and ticker' is not accepted: one column of the ticker"),
        ("ticker,Symbol\nA,B\n", "header 'ticker and Symbol'"),
        ("ticker,start_date,end_date\nA,2020-01-02\n", "line 2 '2 fields' is not accepted: 3 fields"),
        ("ticker\nA,2020-01-02\n", "line 2 '2 fields' is not accepted: 1 fields"),
        ("ticker,start_date,end_date\nA,2024111,\n", "line 2, start_date '2024111'"),
        ("ticker,start_date,end_date\nA,24-01-05,\n", "line 2, start_date '24-01-05'"),
        ("ticker,start_date,end_date\nA,2024-W05-3,\n", "line 2, start_date '2024-W05-3'"),
        ("ticker,start_date,end_date\nA,0001-01-01,\n", "line 2, start_date '0001-01-01'"),
        ('ticker\nA\n"B\n', "line 3 'unexpected end of data'"),
        ("ticker\nA\x00B\n", r"line 2, ticker 'A\\x00B'"),
        ("ticker\nAAPL\n\nTOO LONG A TICKER\n", "line 4, ticker"),
        ("ticker\nAAPL\nMSFT\naapl\n", "AAPL in lines 2 and 4"),
        ("ticker,start_date,end_date\nA,2020-13-02,\n", "line 2, start_date '2020-13-02'"),
        ("ticker,start_date,end_date\nA,2020-01-02,2020-01-02\n", "line 2, end_date '2020-01-02'"),
        ("ticker,start_date,end_date\nA,2020-01-02,\nB,2020-01-02,\nA,2021-01-02,\n", "A in lines 2 and 4"),
        (
            "ticker,start_date,end_date\nA,2020-01-02,2020-06-01\nA,2020-05-29,2021-01-02\n",
            "A in lines 2 and 3' is not accepted: each ticker once on each day",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        parse_members(text)


def test_more_than_ten_doubled_tickers_are_counted() -> None:
    text = "ticker\n" + "".join(f"A{number}\n" * 2 for number in range(13))
    with pytest.raises(BadInputError, match="and 3 more"):
        parse_members(text)


@given(
    st.lists(st.sampled_from(["A", "BRK.B", "TRUE", "NAN"]), unique=True, min_size=1),
    st.dates(date(1996, 1, 2), date(2026, 1, 2)),
    st.one_of(st.none(), st.just(date(2026, 6, 1))),
)
def test_what_is_written_is_read_back(tickers: list[str], start: date, end: date | None) -> None:
    rows = tuple(MemberLine(line, ticker, start, end) for line, ticker in enumerate(tickers, start=2))
    assert parse_members(format_members(rows)) == rows
    plain = tuple(MemberLine(row.line, row.ticker, None, None) for row in rows)
    assert parse_members(format_members(plain)) == plain


SPANS = st.lists(st.tuples(st.dates(date(1999, 1, 1), date(2020, 1, 1)), st.integers(1, 4000)), max_size=12)


@given(SPANS)
@example([(date(2002, 11, 1), 2101), (date(2008, 8, 1), 3094), (date(2013, 9, 1), 1237)])
def test_the_days_to_ask_about_meet_every_span_and_no_two_could_be_one(spans: list[tuple[date, int]]) -> None:
    rows = [MemberLine(2, "A", start, start + timedelta(days=length)) for start, length in spans]
    earliest = date(2003, 9, 10)
    days = days_within(rows, earliest)
    asked = [row for row in rows if row.valid_to and row.valid_to > earliest]
    for row in asked:
        assert row.valid_from is not None
        assert row.valid_to is not None
        assert any(max(row.valid_from, earliest) <= day < row.valid_to for day in days)
    # Each day is the last one of a span that no other day meets: so as many spans are disjoint, and need as many days.
    # Of spans that end together it is that of the last one to begin.
    ending = [[row for row in asked if row.valid_to == day + timedelta(days=1)] for day in days]
    own = [max(rows, key=lambda row: row.valid_from or date.min) for rows in ending]
    assert all(first.valid_to <= second.valid_from for first, second in pairwise(own))
