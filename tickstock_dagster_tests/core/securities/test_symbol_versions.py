"""Folding dated lists into versions: whatever the order, every observed day reads as its list said."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.securities.symbol_versions import (
    SymbolFacts,
    SymbolVersion,
    VersionChanges,
    fold_list,
)

DAYS = [date(2026, 11, 2) + timedelta(days=number) for number in range(8)]
MON, TUE, WED, THU, FRI = DAYS[:5]
AAA, AAB = SymbolFacts("AAA", "Alpha"), SymbolFacts("AAB", "Alpha renamed")

Rows = dict[int, SymbolFacts]


def applied(versions: list[SymbolVersion], changes: VersionChanges) -> list[SymbolVersion]:
    """What a store holds after the changes: keys deleted first, then rows written over their key."""
    held = {version.key: version for version in versions}
    for key in changes.deleted:
        del held[key]
    held |= {version.key: version for version in changes.written}
    return sorted(held.values(), key=lambda version: version.key)


def folded(lists: list[tuple[date, Rows]]) -> list[SymbolVersion]:
    versions: list[SymbolVersion] = []
    seen: list[date] = []
    for on, rows in lists:
        versions = applied(versions, fold_list(versions, rows, on, seen))
        seen.append(on)
    return versions


def read_day(versions: Iterable[SymbolVersion], day: date, lists: Sequence[date]) -> dict[int, SymbolFacts]:
    """The list of the greatest observed date that is not after `day`; empty where there is none."""
    observed = sorted(lists)
    place = bisect_right(observed, day)
    if not place:
        return {}
    on = observed[place - 1]
    return {version.security_id: version.facts for version in versions if version.seen_from <= on <= version.seen_to}


def spans(versions: list[SymbolVersion]) -> list[tuple[int, date, date, str]]:
    return [(row.security_id, row.seen_from, row.seen_to, row.facts.ticker) for row in versions]


facts = st.sampled_from([AAA, AAB, SymbolFacts("AAA", "Alpha", cik="1")])
lists = st.lists(st.tuples(st.sampled_from(DAYS), st.dictionaries(st.integers(1, 3), facts)), min_size=1, max_size=12)


@given(lists)
def test_every_observed_day_reads_as_the_last_list_of_it_said(observed: list[tuple[date, Rows]]) -> None:
    versions = folded(observed)
    said = dict(observed)
    for day in DAYS:
        newest = max((on for on in said if on <= day), default=None)
        assert read_day(versions, day, list(said)) == ({} if newest is None else said[newest])


@given(lists)
def test_versions_of_one_security_never_overlap_and_equal_neighbours_are_one(
    observed: list[tuple[date, Rows]],
) -> None:
    versions = folded(observed)
    days = sorted(dict(observed))
    for former, latter in pairwise(versions):
        if former.security_id == latter.security_id:
            assert former.seen_to < latter.seen_from
            between = [day for day in days if former.seen_to < day < latter.seen_from]
            assert between or former.facts != latter.facts


@given(lists, st.randoms())
def test_the_order_of_lists_of_different_days_decides_nothing(
    observed: list[tuple[date, Rows]], random: Random
) -> None:
    once = list(dict(observed).items())
    mixed = list(once)
    random.shuffle(mixed)
    assert folded(once) == folded(mixed)


@given(lists)
def test_folding_a_list_again_changes_nothing(observed: list[tuple[date, Rows]]) -> None:
    versions = folded(observed)
    for on, rows in dict(observed).items():
        changes = fold_list(versions, rows, on, [day for day, _ in observed])
        assert (changes.written, changes.deleted) == ([], [])


@given(lists, st.sampled_from(DAYS), st.dictionaries(st.integers(1, 3), facts))
def test_versions_around_the_list_are_enough(observed: list[tuple[date, Rows]], on: date, rows: Rows) -> None:
    """The store reads only what reaches from the list before to the list after."""
    versions, days = folded(observed), [day for day, _ in observed]
    before = max((day for day in days if day < on), default=on)
    after = min((day for day in days if day > on), default=on)
    near = [version for version in versions if version.seen_to >= before and version.seen_from <= after]
    assert fold_list(near, rows, on, days) == fold_list(versions, rows, on, days)


def test_an_unchanged_symbol_keeps_one_version() -> None:
    assert spans(folded([(MON, {1: AAA}), (TUE, {1: AAA}), (WED, {1: AAA})])) == [(1, MON, WED, "AAA")]


def test_a_list_in_between_that_lacks_it_parts_the_version() -> None:
    versions = folded([(MON, {1: AAA}), (FRI, {1: AAA}), (WED, {})])
    assert spans(versions) == [(1, MON, MON, "AAA"), (1, FRI, FRI, "AAA")]


def test_a_change_in_between_begins_a_version_and_takes_no_observed_day() -> None:
    versions = folded([(MON, {1: AAA}), (TUE, {1: AAA}), (FRI, {1: AAA}), (WED, {1: AAB})])
    assert spans(versions) == [(1, MON, TUE, "AAA"), (1, WED, WED, "AAB"), (1, FRI, FRI, "AAA")]


def test_what_a_list_changes_is_counted_against_the_list_before() -> None:
    versions = folded([(MON, {1: AAA, 2: AAB, 3: AAB})])
    changes = fold_list(versions, {1: AAB, 2: AAB, 4: AAA}, TUE, [MON])
    assert (changes.begun, changes.changed, changes.gone) == (1, 1, 1)
    assert len(changes.written) == 3
    assert changes.deleted == []


def test_a_day_before_the_first_list_reads_as_empty() -> None:
    assert read_day(folded([(TUE, {1: AAA})]), MON, [TUE]) == {}
