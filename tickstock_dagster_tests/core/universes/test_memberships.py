"""Determinations in any order, over random histories: membership on a day is what the last one before it said."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.memberships import ALWAYS, Revision, Span, members_on, revise

DAYS = [date(2026, 1, 5) + timedelta(days=offset) for offset in range(12)]
members_of_a_day = st.frozensets(st.integers(1, 6), max_size=6)
determinations = st.lists(st.tuples(st.sampled_from(DAYS), members_of_a_day), max_size=20)


def apply(current: list[Span], determined: list[date], session: date, members: frozenset[int]) -> list[Span]:
    until = min((day for day in determined if day > session), default=None)
    revision = revise(current, session, until, members)
    assert set(revision.retired) <= set(current)
    assert not set(revision.retired) & set(revision.begun)
    return [span for span in current if span not in set(revision.retired)] + list(revision.begun)


@given(determinations)
def test_membership_is_what_the_last_determination_before_said_in_whatever_order_they_came(history):
    current: list[Span] = []
    said: dict[date, frozenset[int]] = {}
    for session, members in history:
        current = apply(current, list(said), session, members)
        said[session] = members
        for day in [*DAYS, DAYS[0] - timedelta(days=1), DAYS[-1] + timedelta(days=900)]:
            before = [other for other in said if other <= day]
            assert members_on(current, day) == (said[max(before)] if before else frozenset())
        by_security: dict[int, list[Span]] = {}
        for span in current:
            by_security.setdefault(span.security_id, []).append(span)
        for spans in by_security.values():
            spans.sort(key=lambda span: span.valid_from)
            for one, following in itertools.pairwise(spans):
                assert one.valid_to is not None, "only the last is open"
                assert one.valid_to < following.valid_from, "they neither overlap nor touch"


@given(determinations)
def test_the_order_of_determinations_makes_no_difference(history):
    said = dict(history)
    forwards: list[Span] = []
    backwards: list[Span] = []
    for place, session in enumerate(sorted(said)):
        forwards = apply(forwards, sorted(said)[:place], session, said[session])
    for place, session in enumerate(sorted(said, reverse=True)):
        backwards = apply(backwards, sorted(said, reverse=True)[:place], session, said[session])
    assert set(forwards) == set(backwards)


@given(determinations)
def test_what_was_known_at_a_moment_stays_what_was_known_then(history):
    rows: list[list] = []  # span, known from, known to
    said: dict[date, frozenset[int]] = {}
    told: list[dict[date, frozenset[int]]] = []
    for moment, (session, members) in enumerate(history):
        current = [span for span, _since, end in rows if end is None]
        until = min((day for day in said if day > session), default=None)
        revision = revise(current, session, until, members)
        for row in rows:
            if row[2] is None and row[0] in revision.retired:
                row[2] = moment
        rows += [[span, moment, None] for span in revision.begun]
        said = {**said, session: members}
        told.append(said)
    for moment, known in enumerate(told):
        then = [span for span, since, end in rows if since <= moment and (end is None or end > moment)]
        for day in DAYS:
            before = [other for other in known if other <= day]
            assert members_on(then, day) == (known[max(before)] if before else frozenset())


@given(determinations, st.sampled_from(DAYS), members_of_a_day)
def test_the_same_determination_again_changes_nothing(history, session, members):
    current: list[Span] = []
    determined: list[date] = []
    for day, there in [*history, (session, members)]:
        current = apply(current, determined, day, there)
        determined.append(day)
    until = min((day for day in determined if day > session), default=None)
    assert revise(current, session, until, members) == Revision((), ())


def test_a_member_that_stays_is_not_touched_and_a_gap_that_closes_is_one_span():
    stored = [Span(1, ALWAYS, None, 10), Span(2, DAYS[0], DAYS[3], 11), Span(2, DAYS[5], None, 12)]
    revision = revise(stored, DAYS[3], DAYS[5], {1, 2})
    assert revision.retired == (stored[1], stored[2])
    assert revision.begun == (Span(2, DAYS[0], None),)


def test_one_who_leaves_keeps_the_days_before_and_those_after_the_next_determination():
    revision = revise([Span(7, DAYS[0], None, 1)], DAYS[4], DAYS[6], set())
    assert revision.begun == (Span(7, DAYS[0], DAYS[4]), Span(7, DAYS[6], None))


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(BadInputError, match="until '2026-01-05' is not accepted: a session after 2026-01-05"):
        revise([], DAYS[0], DAYS[0], {1})
