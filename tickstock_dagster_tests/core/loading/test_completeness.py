"""Counting cells by universe, theme and type: nobody counted twice, nothing expected is never complete."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.loading.completeness import (
    GROUP_SPAN_SCHEMA,
    STATE_SCHEMA,
    GroupCompleteness,
    GroupKind,
    group_completeness,
    groups_table,
    reasons,
    session_states,
    with_reasons,
    worst_groups,
)
from tickstock_dagster.core.loading.coverage import Completeness

THU, FRI = date(2026, 11, 19), date(2026, 11, 20)
ALWAYS = date(1900, 1, 1)
Cell = tuple[int, date, str | None]
Span = tuple[str, str, int, date, date | None]


def cells(*rows: Cell) -> pl.DataFrame:
    known = [(i, day, f"T{i}", state, "because" if state in ("final", "open") else None) for i, day, state in rows]
    return with_reasons(pl.DataFrame(known, schema=STATE_SCHEMA, orient="row"))


def spans(*rows: Span) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=GROUP_SPAN_SCHEMA, orient="row")


def counts(group: GroupCompleteness) -> tuple[str, int, int, int, int, int]:
    state = group.state
    return (group.name, group.members, state.expected, state.stored, state.final, state.missing)


def test_each_state_is_counted_once_and_open_is_missing() -> None:
    given_cells = cells((1, FRI, "stored"), (2, FRI, "final"), (3, FRI, "open"), (4, FRI, None))
    in_all = spans(*(("universe", "all", security, ALWAYS, None) for security in (1, 2, 3, 4, 5)))
    [group] = group_completeness(given_cells, in_all)
    assert counts(group) == ("all", 5, 4, 1, 1, 2)
    assert group.ratio == 1 / 3


def test_sessions_and_reasons_are_counted_and_what_nobody_asked_for_is_never_asked() -> None:
    given_cells = cells((1, FRI, "stored"), (2, FRI, "final"), (3, FRI, None), (1, THU, "open"), (2, THU, None))
    assert session_states(given_cells) == [Completeness(THU, 2, 0, 0, 2), Completeness(FRI, 3, 1, 1, 1)]
    assert reasons(given_cells) == {"because": 2, "never_asked": 2}
    assert session_states(given_cells.clear()) == []


def test_what_is_not_tracked_is_said_and_comes_last() -> None:
    rows = [("universe", name, member, ALWAYS, None) for member, name in enumerate(("mine", "others", "idle"))]
    states = cells((0, FRI, "stored"), (1, FRI, None))
    groups = group_completeness(states, spans(*rows), untracked=("others", "idle"))
    assert [(group.label, group.tracked) for group in groups] == [
        ("mine", True),
        ("others (not tracked)", False),
        ("idle (not tracked)", False),
    ]
    assert [group.name for group in worst_groups(groups, 9)] == ["mine", "others"]


def test_a_member_with_several_overlapping_spans_is_one_member() -> None:
    twice = spans(("theme", "growth", 1, ALWAYS, None), ("theme", "growth", 1, THU, FRI + timedelta(days=1)))
    [group] = group_completeness(cells((1, FRI, "stored")), twice)
    assert counts(group) == ("growth", 1, 1, 1, 0, 0)


def test_a_member_counts_on_the_sessions_on_which_it_was_one() -> None:
    left = spans(("theme", "growth", 1, ALWAYS, FRI), ("theme", "growth", 2, ALWAYS, None))
    both = cells((1, THU, "stored"), (1, FRI, None), (2, THU, "stored"), (2, FRI, "stored"))
    groups = group_completeness(both, left)
    assert [(group.state.session, group.members, group.ratio) for group in groups] == [(FRI, 1, 1.0), (THU, 2, 1.0)]


def test_a_group_of_which_nothing_is_tracked_is_not_complete() -> None:
    [tracked, idle] = group_completeness(
        cells((1, FRI, None)), spans(("universe", "b", 1, ALWAYS, None), ("universe", "a", 2, ALWAYS, None))
    )
    assert (tracked.ratio, idle.ratio) == (0.0, None)
    assert worst_groups([idle, tracked], 9) == [tracked]
    assert idle.as_json()["completeness"] is None


def test_the_worst_come_first_within_their_kind() -> None:
    states = cells(*((security, FRI, "stored" if security < 8 else None) for security in range(1, 9)))
    groups = group_completeness(
        states,
        spans(
            ("universe", "good", 1, ALWAYS, None),
            ("universe", "half", 2, ALWAYS, None),
            ("universe", "half", 8, ALWAYS, None),
            ("universe", "bad", 8, ALWAYS, None),
            ("type", "ETF", 8, ALWAYS, None),
        ),
        {"ETF": "eod", "bad": "realtime"},
    )
    assert [(group.kind.value, group.name) for group in groups] == [
        ("universe", "bad"),
        ("universe", "half"),
        ("universe", "good"),
        ("type", "ETF"),
    ]
    assert [group.frequency for group in groups] == [None, None, None, "eod"], "only types have one"
    table = groups_table(groups, 3).splitlines()
    assert table[2:5] == [
        "| type | ETF (eod) | 1 | 1 | 0 | 0 | 1 | 0.00% |",
        "| universe | bad | 1 | 1 | 0 | 0 | 1 | 0.00% |",
        "| universe | half | 2 | 2 | 1 | 0 | 1 | 50.00% |",
    ]
    assert table[-1] == "1 further groups are at least as complete as the last one."
    assert len(groups_table(groups, 4).splitlines()) == 6, "without a last line where none was left out"


@given(
    st.dictionaries(st.integers(1, 30), st.sampled_from(["stored", "final", "open", None])),
    st.lists(st.tuples(st.sampled_from(["CS", "ETF", "unknown"]), st.integers(1, 40)), unique_by=lambda row: row[1]),
)
def test_types_share_the_expected_cells_out_among_them(
    states: dict[int, str | None], types: list[tuple[str, int]]
) -> None:
    groups = group_completeness(
        cells(*((security, FRI, state) for security, state in states.items())),
        spans(*(("type", name, security, ALWAYS, None) for name, security in types)),
    )
    of_a_type = {security for _, security in types} & states.keys()
    assert sum(group.state.expected for group in groups) == len(of_a_type)
    assert sum(group.state.stored for group in groups) == sum(states[security] == "stored" for security in of_a_type)
    for group in groups:
        state = group.state
        assert state.stored + state.final + state.missing == state.expected <= group.members
        assert group.kind is GroupKind.TYPE
