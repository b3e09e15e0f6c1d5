"""Leases of work units on a real PostgreSQL: each unit has one holder, and none is lost with its holder."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.ledger.leases import (
    LEASE,
    Holder,
    UnitQueue,
    cancel_abandoned,
    cancel_superseded,
    expire_leases,
    holding,
)
from tickstock_dagster.adapters.ledger.units import (
    FinishedUnit,
    cancel_units,
    finish_units,
    look,
    record_plan,
    unit_states,
)
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    MalformedAnswerError,
    NotEntitledError,
    NotFoundError,
    NotPublishedYetError,
    RateLimitedError,
    RejectedRequestError,
    UpstreamError,
    VendorError,
)
from tickstock_dagster.core.loading.ledger import MOST_FAILURES, ErrorClass, UnitStatus, urgency
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.priority import Priority
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, query
from tickstock_dagster_tests.forked import Forked

MINUTE = timedelta(minutes=1)
SESSIONS = [MON, TUE, WED, THU, FRI]


def unit(subject: str = "AAA", **others: object) -> WorkUnit:
    return replace(WorkUnit(UnitKind.RANGE, "XNYS", "simulator", subject, MON, FRI, 5), **others)  # type: ignore[arg-type]


UNITS = [unit(f"T{number:02}") for number in range(12)]


@pytest.fixture
def engine(migrated_database_url: str) -> sa.Engine:
    return open_engine(migrated_database_url)


@pytest.fixture
def holders(engine: sa.Engine) -> Iterator[tuple[Holder, Holder]]:
    """Two loads that live."""
    with ExitStack() as stack:
        yield (stack.enter_context(holding(engine, "run-1")), stack.enter_context(holding(engine, "run-2")))


def plan(engine: sa.Engine, units: list[WorkUnit], now: datetime = NOW, run_id: str = "run-1", **others: str) -> None:
    record_plan(engine, units, run_id=run_id, priorities={}, now=now, **others)  # type: ignore[arg-type]


def ids(*units: WorkUnit) -> list[str]:
    return [one.unit_id for one in units]


def end(
    engine: sa.Engine, holder: Holder | None, *units: WorkUnit, error: VendorError | None = None, now: datetime = NOW
) -> set[str]:
    ends = [FinishedUnit.failed(one, error, now) if error else FinishedUnit(one, 5, now) for one in units]
    with transaction(engine) as connection, connection.cursor() as cursor:
        name = holder.name if holder else None
        return finish_units(cursor, ends, run_id="run-1", now=now, holder=name)


def statuses(engine: sa.Engine, *units: WorkUnit) -> list[str]:
    states = unit_states(engine, ids(*units))
    return [states[one.unit_id].status.value for one in units]


# -- who has it -------------------------------------------------------------------------------------------------------


def test_two_who_lease_at_once_share_the_units_and_each_has_one_holder(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    units = [unit(f"T{number:03}") for number in range(200)]
    plan(engine, units)
    together = Barrier(2)

    def work(holder: Holder) -> list[str]:
        together.wait()
        mine: list[str] = []
        while some := holder.lease(ids(*units), 7, NOW):
            mine += some
        return mine

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, holders)
    assert not set(one) & set(other)
    assert sorted([*one, *other]) == sorted(ids(*units))
    held = query(engine.url.render_as_string(hide_password=False).replace("+psycopg", ""), HELD)
    assert dict(held) == {holders[0].name: len(one), holders[1].name: len(other)}


HELD = "SELECT lease_holder, count(*) FROM work_units WHERE status = 'leased' GROUP BY 1 HAVING count(*) > 0"


def test_the_most_urgent_are_leased_first_and_equals_in_the_order_of_the_plan(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    low, normal, critical, late = (unit(name) for name in ("LOW", "NORMAL", "CRITICAL", "LATE"))
    levels = {low.unit_id: Priority.LOW, critical.unit_id: Priority.CRITICAL, late.unit_id: Priority.CRITICAL}
    record_plan(engine, [low, normal, critical], run_id="r", priorities=levels, now=NOW)
    record_plan(engine, [late], run_id="r", priorities=levels, now=NOW + timedelta(hours=2, minutes=16))
    wanted = ids(late, low, normal, critical)
    assert holders[0].lease(wanted, 2, NOW + timedelta(hours=3)) == ids(critical, normal)
    assert holders[1].lease(wanted, 9, NOW + timedelta(hours=3)) == ids(low, late), "what waits long overtakes"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([(Priority.CRITICAL, 224), (Priority.NORMAL, 104)])
@given(st.lists(st.tuples(st.sampled_from(list(Priority)), st.integers(0, 600)), min_size=2, max_size=12, unique=True))
def test_the_ledger_leases_in_the_order_that_core_states(engine: sa.Engine, given: list[tuple[Priority, int]]) -> None:
    with holding(engine, "run-1") as holder:
        units = [unit(f"U{number}") for number in range(len(given))]
        with transaction(engine) as connection, connection.cursor() as cursor:
            cancel_units(cursor, ids(*units), reason="the next example", now=NOW)
        now = NOW + timedelta(minutes=600)
        for one, (priority, minute) in zip(units, given, strict=True):
            levels = {one.unit_id: priority}
            record_plan(engine, [one], run_id="r", priorities=levels, now=NOW + minute * MINUTE)
        by_id = dict(zip(ids(*units), given, strict=True))
        leased = [by_id[unit_id] for unit_id in holder.lease(ids(*units), 99, now)]
    urgencies = [urgency(priority.dagster_priority, (600 - minute) * MINUTE) for priority, minute in leased]
    assert len(leased) == len(given)
    assert urgencies == sorted(urgencies, reverse=True)


def test_a_leased_unit_is_not_planned_again_by_another(engine: sa.Engine, holders: tuple[Holder, Holder]) -> None:
    plan(engine, UNITS[:2])
    holders[0].lease(ids(UNITS[0]), 1, NOW)
    plan(engine, UNITS[:2], run_id="run-2")
    assert statuses(engine, *UNITS[:2]) == ["leased", "pending"]
    assert holders[1].lease(ids(*UNITS[:2]), 9, NOW) == ids(UNITS[1])


def test_what_ended_after_a_run_looked_is_not_opened_by_its_plan(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    plan(engine, UNITS[:3])
    holders[0].lease(ids(*UNITS[:3]), 9, NOW)
    end(engine, holders[0], UNITS[0])
    seen = look(engine)
    end(engine, holders[0], UNITS[1])
    end(engine, holders[0], UNITS[2], error=UpstreamError("down"))
    plan(engine, UNITS[:3], look=seen)
    assert statuses(engine, *UNITS[:3]) == ["pending", "done", "retrying"]
    plan(engine, UNITS[:3], look=look(engine))
    assert statuses(engine, *UNITS[:3]) == ["pending"] * 3, "a receipt is no reason not to look"


def test_a_store_that_was_restored_on_a_new_server_plans_as_before(
    engine: sa.Engine, migrated_database_url: str
) -> None:
    plan(engine, UNITS[:1])
    end(engine, None, UNITS[0])
    query(migrated_database_url, "UPDATE work_units SET finished_in = '999999999999'")
    plan(engine, UNITS[:1], look=look(engine))
    assert statuses(engine, UNITS[0]) == ["pending"]


def test_all_that_is_done_to_the_same_units_at_once_never_ends_in_a_circle(engine: sa.Engine) -> None:
    together = Barrier(4)

    def work(number: int) -> int:
        mine = UNITS if number % 2 else UNITS[::-1]
        ended = 0
        with holding(engine, f"run-{number}") as holder:
            together.wait()
            for turn in range(12):
                plan(engine, mine, run_id=f"run-{number}")
                leased = holder.lease(ids(*mine), 5, NOW + timedelta(days=1))
                holder.renew(NOW + turn * LEASE)
                expire_leases(engine, NOW + turn * LEASE)
                some = [one for one in mine if one.unit_id in leased]
                ended += len(end(engine, holder, *some[1:], error=UpstreamError("down") if turn % 3 else None))
                with transaction(engine) as connection, connection.cursor() as cursor:
                    cancel_units(cursor, ids(*mine[:2]), reason="turn", now=NOW)
                holder.release()
        return ended

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) > 0
    assert "leased" not in statuses(engine, *UNITS)


# -- how a lease ends -------------------------------------------------------------------------------------------------


def test_a_lease_ends_with_its_time_even_of_a_holder_that_lives(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    plan(engine, UNITS[:1])
    holders[0].lease(ids(UNITS[0]), 1, NOW)
    assert expire_leases(engine, NOW + LEASE - MINUTE) == 0
    assert holders[0].renew(NOW + LEASE - MINUTE) == 1
    assert expire_leases(engine, NOW + LEASE + MINUTE) == 0, "it was renewed"
    assert expire_leases(engine, NOW + LEASE * 2) == 1
    assert statuses(engine, UNITS[0]) == ["pending"]


def test_a_late_holder_leaves_the_state_to_the_newer_one(engine: sa.Engine, holders: tuple[Holder, Holder]) -> None:
    late, newer = holders
    plan(engine, UNITS[:1])
    late.lease(ids(UNITS[0]), 1, NOW)
    expire_leases(engine, NOW + LEASE)
    newer.lease(ids(UNITS[0]), 1, NOW + LEASE)
    assert end(engine, late, UNITS[0]) == set()
    assert statuses(engine, UNITS[0]) == ["leased"]
    assert end(engine, newer, UNITS[0], error=UpstreamError("down")) == {UNITS[0].unit_id}
    assert end(engine, late, UNITS[0]) == set(), "nor once that has ended it"
    assert statuses(engine, UNITS[0]) == ["retrying"]
    assert unit_states(engine, ids(UNITS[0]))[UNITS[0].unit_id].failures == 1


def test_the_answer_of_a_late_holder_counts_where_nobody_else_asks(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    plan(engine, UNITS[:1])
    holders[0].lease(ids(UNITS[0]), 1, NOW)
    expire_leases(engine, NOW + LEASE)
    assert end(engine, holders[0], UNITS[0]) == {UNITS[0].unit_id}
    assert statuses(engine, UNITS[0]) == ["done"]


def test_what_was_not_asked_for_is_given_back_however_a_load_ends(engine: sa.Engine) -> None:
    plan(engine, UNITS[:3])

    def load() -> None:
        with holding(engine, "run-1") as holder:
            holder.lease(ids(*UNITS[:3]), 9, NOW)
            end(engine, holder, UNITS[1])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        load()
    assert statuses(engine, *UNITS[:3]) == ["pending", "done", "pending"]


HOLDER = """
import sys
import time
from datetime import datetime
from tickstock_dagster.adapters.ledger.leases import holding
from tickstock_dagster.adapters.postgres.database import open_engine

