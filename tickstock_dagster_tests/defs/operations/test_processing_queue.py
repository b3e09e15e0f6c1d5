"""The processing queue in Dagster, end to end: what waits, the sensor that requests a worker, the worker, edits."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.queue import Wanted, enqueue
from tickstock_dagster.adapters.securities import symbol_details
from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.loading.queueing import QueueBounds
from tickstock_dagster.defs.operations.processing_queue import RETRY_AFTER
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, Factory, all_definitions, checks_of, failure_of

ENTRIES = "SELECT status, count(*) FROM processing_queue WHERE enqueued_at IS NOT NULL GROUP BY status ORDER BY status"


def sensor(factory: Factory, name: str = "processing_queue_sensor", **others: Any) -> dg.RunRequest | str:
    """What a sensor does on Sunday: the run that it requests, or why it requests none."""
    context = dg.build_sensor_context(
        instance=factory.instance, resources=factory.resources(others.get("now", SUNDAY)), cursor=others.get("cursor")
    )
    answer = all_definitions().resolve_sensor_def(name)(context)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or ""
    assert isinstance(answer, dg.RunRequest)
    return answer


def run(factory: Factory, job: str, op: str, **config: Any) -> dg.ExecuteInProcessResult:
    """Execute a job with the configuration of its op."""
    factory.vendor.set_now(SUNDAY)
    return (
        all_definitions()
        .resolve_job_def(job)
        .execute_in_process(
            instance=factory.instance,
            raise_on_error=False,
            run_config={
                "ops": {op: {"config": config}} if config else {},
                "resources": {"clock": {"config": {"fixed": SUNDAY.isoformat()}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            tags={"tickstock/trigger": "queue"},
        )
    )


def queue_details(factory: Factory, tickers: tuple[str, ...]) -> None:
    """The list of Friday is stored, and the details of some of its tickers wait in the queue."""
    source = factory.resources(SUNDAY)["vendor"].open()
    context = LoadContext(source, factory.engine, "XNYS", "cli", lambda: SUNDAY)
    master = SymbolMaster(context)
    report = master.sync(FRI, details_limit=0)
    queued = master.enqueue_details(FRI, QueueBounds())
    assert queued.new == report.details_left > len(tickers)
    assert master.enqueue_details(FRI, QueueBounds()).new == 0, "they are in it already"
    factory.execute("DELETE FROM work_units WHERE enqueued_at IS NOT NULL AND subject <> ALL (%s)", list(tickers))


def test_details_go_through_the_queue_and_one_unknown_ticker_ends_alone(factory: Factory) -> None:
    assert sensor(factory) == "no entry is due"
    queue_details(factory, ("AAPL", "MSFT", "SPY"))
    unlisted = WorkUnit(UnitKind.DETAILS, "XNYS", "simulator", "NOSUCH", FRI, FRI)
    bars = WorkUnit(UnitKind.RANGE, "XNYS", "simulator", "AAPL", FRI, FRI)
    of_vendor = WorkUnit(UnitKind.DETAILS, "XNYS", "massive", "AAPL", FRI, FRI)
    wanted = [Wanted(unlisted), Wanted(bars), Wanted(of_vendor)]
    enqueue(factory.engine, wanted, bounds=QueueBounds(), run_id="cli", now=SUNDAY)
    request = sensor(factory)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/priority"] == "1"
    assert run(factory, "process_queue", "work_on_queue", most_entries=2).success
    assert factory.rows(ENTRIES) == [("done", 2), ("pending", 4)]
    done = run(factory, "process_queue", "work_on_queue")
    assert done.success
    assert factory.rows(ENTRIES) == [("dead", 1), ("done", 3), ("pending", 2)], "of bars, and of massive"
    stored = "SELECT ticker FROM securities JOIN ticker_intervals USING (security_id) WHERE details_on = %s"
    assert sorted(factory.rows(stored, FRI)) == ["AAPL", "MSFT", "SPY"]
    assert factory.rows("SELECT count(*) FROM vendor_calls WHERE run_id <> 'cli'") == [3]
    [event] = factory.events("tickstock.jobs.dead_letters")
    assert event["entries"][0]["error"] == "NOSUCH: the list of 2026-11-20 has no such ticker"
    assert sensor(factory) == (
        "no entry is due but 1 of ohlcv_daily, which have no handler; 1 entry is about massive, and workers ask "
        "simulator: waiting until they ask massive again, or `tickstock queue drop`"
    )

    def edit(**config: Any) -> dg.ExecuteInProcessResult:
        return run(factory, "edit_queue", "edit_entries", **config)

    assert "one or more ids, or all_dead" in failure_of(edit(action="retry"))
    assert "reason '' is not accepted" in failure_of(edit(action="drop", ids=[unlisted.unit_id]))
    assert "what is dropped is named" in failure_of(edit(action="drop", all_dead=True, reason="no"))
    assert edit(action="retry", all_dead=True).success
    assert edit(action="drop", ids=[unlisted.unit_id], reason="a typo").success
    assert factory.rows("SELECT last_error FROM processing_queue WHERE status = 'cancelled'") == ["dropped: a typo"]


def test_a_worker_waits_for_bars_and_after_a_failure(factory: Factory) -> None:
    queue_details(factory, ("AAPL",))
    eod = all_definitions().resolve_job_def("us_eod")
    loading = factory.instance.create_run_for_job(
        eod, tags={"tickstock/trigger": "eod"}, status=dg.DagsterRunStatus.STARTED
    )
    assert sensor(factory) == "1 entries are due: bars are being loaded"
    factory.instance.delete_run(loading.run_id)
    factory.vendor.install("not_entitled")
    failed = run(factory, "process_queue", "work_on_queue")
    assert not failed.success
    assert "dataset 'bars' is not accepted" in failure_of(
        run(factory, "process_queue", "work_on_queue", datasets=["bars"])
    )
    assert factory.rows(ENTRIES) == [("dead", 1)]
    assert run(factory, "edit_queue", "edit_entries", action="retry", all_dead=True).success
    assert str(sensor(factory)).startswith("1 entries are due: the last worker failed; the next is requested from ")
    later = max(record.update_timestamp for record in factory.instance.get_run_records()) + RETRY_AFTER
    assert isinstance(sensor(factory, now=later + timedelta(minutes=1)), dg.RunRequest)


@pytest.mark.parametrize("ms", [100.0, 900.0])
def test_the_check_and_the_sensor_say_whether_types_keep_their_targets(factory: Factory, ms: float) -> None:
    queue_details(factory, ("AAPL",))
    assert run(factory, "process_queue", "work_on_queue").success
    factory.execute("UPDATE work_units SET elapsed_ms = %s WHERE kind = 'details' AND status = 'done'", ms)
    found = checks_of(factory.run("us_bar_checks"))["processing_targets"]
    said = sensor(factory, "processing_performance_sensor")
    events = [(event["equity_type"], event["state"]) for event in factory.events("tickstock.equity.performance")]
    if ms < 500:
        assert (found.passed, said, events) == (True, "1 types were processed today, and keep their targets", [])
        return
    assert (found.passed, found.severity.value, found.metadata["value"].value) == (False, "WARN", 1)
    assert said == "CS: 900 ms per symbol (median), target 500 ms"
    assert found.metadata["sample"].value == said
    assert events == [("CS", "breached")]


def test_what_the_rate_leaves_goes_into_the_queue_and_a_full_queue_fails_no_session(factory: Factory) -> None:
    factory.monkeypatch.setattr(symbol_details, "USUAL_SECONDS", 0)  # the rate allows none

    def left(**bounds: str) -> tuple[int, int]:
        factory.configure(**bounds)
        done = factory.run("reference_refresh", FRI)
        assert done.success
        made = done.asset_materializations_for_node("reference__symbols")
        facts = made[0].metadata
        return int(facts["details_left"].value), int(facts["details_queued"].value)  # type: ignore[arg-type]

    found, queued = left(TICKSTOCK_QUEUE_IN_ALL="2")
    assert (found > 2, queued) == (True, 0)
    assert left(TICKSTOCK_QUEUE_IN_ALL="50000") == (found, found)
    assert left() == (found, 0), "they wait there already"
    assert factory.rows("SELECT equity_type, priority FROM processing_queue WHERE symbol = 'SPY'") == [("ETF", 10)]
