"""The life of a work unit: which states follow each other, when it is tried again, and that nothing starves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.loading.ledger import (
    AGEING,
    LONGEST_BACK_OFF,
    MOST_FAILURES,
    OPEN,
    TRANSITIONS,
    Dataset,
    ErrorClass,
    Outcome,
    UnitStatus,
    after_failure,
    back_off,
    may_follow,
    urgency,
)
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.priority import Priority

NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
PRIORITIES = st.sampled_from([priority.dagster_priority for priority in Priority])
WAITS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))
CHANCES = st.floats(0, 1)


def test_every_state_is_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(UnitStatus)
    assert set().union(*TRANSITIONS.values()) == set(UnitStatus)
    assert not [status for status, followers in TRANSITIONS.items() if status in followers]
    assert may_follow(UnitStatus.LEASED, UnitStatus.DONE)
    assert not may_follow(UnitStatus.PENDING, UnitStatus.DONE), "nobody answers what nobody asked for"


@pytest.mark.parametrize("status", UnitStatus)
def test_whatever_is_owed_is_planned_again_but_for_what_somebody_asks_for(status: UnitStatus) -> None:
    """A receipt, a dead unit, a cancelled one: each may become pending. So may a lease, by coming to its end."""
    assert status is UnitStatus.PENDING or may_follow(status, UnitStatus.PENDING)
    assert (status in OPEN) == (UnitStatus.LEASED in TRANSITIONS[status] or status is UnitStatus.LEASED)


@given(st.integers(1, 10_000), CHANCES)
def test_a_back_off_is_bounded_and_never_shorter_than_the_one_before(failures: int, chance: float) -> None:
    wait = back_off(failures, chance)
    assert timedelta(minutes=1) <= wait <= LONGEST_BACK_OFF * 1.25
    assert back_off(failures, 0) <= wait
    assert back_off(failures, 0) <= back_off(failures + 1, 0)


def test_back_offs_double_up_to_an_hour() -> None:
    minutes = [back_off(failures, 0) / timedelta(minutes=1) for failures in range(1, 9)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert back_off(1, 1) == timedelta(seconds=75)


@given(st.integers(1, 100), CHANCES, st.sampled_from(ErrorClass))
def test_only_a_transient_error_is_tried_again_and_not_for_ever(
    failures: int, chance: float, error: ErrorClass
) -> None:
    outcome = after_failure(error, failures, NOW, chance)
    if error is ErrorClass.TRANSIENT and failures < MOST_FAILURES:
        assert outcome == Outcome(UnitStatus.RETRYING, NOW + back_off(failures, chance))
    else:
        assert outcome == Outcome(UnitStatus.DEAD)


@given(PRIORITIES, PRIORITIES, WAITS, WAITS, WAITS)
def test_two_waiting_units_never_change_places(
    one: int, other: int, one_waited: timedelta, other_waited: timedelta, more: timedelta
) -> None:
    before = urgency(one, one_waited) - urgency(other, other_waited)
    after = urgency(one, one_waited + more) - urgency(other, other_waited + more)
    assert before == after


@given(PRIORITIES, WAITS, WAITS)
def test_urgency_grows_with_waiting_and_with_priority(priority: int, waited: timedelta, more: timedelta) -> None:
    assert urgency(priority, waited + more) >= urgency(priority, waited)
    assert urgency(priority + 1, waited) > urgency(priority, waited)


@given(PRIORITIES, PRIORITIES, WAITS)
def test_nothing_starves(low: int, high: int, waited: timedelta) -> None:
    """What has waited for two and a quarter hours comes before everything that is planned from then on."""
    enough = AGEING * (10 - 1)
    assert urgency(low, waited + enough) >= urgency(high, timedelta(0))
    assert enough == timedelta(hours=2, minutes=15)


def test_a_kind_is_about_its_usual_dataset_unless_the_unit_says_otherwise() -> None:
    daily = WorkUnit(UnitKind.RANGE, "XNYS", "massive", "AAPL", NOW.date(), NOW.date())
    minutes = WorkUnit(UnitKind.RANGE, "XNYS", "massive", "AAPL", NOW.date(), NOW.date(), dataset=Dataset.OHLCV_1MIN)
    assert daily.dataset is Dataset.OHLCV_DAILY
    assert daily.unit_id != minutes.unit_id, "one span of one ticker is two questions"
    assert {kind.usual_dataset for kind in UnitKind} <= set(Dataset)