url, now, *ids = sys.argv[1:]
with holding(open_engine(url), "run-0") as holder:
    print(len(holder.lease(ids, 99, datetime.fromisoformat(now))), flush=True)
    time.sleep(300)
"""


def test_the_leases_of_a_killed_process_are_free_at_once(
    engine: sa.Engine, migrated_database_url: str, holders: tuple[Holder, Holder]
) -> None:
    plan(engine, UNITS)
    holders[1].lease(ids(UNITS[0]), 1, NOW)
    process = Forked(HOLDER, migrated_database_url, NOW.isoformat(), *ids(*UNITS))
    assert process.stdout.readline() == f"{len(UNITS) - 1}\n"
    assert expire_leases(engine, NOW) == 0, "it lives"
    process.kill()
    process.communicate()
    freed, deadline = 0, time.monotonic() + 10
    while not freed and time.monotonic() < deadline:
        freed = expire_leases(engine, NOW)
    assert freed == len(UNITS) - 1, "the clock has not moved"
    assert statuses(engine, UNITS[0]) == ["leased"], "of one that lives"
    assert len(holders[0].lease(ids(*UNITS), 99, NOW)) == len(UNITS) - 1


def test_a_holder_whose_connection_was_lost_shows_its_life_again(engine: sa.Engine, migrated_database_url: str) -> None:
    plan(engine, UNITS[:1])
    with holding(engine, "run-1") as holder:
        holder.lease(ids(UNITS[0]), 1, NOW)
        lost = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
        query(migrated_database_url, lost)
        assert holder.renew(NOW + MINUTE) == 1
        assert expire_leases(engine, NOW + MINUTE) == 0
        assert statuses(engine, UNITS[0]) == ["leased"]


# -- how a unit ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "subject", "expected"),
    [
        (UpstreamError("down"), "AAA", ErrorClass.TRANSIENT),
        (RateLimitedError("too many"), "AAA", ErrorClass.TRANSIENT),
        (NotPublishedYetError("early"), "*", ErrorClass.TRANSIENT),
        (MalformedAnswerError("cut"), "*", ErrorClass.TRANSIENT),
        (MalformedAnswerError("cut"), "AAA", ErrorClass.PERMANENT),
        (NotFoundError("no such ticker"), "AAA", ErrorClass.PERMANENT),
        (AuthFailedError("401"), "AAA", ErrorClass.REFUSED),
        (NotEntitledError("403"), "AAA", ErrorClass.REFUSED),
        (RejectedRequestError("400"), "AAA", ErrorClass.REFUSED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_is_tried_again_or_kills_the_unit(
    engine: sa.Engine, migrated_database_url: str, error: VendorError, subject: str, expected: ErrorClass
) -> None:
    end(engine, None, unit(subject), error=error)
    [(status, found, words, not_before)] = query(
        migrated_database_url, "SELECT status, error_class, error, not_before FROM work_units"
    )
    assert (found, words) == (expected.value, str(error))
    assert status == ("retrying" if expected is ErrorClass.TRANSIENT else "dead")
    assert (not_before is None) == (status == "dead")


def test_a_unit_is_tried_again_later_and_later_and_then_it_is_dead(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    one, holder, now = UNITS[0], holders[0], NOW
    plan(engine, [one])
    for failures in range(1, MOST_FAILURES + 1):
        assert holder.lease(ids(one), 1, now) == ids(one)
        end(engine, holder, one, error=UpstreamError("down"), now=now)
        state = unit_states(engine, ids(one))[one.unit_id]
        assert state.failures == failures
        if state.not_before is not None:
            assert holder.lease(ids(one), 1, state.not_before - timedelta(seconds=1)) == []
            now = state.not_before
    assert state.status is UnitStatus.DEAD
    assert holder.lease(ids(one), 1, now + timedelta(days=400)) == [], "not by itself"
    plan(engine, [one], now)
    assert holder.lease(ids(one), 1, now) == ids(one), "what is owed is planned and asked for, once"
    end(engine, holder, one, error=UpstreamError("down"), now=now)
    assert statuses(engine, one) == ["dead"]
    plan(engine, [one], now)
    holder.lease(ids(one), 1, now)
    end(engine, holder, one, now=now)
    state = unit_states(engine, ids(one))[one.unit_id]
    assert (state.status, state.failures, state.error) == (UnitStatus.DONE, 0, None)


def test_bars_that_are_not_out_yet_kill_no_unit_however_often_somebody_asks(engine: sa.Engine) -> None:
    for _ in range(MOST_FAILURES + 3):
        end(engine, None, UNITS[0], error=NotPublishedYetError("not out yet"))
        assert statuses(engine, UNITS[0]) == ["retrying"]


def test_a_cancelled_unit_stays_so_whoever_is_asking(engine: sa.Engine, holders: tuple[Holder, Holder]) -> None:
    plan(engine, UNITS[:3])
    holders[0].lease(ids(UNITS[0]), 1, NOW)
    end(engine, None, UNITS[2])
    with transaction(engine) as connection, connection.cursor() as cursor:
        assert cancel_units(cursor, ids(*UNITS[:3]), reason="enough", now=NOW) == 2
    assert end(engine, holders[0], UNITS[0]) == set()
    assert statuses(engine, *UNITS[:3]) == ["cancelled", "cancelled", "done"]
    plan(engine, UNITS[:2])
    assert statuses(engine, *UNITS[:2]) == ["pending", "pending"]


def test_a_unit_that_waits_keeps_its_age_and_its_highest_priority(
    engine: sa.Engine, migrated_database_url: str
) -> None:
    one = UNITS[0]
    for minute, priority in enumerate((Priority.LOW, Priority.HIGH, Priority.NORMAL)):
        record_plan(engine, [one], run_id="r", priorities={one.unit_id: priority}, now=NOW + minute * MINUTE)
    asked = "SELECT priority, planned_at FROM work_units"
    assert query(migrated_database_url, asked) == [(5, NOW)]
    end(engine, None, one)
    record_plan(engine, [one], run_id="r", priorities={one.unit_id: Priority.LOW}, now=NOW + 9 * MINUTE)
    assert query(migrated_database_url, asked) == [(1, NOW + 9 * MINUTE)]


# -- what is left over ------------------------------------------------------------------------------------------------


def test_what_a_run_that_ended_never_asked_for_is_cancelled_by_the_next_plan(engine: sa.Engine) -> None:
    mine, theirs, of_a_job, elsewhere = UNITS[0], UNITS[1], UNITS[2], unit("T9", source="files:abc")
    with holding(engine, "run-2"):
        plan(engine, [theirs], run_id="run-2")
        plan(engine, [*UNITS[2:5], elsewhere], run_id="run-0")
        query(
            engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
            "UPDATE work_units SET job = 'history' WHERE unit_id = %s",
            (of_a_job.unit_id,),
        )
        assert cancel_abandoned(engine, [mine, UNITS[4]], NOW) == 1
        assert statuses(engine, theirs, of_a_job, UNITS[3], UNITS[4], elsewhere) == [
            "pending", "pending", "cancelled", "pending", "pending",
        ]  # fmt: skip
    assert cancel_abandoned(engine, [mine], NOW) == 2, "now run-2 has ended, too"


def test_a_dead_unit_is_settled_by_others_that_answer_all_its_sessions(engine: sa.Engine) -> None:
    dead, retried, other = unit("AAA"), unit("BBB", first=THU), unit("CCC")
    end(engine, None, dead, other, error=NotFoundError("no such ticker"))
    end(engine, None, retried, error=UpstreamError("down"))
    days = [WorkUnit(UnitKind.GROUPED, "XNYS", "simulator", "*", day, day) for day in SESSIONS]
    end(engine, None, unit("CCC", first=THU), *days[3:], now=NOW + MINUTE)
    assert cancel_superseded(engine, days, SESSIONS, NOW) == 1
    assert statuses(engine, dead, retried, other) == ["dead", "cancelled", "dead"]
    end(engine, None, unit("AAA", last=WED), now=NOW + MINUTE)
    assert cancel_superseded(engine, days, SESSIONS, NOW) == 1
    assert statuses(engine, dead, retried, other) == ["cancelled", "cancelled", "dead"]


# -- a load's queue ---------------------------------------------------------------------------------------------------


def test_a_queue_hands_out_its_units_a_few_leases_at_a_time(engine: sa.Engine, holders: tuple[Holder, Holder]) -> None:
    plan(engine, UNITS)
    queue = UnitQueue(holders[0], UNITS, lambda: NOW, 5)
    first = next(queue)
    assert first == UNITS[0]
    assert statuses(engine, *UNITS).count("leased") == 5, "the others are left to whoever comes"
    assert not queue.exhausted
    assert [first, *queue] == UNITS
    assert queue.exhausted


def test_a_queue_waits_for_what_others_lease_and_takes_what_they_give_back(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    plan(engine, UNITS)
    holders[1].lease(ids(*UNITS[:4]), 4, NOW)
    queue = UnitQueue(holders[0], UNITS, lambda: NOW, 5)
    mine = list(queue)
    assert mine == UNITS[4:]
    end(engine, holders[0], *mine)
    told: list[int] = []

    def others(leased: int) -> None:
        told.append(leased)
        if len(told) == 1:
            end(engine, holders[1], *UNITS[:2])
            end(engine, holders[1], UNITS[2], error=UpstreamError("down"))
            holders[1].release()

    assert queue.wait(others)
    assert list(queue) == [UNITS[3]], "what the other failed at is its own to try again"
    assert told == [4]


def test_a_queue_does_not_wait_for_ever(engine: sa.Engine, holders: tuple[Holder, Holder]) -> None:
    plan(engine, UNITS[:2])
    holders[1].lease(ids(UNITS[0]), 1, NOW)
    queue = UnitQueue(holders[0], UNITS[:2], lambda: NOW, 5)
    end(engine, holders[0], *queue)
    assert not queue.wait(lambda _: None, longest=0.3)
    end(engine, holders[1], UNITS[0])
    began = time.monotonic()
    assert not queue.wait(lambda _: None), "nothing is left"
    assert time.monotonic() - began < 5


def test_a_queue_tries_its_own_failures_again_when_their_time_has_come(
    engine: sa.Engine, holders: tuple[Holder, Holder]
) -> None:
    now = [NOW]
    plan(engine, UNITS[:2])
    queue = UnitQueue(holders[0], UNITS[:2], lambda: now[0], 5)
    one, other = queue
    end(engine, holders[0], one)
    end(engine, holders[0], other, error=UpstreamError("down"))
    assert not queue.wait(lambda _: None), "its time has not come, and a load does not wait for that"
    now[0] += timedelta(minutes=2)
    assert queue.wait(lambda _: None)
    assert list(queue) == [other]
