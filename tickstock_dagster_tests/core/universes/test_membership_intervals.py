"""Universes given as intervals: what overlaps is refused by line, what touches is joined, members are counted."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.membership_intervals import (
    GivenInterval,
    boundaries,
    counts_at,
    replace,
    spans_of,
)
from tickstock_dagster.core.universes.memberships import Revision, Span, members_on

DAYS = [date(2026, 1, 5) + timedelta(days=offset) for offset in range(12)]


def test_intervals_that_touch_become_one() -> None:
    given_ones = [
        GivenInterval(1, DAYS[3], None, 1), GivenInterval(1, DAYS[0], DAYS[3], 2),
        GivenInterval(2, DAYS[1], DAYS[2], 3),
        GivenInterval(2, DAYS[5], DAYS[6], 4),
    ]  # fmt: skip
    assert spans_of(given_ones) == [Span(1, DAYS[0], None), Span(2, DAYS[1], DAYS[2]), Span(2, DAYS[5], DAYS[6])]


@pytest.mark.parametrize(
    ("second", "lines"),
    [((DAYS[2], DAYS[4]), "lines 4 and 7"), ((DAYS[0], None), "lines 4 and 7"), ((DAYS[1], DAYS[3]), "lines 4 and 7")],
)
def test_intervals_of_one_security_that_overlap_are_refused_with_both_lines(second, lines: str) -> None:
    with pytest.raises(BadInputError, match=f"no overlap of one security: {lines}"):
        spans_of([GivenInterval(9, DAYS[1], DAYS[3], 7), GivenInterval(9, *second, 4)])


def test_an_interval_that_never_ends_overlaps_whatever_follows() -> None:
    with pytest.raises(BadInputError, match="lines 1 and 2"):
        spans_of([GivenInterval(9, DAYS[0], None, 1), GivenInterval(9, DAYS[9], None, 2)])


def test_an_end_that_is_not_after_the_start_is_refused_with_its_line() -> None:
    with pytest.raises(BadInputError, match="interval in line 3 '2026-01-05 to 2026-01-05' is not accepted"):
        spans_of([GivenInterval(1, DAYS[0], DAYS[0], 3)])


@given(st.lists(st.frozensets(st.integers(1, 5)), min_size=12, max_size=12))
def test_members_are_counted_and_every_change_is_a_boundary(by_day) -> None:
    one_day = [
        GivenInterval(security, day, day + timedelta(days=1), 1)
        for day, members in zip(DAYS, by_day, strict=True)
        for security in members
    ]
    spans = spans_of(one_day)
    assert [members_on(spans, day) for day in DAYS] == by_day
    assert counts_at(spans, DAYS) == [len(members) for members in by_day]
    for place in range(1, len(DAYS)):
        if by_day[place] != by_day[place - 1]:
            assert DAYS[place] in boundaries(spans)


def test_what_is_replaced_by_the_same_is_not_touched() -> None:
    stored = [Span(1, DAYS[0], None, 10), Span(2, DAYS[0], DAYS[4], 11)]
    revision = replace(stored, [Span(1, DAYS[0], None), Span(2, DAYS[0], DAYS[5])])
    assert revision == Revision((stored[1],), (Span(2, DAYS[0], DAYS[5]),))
