"""Merging proposals and the guards: who is right where two tasks speak of one universe, and what stops everything."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.universes.sync_guards import (
    SyncRefusedError,
    refuse_drops,
    refuse_incomplete,
    refuse_missing,
)
from tickstock_dagster.core.universes.sync_proposals import proposals_from_json, proposals_to_json
from tickstock_dagster.core.universes.synchronisation import (
    PRECEDENCE,
    TASKS,
    Classified,
    Departure,
    Proposal,
    StagedTask,
    UniverseState,
    merge,
    theme_metadata,
)

FRI = date(2026, 11, 20)


def state(*members: int, key: str = "etf_growth", dated: bool = True) -> UniverseState:
    return UniverseState(key, "theme", "growth", dated, {member: f"T{member}" for member in members})


def gone(member: int, reason: str = "gone", *, certain: bool = False) -> Departure:
    return Departure(member, f"T{member}", reason, certain)


def staged(*proposals: Proposal) -> list[StagedTask]:
    return [StagedTask(one.task, (one,), 1, 0.1) for one in proposals]


def proposal(task: str, members: tuple[int, ...] | None = None, *departures: Departure, **others: object) -> Proposal:
    return Proposal("etf_growth", task, members, departures=departures, **others)  # type: ignore[arg-type]


def test_a_delisting_stands_before_an_evaluation_and_that_before_single_departures() -> None:
    plan = merge(
        staged(
            proposal("etf_universe_maintenance", None, gone(3, "breaks the filter")),
            proposal("theme_rebalancing", (2, 1, 3, 4), reasons={4: "all hold"}),
            proposal("delisted_cleanup", None, gone(1, "delisted")),
        ),
        [state(1, 2, 3)],
    )
    [change] = plan.changes
    assert change.members == (2, 3, 4), "the maintenance is not heard: the rule was evaluated as a whole"
    assert change.task == "theme_rebalancing"
    assert change.departures == (gone(1, "delisted"),)
    assert change.reasons == {1: "delisted", 4: "all hold"}
    assert change.evidence["T1"]["decision"] == "left"


def test_without_an_evaluation_every_departure_is_heard_and_the_first_task_speaks() -> None:
    plan = merge(
        staged(
            proposal("etf_universe_maintenance", None, gone(3, "breaks the filter"), gone(1, "breaks the filter")),
            proposal("delisted_cleanup", None, gone(1, "delisted")),
        ),
        [state(1, 2, 3)],
    )
    [change] = plan.changes
    assert (change.members, change.task) == ((2,), "delisted_cleanup")
    assert change.reasons == {1: "delisted", 3: "breaks the filter"}


def test_a_list_only_loses_members_and_one_that_is_none_is_passed_over() -> None:
    [change] = merge(staged(proposal("delisted_cleanup", None, gone(1), gone(9))), [state(1, 2, dated=False)]).changes
    assert change.members is None
    assert change.departures == (gone(1),)
    assert merge(staged(proposal("delisted_cleanup", None, gone(9))), [state(1, 2)]).changes == ()
    assert merge(staged(proposal("delisted_cleanup", None, gone(1))), [state(1, key="other")]).changes == ()


def test_a_universe_that_would_become_empty_is_left_alone_and_says_so() -> None:
    plan = merge(staged(proposal("delisted_cleanup", None, gone(1, "delisted on 2026-11-20"))), [state(1)])
    assert plan.changes == ()
    assert plan.left_alone == {"etf_growth": "it would become empty: delisted on 2026-11-20"}
    assert merge(staged(proposal("theme_rebalancing", ())), [state()]).left_alone == {}


memberships = st.sets(st.integers(1, 9))


@given(memberships, st.lists(st.tuples(st.sampled_from(PRECEDENCE), st.none() | memberships, memberships), max_size=5))
def test_whatever_is_proposed_in_whatever_order_the_plan_is_the_same_and_fits_the_universe(
    before: set[int], wishes: list[tuple[str, set[int] | None, set[int]]]
) -> None:
    by_task = {task: (whole, leaving) for task, whole, leaving in wishes}
    proposals = [
        proposal(
            task,
            None if whole is None else tuple(sorted(whole)),
            *(gone(one, task) for one in sorted(leaving if whole is None else before - whole)),
        )
        for task, (whole, leaving) in by_task.items()
    ]
    universe = state(*sorted(before))
    plan = merge(staged(*proposals), [universe])
    assert plan == merge(staged(*reversed(proposals)), [universe])
    for change in plan.changes:
        assert change.members
        left = {one.security_id for one in change.departures}
        assert left <= before
        assert not left & set(change.members)
        assert before - left <= set(change.members)
        delisted = by_task.get("delisted_cleanup", (None, set()))
        if delisted[0] is None:
            assert not delisted[1] & set(change.members)
    assert merge(staged(*proposals), []).changes == ()


def test_figures_are_those_of_the_members_after_the_change() -> None:
    figures = {1: (1e9, 0.002, 10.0), 2: (2e9, None, 30.0), 3: (None, 0.004, 20.0)}
    maintenance = proposal("etf_universe_maintenance", None, gone(1), figures=figures)
    plan = merge(staged(maintenance), [state(1, 2, 3)])
    assert plan.metadata["etf_growth"] == {
        "members": 2, "aum_usd": 2e9, "mean_expense_ratio": 0.004, "median_adv_usd": 25.0
    }  # fmt: skip
    assert theme_metadata([7], figures) == {
        "members": 1, "aum_usd": None, "mean_expense_ratio": None, "median_adv_usd": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "leaving", "refused"),
    [(10, 2, False), (10, 3, True), (100, 10, False), (100, 11, True), (3, 3, True), (2, 2, False)],
)
def test_a_tenth_may_leave_and_two_of_any(members: int, leaving: int, refused: bool) -> None:
    plan = merge(
        staged(proposal("delisted_cleanup", None, *(gone(one) for one in range(leaving)))), [state(*range(members))]
    )
    if not refused:
        refuse_drops(FRI, plan, accepted=())
        return
    with pytest.raises(SyncRefusedError) as error:
        refuse_drops(FRI, plan, accepted=())
    assert f"{leaving} of {members} would leave etf_growth: T0 (gone), T1 (gone), T2 (gone)" in str(error.value)
    assert "accept_drops: [etf_growth]" in str(error.value)
    refuse_drops(FRI, plan, accepted=["etf_growth"])


def test_what_follows_from_the_calendar_is_no_broken_answer() -> None:
    aged = proposal("ipo_universe_assignment", (9,), *(gone(one, certain=True) for one in range(8)))
    refuse_drops(FRI, merge(staged(aged), [state(*range(10))]), accepted=())


def test_a_session_below_its_objective_or_without_anything_tracked_is_refused() -> None:
    refuse_incomplete(FRI, Completeness(FRI, 100, 95, 0, 5), accepted=False)
    with pytest.raises(SyncRefusedError, match=r"94 of 100 bars are stored \(accepted: at least 95%\)"):
        refuse_incomplete(FRI, Completeness(FRI, 101, 94, 1, 6), accepted=False)
    with pytest.raises(SyncRefusedError, match="nothing is tracked"):
        refuse_incomplete(FRI, None, accepted=False)
    refuse_incomplete(FRI, None, accepted=True)


def test_tasks_without_proposals_are_named() -> None:
    refuse_missing(FRI, [StagedTask(task, (), 0, 0.0) for task in TASKS])
    with pytest.raises(SyncRefusedError, match=r"delisted_cleanup left no proposals: materialise it"):
        refuse_missing(FRI, [StagedTask(task, (), 0, 0.0) for task in TASKS if task != "delisted_cleanup"])


def test_every_task_has_its_place() -> None:
    assert set(PRECEDENCE) == set(TASKS)


def test_what_is_staged_is_read_back_as_it_was() -> None:
    proposals = (
        Proposal(
            "a",
            "theme_rebalancing",
            (3, 1),
            joined=1,
            departures=(gone(2, certain=True),),
            rule_version=4,
            reasons={3: "all hold"},
            evidence={"T3": {"rank": 1, "facts": {"aum_usd": None}}},
            classified=(Classified(3, "T3", {"sector": None}),),
            figures={3: (1.5, None, 2.0)},
        ),
        Proposal("b", "theme_rebalancing", ()),
        Proposal("c", "theme_rebalancing"),
    )
    assert proposals_from_json("theme_rebalancing", proposals_to_json(reversed(proposals))) == proposals
