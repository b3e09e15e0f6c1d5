"""The processing queue on a real PostgreSQL: what it takes, what it gives first, and that each answer counts once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from benchmarks.processing_queue import EFFECTS, fill, outcome, race
from tickstock_dagster.adapters.ledger.leases import LEASE, expire_leases, holding
from tickstock_dagster.adapters.ledger.queue import Wanted, drop_entries, enqueue, retry_entries
from tickstock_dagster.adapters.ledger.queue_reading import entries_due, queue_entries, queue_entry
from tickstock_dagster.adapters.ledger.queue_work import Answered, Worker, WorkLimits, WorkReport
from tickstock_dagster.adapters.ledger.units import FinishedUnit, record_plan
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.sources.protocol import UpstreamError
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.ledger import MOST_FAILURES, Dataset, UnitStatus
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.loading.queueing import QueueBounds, QueueFullError
from tickstock_dagster.core.priority import Priority
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, as_role, query

MINUTE = timedelta(minutes=1)
LIMITS = WorkLimits(1_000, 60)


def unit(ticker: str) -> WorkUnit:
    return WorkUnit(UnitKind.DETAILS, "XNYS", "simulator", ticker, FRI, FRI)


@dataclass
class Scribe:
    """A handler whose effect is a row; some tickers it cannot ask for, store or be bothered with."""

    failing: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()
    breaking: frozenset[str] = frozenset()
    silent: bool = False
    before_store: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)

    def ask(self, units: Sequence[WorkUnit]) -> Iterator[list[Answered[str]]]:
        self.asked += [one.subject for one in units]
        if self.silent:
            return
        if broken := sorted(self.breaking & {one.subject for one in units}):
            raise LookupError(f"{broken[0]} breaks it")
        answers = []
        for one in units:
            failed = one.subject in self.failing
            end = FinishedUnit.failed(one, UpstreamError("down"), NOW, 2.0) if failed else FinishedUnit(one, 1, NOW)
            answers.append(Answered(end, None if failed else one.subject))
        yield answers

    def store(self, cursor: psycopg.Cursor, answers: Sequence[Answered[str]]) -> None:
        self.before_store()
        if odd := [answer.payload for answer in answers if answer.payload in self.odd]:
            raise ValueError(f"{odd[0]} is odd")
        cursor.execute("INSERT INTO effects SELECT unnest(%s::text[])", ([answer.payload for answer in answers],))


@dataclass(frozen=True)
class Desk:
    """A store with a table of effects, and somebody who enqueues and works."""

    url: str
    engine: sa.Engine

    def enqueue(self, *tickers: str, now: datetime = NOW, **others: Any) -> tuple[int, int, int, int]:
        bounds = others.pop("bounds", QueueBounds())
        kind = others.pop("equity_type", "CS")
        wanted = [Wanted(unit(ticker), kind, others.get("priority")) for ticker in tickers]
        found = enqueue(self.engine, wanted, bounds=bounds, run_id="cli", now=now)
        return found.new, found.raised, found.known, len(found.held)

    def work(self, scribe: Scribe, now: datetime = NOW, limits: WorkLimits = LIMITS) -> WorkReport:
        with holding(self.engine, "run-1") as holder:
            handlers = {Dataset.SYMBOL_DETAILS: scribe}
            return Worker(holder, handlers, "XNYS", "simulator", lambda: now).work(limits)

    def entry(self, ticker: str) -> Any:
        return queue_entry(self.engine, unit(ticker).unit_id)

    @property
    def effects(self) -> list[str]:
        return sorted(row[0] for row in query(self.url, "SELECT name FROM effects"))

    def events(self) -> list[Any]:
        rows = query(self.url, "SELECT event -> 'data' FROM outbox WHERE channel = 'tickstock.jobs.dead_letters'")
        return [row[0] for row in rows]


@pytest.fixture
def desk(migrated_database_url: str) -> Desk:
    query(migrated_database_url, "CREATE TABLE effects (name text); GRANT ALL ON effects TO tickstock_writer")
    return Desk(migrated_database_url, open_engine(migrated_database_url))


# -- what it takes ----------------------------------------------------------------------------------------------------


def test_twice_is_as_once_and_a_priority_is_raised_and_never_lowered(desk: Desk) -> None:
    assert desk.enqueue("A", "B", "A") == (2, 0, 0, 0)
    later = {"now": NOW + 5 * MINUTE}
    assert desk.enqueue("A", "B", "C", **later, priority=Priority.LOW) == (1, 0, 2, 0)
    assert desk.enqueue("B", **later, priority=Priority.CRITICAL) == (0, 1, 0, 0)
    a, b, c = (desk.entry(ticker) for ticker in "ABC")
    assert [entry.priority for entry in (a, b, c)] == [5, 10, 1], "5: the type's own"
    assert (b.waiting_since, c.waiting_since) == (NOW, NOW + 5 * MINUTE), "it keeps its age"
    assert (a.equity_type, a.max_retries, a.status, a.attempts) == ("CS", 3, "pending", 0)
    desk.enqueue("D", equity_type="NEW")
    assert desk.entry("D").equity_type == "OTHER"
    desk.enqueue("E", equity_type=None)
    untyped = desk.entry("E")
    assert (untyped.equity_type, untyped.priority, untyped.max_retries) == (None, 2, MOST_FAILURES - 1)
    read = as_role(desk.url, "tickstock_app", "SELECT symbol FROM processing_queue ORDER BY urgency DESC LIMIT 1")
    assert read == [("B",)]


def test_what_a_run_has_leased_becomes_an_entry_and_keeps_its_lease(desk: Desk) -> None:
    record_plan(desk.engine, [unit("A")], run_id="run-0", priorities={}, now=NOW)
    with holding(desk.engine, "run-0") as holder:
        holder.lease([unit("A").unit_id], 1, NOW)
        assert desk.enqueue("A") == (1, 0, 0, 0)
        assert (desk.entry("A").status, desk.entry("A").lease_holder) == ("leased", holder.name)


def test_more_than_there_is_room_for_is_refused_whole_and_in_words(desk: Desk) -> None:
    bounds = QueueBounds(per_type=3, in_all=4)
    desk.enqueue("A", "B", bounds=bounds)
    with pytest.raises(
        QueueFullError, match="2 more entries of type CS were asked for, 2 are open, and at most 3 may be"
    ):
        desk.enqueue("A", "C", "D", bounds=bounds)
    with pytest.raises(QueueFullError, match="3 more entries in all were asked for, 2 are open, and at most 4 may be"):
        desk.enqueue("C", "D", "E", equity_type="ETF", bounds=bounds)
    assert {entry.symbol for entry in queue_entries(desk.engine, statuses=UnitStatus)[0]} == {"A", "B"}
    assert desk.enqueue("A", "B", bounds=QueueBounds(1, 1)) == (0, 0, 2, 0), "what is there already needs no room"


def test_those_who_enqueue_at_once_never_exceed_the_bound_together(desk: Desk) -> None:
    together = Barrier(4)

    def some(number: int) -> int:
        together.wait()
        try:
            return desk.enqueue(*(f"T{number}{place}" for place in range(20)), bounds=QueueBounds(50, 50))[0]
        except QueueFullError:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(some, range(4))) == [0, 0, 20, 20]
    assert query(desk.url, "SELECT count(*) FROM work_units") == [(40,)]


# -- in which order ---------------------------------------------------------------------------------------------------


def test_the_most_urgent_are_asked_for_first_and_what_waits_long_overtakes(desk: Desk) -> None:
    desk.enqueue("OLD", priority=Priority.LOW)
    later = NOW + timedelta(hours=3)
    for ticker, priority in (("LOW", Priority.LOW), ("CRITICAL", Priority.CRITICAL), ("NORMAL", Priority.NORMAL)):
        desk.enqueue(ticker, priority=priority, now=later)
    scribe = Scribe()
    assert desk.work(scribe, later, WorkLimits(2, 60)).ended == 2
    desk.work(scribe, later)
    assert scribe.asked == ["OLD", "CRITICAL", "NORMAL", "LOW"]
    assert desk.effects == ["CRITICAL", "LOW", "NORMAL", "OLD"]
    assert {entry.status for entry in queue_entries(desk.engine, statuses=UnitStatus)[0]} == {"done"}


# -- how an entry ends ------------------------------------------------------------------------------------------------


def test_it_is_tried_again_by_the_rules_of_its_type_as_they_are_at_that_moment(desk: Desk) -> None:
    rules = "UPDATE equity_types SET retry_config = %s::jsonb WHERE equity_type = 'CS'"
    desk.enqueue("A")
    scribe, now, waits = Scribe(failing=frozenset("A")), NOW, []
    for terms in ((3, 2), (3, 2), (3, 10), (5, 3), (4, 3)):
        query(desk.url, rules, (f'{{"max_retries": {terms[0]}, "backoff_multiplier": {terms[1]}}}',))
        desk.work(scribe, now)
        again = desk.entry("A").next_attempt_at
        waits.append((again - now) / MINUTE if again else None)
        assert desk.work(scribe, now).leased == 0, "not before"
        now = again or now
    assert [low <= wait <= 1.25 * low for wait, low in zip(waits[:4], (1, 2, 60, 27), strict=True)] == [True] * 4  # type: ignore[operator]
    entry = desk.entry("A")
    assert (entry.status, entry.attempts, entry.failures, entry.error_class) == ("dead", 5, 5, "transient")
    [event] = desk.events()
    assert (event["dataset"], event["count"], event["entries"][0]["symbol"]) == ("symbol_details", 1, "A")
    assert event["entries"][0] == {
        "id": entry.id, "symbol": "A", "equity_type": "CS", "attempts": 5, "error_class": "transient", "error": "down",
    }  # fmt: skip


def test_a_dead_letter_waits_for_a_person_who_retries_or_drops_it(desk: Desk) -> None:
    query(desk.url, """UPDATE equity_types SET retry_config = '{"max_retries": 0, "backoff_multiplier": 1}'""")
    desk.enqueue("A", "B", "C")
    desk.work(Scribe(failing=frozenset("AB")))
    assert desk.enqueue("A", "B", "C") == (1, 0, 0, 2), "what was done waits again, what is dead does not"
    a, b, c = (unit(ticker).unit_id for ticker in "ABC")
    again = {"bounds": QueueBounds(), "run_id": "cli", "now": NOW}
    with pytest.raises(BadInputError, match="an entry that can be tried again; this one is pending"):
        retry_entries(desk.engine, [a, c], **again)
    with pytest.raises(BadInputError, match="reason ' ' is not accepted"):
        drop_entries(desk.engine, [b], reason=" ", now=NOW)
    with pytest.raises(BadInputError, match="id 'f00' is not accepted"):
        drop_entries(desk.engine, [b, "f00"], reason="no", now=NOW)
    assert desk.entry("B").status == "dead", "none of those that are named"
    assert drop_entries(desk.engine, [b], reason="no such\ncompany", now=NOW) == 1
    assert (desk.entry("B").status, desk.entry("B").last_error) == ("cancelled", "dropped: no such company")
    assert desk.enqueue("B") == (0, 0, 0, 1), "it was dropped"
    with pytest.raises(QueueFullError):
        retry_entries(desk.engine, [a, b], bounds=QueueBounds(2, 9), run_id="cli", now=NOW)
    assert retry_entries(desk.engine, None, **again, dataset="etf_profiles") == 0
    assert retry_entries(desk.engine, None, **again) == 1, "dead ones alone"
    assert (desk.entry("A").status, desk.entry("A").failures) == ("pending", 0)
    assert retry_entries(desk.engine, [b], **again) == 1
    desk.work(Scribe())
    assert desk.effects == ["A", "B", "C", "C"]
    record_plan(desk.engine, [unit("RUN")], run_id="run-0", priorities={}, now=NOW)
    with pytest.raises(BadInputError, match="this is a unit that a run plans for itself"):
        drop_entries(desk.engine, [unit("RUN").unit_id], reason="no", now=NOW)


@pytest.mark.parametrize(
    ("scribe", "words"),
    [
        (Scribe(odd=frozenset("C")), "its answer could not be stored: C is odd"),
        (Scribe(breaking=frozenset("C")), "it could not be asked for: LookupError: C breaks it"),
    ],
)
def test_what_is_odd_ends_its_own_entry_alone(desk: Desk, scribe: Scribe, words: str) -> None:
    desk.enqueue(*"ABCD")
    report = desk.work(scribe)
    assert (report.ended, report.failed, report.dead, report.away) == (4, 1, 1, set())
    assert desk.effects == ["A", "B", "D"]
    entry = desk.entry("C")
    assert (entry.status, entry.error_class, entry.last_error) == ("dead", "permanent", words)


def test_what_is_not_answered_is_given_back_and_the_worker_stops_asking(desk: Desk) -> None:
    desk.enqueue("A", "B")
    report = desk.work(Scribe(silent=True))
    assert (report.ended, report.away) == (0, {Dataset.SYMBOL_DETAILS})
    assert entries_due(desk.engine, "XNYS", "simulator", NOW) == {"symbol_details": 2}
    assert entries_due(desk.engine, "XNYS", "massive", NOW) == {}


@pytest.mark.parametrize("loss", ["taken over", "expired", "dropped"])
def test_a_worker_that_has_lost_its_lease_stores_nothing(desk: Desk, loss: str) -> None:
    desk.enqueue("A", "B")

    def lose() -> None:
        if loss == "dropped":
            drop_entries(desk.engine, [unit("A").unit_id], reason="no", now=NOW)
            return
        expire_leases(desk.engine, NOW + LEASE)
        if loss == "taken over":
            desk.work(Scribe(), NOW + LEASE)

    class Losing(Scribe):
        def ask(self, units: Sequence[WorkUnit]) -> Iterator[list[Answered[str]]]:
            for answers in super().ask(units):
                lose()
                yield answers

    report = desk.work(Losing(), limits=WorkLimits(2, 60))
    assert report.lost == (1 if loss == "dropped" else 2)
    assert desk.effects == {"taken over": ["A", "B"], "expired": [], "dropped": ["B"]}[loss]
    if loss == "expired":
        desk.work(Scribe())
        assert desk.effects == ["A", "B"]


def test_two_workers_of_which_one_is_killed_do_each_entry_exactly_once(migrated_database_url: str) -> None:
    query(migrated_database_url, EFFECTS)
    _, refusal = fill(open_engine(migrated_database_url), 2_000)
    assert "at most 2,000 may be" in refusal
    raced = race(migrated_database_url, 2, kills=1, total=2_000, seed=7)
    found = outcome(migrated_database_url, raced.taken_over)
    assert (found.once, found.others, found.done) == (2_000, 0, 2_000)
    assert found.critical_after_low == 0
    assert sorted(found.places, key=found.places.__getitem__)[:3] == ["aged", "ETF", "CS"]
