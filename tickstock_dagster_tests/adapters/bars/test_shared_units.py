"""Loads that share units: each is asked for once, nobody waits for nothing, and what another leaves is still loaded."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest

from tickstock_dagster.adapters.bars import filling
from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.leases import Holder, holding
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units, record_plan
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.sources.protocol import NotEntitledError, UpstreamError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.bars.test_loader import BIG, asked
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, World, quick_source

pytestmark = pytest.mark.usefixtures("few_listed")

MON, TUE, THU, FRI = (date(2026, 11, day) for day in (16, 17, 19, 20))
OCT = date(2026, 10, 1)
UNITS = "SELECT subject, status, attempts FROM work_units WHERE kind IN ('range', 'grouped') ORDER BY 1"


def apple() -> WorkUnit:
    return WorkUnit(UnitKind.RANGE, "XNYS", "simulator", "AAPL", MON, FRI, 5)


@contextmanager
def leased(world: World, unit: WorkUnit) -> Iterator[Holder]:
    """Another load that lives and has the unit."""
    with holding(world.engine, "another") as holder:
        record_plan(world.engine, [unit], run_id="another", priorities={}, now=world.now)
        assert holder.lease([unit.unit_id], 1, world.now) == [unit.unit_id]
        yield holder


def end(world: World, holder: Holder, unit: WorkUnit, error: UpstreamError | None = None) -> None:
    done = FinishedUnit.failed(unit, error, world.now) if error else FinishedUnit(unit, 5, world.now)
    with transaction(world.engine) as connection, connection.cursor() as cursor:
        assert finish_units(cursor, [done], run_id="another", now=world.now, holder=holder.name)


def load_beside(world: World, tickers: str, first: date, last: date, then: Callable[[], None]) -> LoadReport:
    """Load while another has units; `then` is done once only those are missing."""
    waits = threading.Event()

    def progress(done: int, total: int, _: object) -> None:
        if done >= total - 1:
            waits.set()

    with ThreadPoolExecutor(1) as pool:
        report: Future[LoadReport] = pool.submit(world.load, tickers, first, last, progress=progress)
        assert waits.wait(30), "what nobody leases is asked for first"
        then()
        return report.result(60)


@pytest.mark.parametrize("first", [OCT, FRI], ids=["ranges", "a grouped day"])
def test_loads_of_the_same_at_once_ask_for_each_unit_once(
    world: World, monkeypatch: pytest.MonkeyPatch, first: date
) -> None:
    monkeypatch.setattr(filling, "LEASED_PER_WORKER", 1)
    world.load(BIG, MON, MON)  # the lists are there
    world.simulator.reset_stats()
    world.simulator.install("timeout", seconds=0.02, path="/v2/*")
    together = Barrier(3)

    def load(number: int) -> LoadReport:
        source = quick_source(world.simulator)
        together.wait()
        return world.load(BIG, first, FRI, workers=2, source=source, run_id=f"run-{number}")

    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(load, range(3)))
    calls = Counter(asked(world))
    assert len(calls) == max(report.plan.calls for report in reports)
    assert set(calls.values()) == {1}
    for report in reports:
        assert report.failures == ()
        assert all(state.missing == 0 for state in report.states)
    assert {status for _, status, _ in world.query(UNITS)} == {"done"}


def test_a_load_waits_for_what_another_asks_for_and_then_sees_what_is_owed(world: World) -> None:
    with leased(world, apple()) as other:

        def give_back() -> None:
            assert world.sessions_of("MSFT") != [], "its own units first"
            other.release()

        report = load_beside(world, "AAPL MSFT", MON, FRI, give_back)
    assert report.failures == ()
    assert [state.missing for state in report.states] == [0] * 5
    assert report.phases["wait"] > 0
    assert world.query(UNITS) == [("AAPL", "done", 1), ("MSFT", "done", 1)]


def test_what_another_asked_for_and_did_not_explain_is_asked_for_again(world: World) -> None:
    """Another load of the same question, for other cells: its receipt is no reason not to look."""
    with leased(world, apple()) as other:
        report = load_beside(world, "AAPL MSFT", MON, FRI, lambda: end(world, other, apple()))
    assert [state.missing for state in report.states] == [0] * 5
    assert world.query(UNITS) == [("AAPL", "done", 2), ("MSFT", "done", 1)]
    assert len(asked(world)) == 2


def test_what_another_failed_at_is_said_and_left_to_it(world: World) -> None:
    with leased(world, apple()) as other:
        report = load_beside(
            world, "AAPL MSFT", MON, FRI, lambda: end(world, other, apple(), UpstreamError("the vendor is down"))
        )
    assert report.failures == ("range AAPL 2026-11-16..2026-11-20: the vendor is down",)
    assert (report.retrying, report.dead) == (1, ())
    assert [state.missing for state in report.states] == [1] * 5
    assert len(asked(world)) == 1
    world.now += timedelta(hours=1)
    assert world.load("AAPL MSFT", MON, FRI).failures == (), "the next load asks, whenever it comes"


def test_a_load_does_not_wait_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "LONGEST_WAIT", 0.3)
    with leased(world, apple()):
        report = world.load("AAPL MSFT", MON, FRI)
    assert report.failures == ("range AAPL 2026-11-16..2026-11-20: another run is still asking for it",)
    assert [state.missing for state in report.states] == [1] * 5


def test_a_lease_without_a_living_holder_is_no_reason_to_wait(world: World) -> None:
    record_plan(world.engine, [apple()], run_id="gone", priorities={}, now=world.now)
    world.query(
        "UPDATE work_units SET status = 'leased', lease_holder = 'gone/1', leased_until = 'infinity', "
        "started_at = planned_at"
    )
    assert world.load("AAPL MSFT", MON, FRI).failures == ()


def test_what_an_earlier_run_planned_and_left_is_cancelled_and_what_is_owed_is_loaded(world: World) -> None:
    left = WorkUnit(UnitKind.RANGE, "XNYS", "simulator", "NVDA", MON, FRI, 5)
    record_plan(world.engine, [left, apple()], run_id="gone", priorities={}, now=world.now)
    world.load("AAPL MSFT", MON, FRI)
    assert world.query(UNITS) == [("AAPL", "done", 1), ("MSFT", "done", 1), ("NVDA", "cancelled", 0)]
    world.load("NVDA", MON, FRI)
    assert ("NVDA", "done", 1) in world.query(UNITS)


# -- units that fail --------------------------------------------------------------------------------------------------


def test_a_malformed_answer_for_one_ticker_is_dead_and_said_until_its_sessions_are_answered(world: World) -> None:
    world.simulator.install("cut_body", path="*/AAPL/range/*")
    report = world.load("AAPL MSFT", MON, FRI)
    assert world.query(UNITS) == [("AAPL", "dead", 1), ("MSFT", "done", 1)]
    [dead] = report.dead
    assert dead.startswith("range AAPL 2026-11-16..2026-11-20, failed once: ")
    assert report.failures == (dead.replace(", failed once", ""),)
    world.simulator.clear_faults()
    world.now += timedelta(hours=1)
    healed = world.load("AAPL", MON, FRI)
    assert (healed.failures, healed.dead) == ((), ())
    assert world.query(UNITS) == [("AAPL", "done", 2), ("MSFT", "done", 1)]


def test_a_key_that_may_not_ask_kills_one_unit_and_leaves_the_others_waiting(world: World) -> None:
    world.load("AAPL MSFT NVDA", MON, MON)
    world.simulator.install("not_entitled", path="*/range/*")
    with pytest.raises(NotEntitledError):
        world.load("AAPL MSFT NVDA", TUE, FRI, workers=1)
    kinds = (
        "SELECT status, error_class, count(*) FROM work_units WHERE kind = 'range' AND first_session = %s GROUP BY 1, 2"
    )
    found = {row[:2]: row[2] for row in world.query(kinds, (TUE,))}
    assert found[("dead", "refused")] >= 1
    assert set(found) <= {("dead", "refused"), ("pending", None)}, "nothing stays leased"
    assert sum(found.values()) == 3
    world.simulator.clear_faults()
    assert world.load("AAPL MSFT NVDA", TUE, FRI).failures == ()


def test_a_load_that_takes_its_time_tries_a_failed_unit_again(world: World) -> None:
    """The clock of this load makes two minutes with every look at it."""

    def later() -> datetime:
        world.now += timedelta(minutes=2)
        return world.now

    context = world.context()
    world.simulator.install("server_error", path="*/AAPL/range/*", times=3)  # all attempts of one call
    loader = BarLoader(replace(context, clock=later), CALENDAR)
    report = loader.load(LoadRequest(("AAPL", "MSFT"), tuple(CALENDAR.sessions(MON, FRI))))
    assert report.failures == ()
    assert [state.missing for state in report.states] == [0] * 5
    assert world.query(UNITS) == [("AAPL", "done", 2), ("MSFT", "done", 1)]
    assert world.gaps() == []
