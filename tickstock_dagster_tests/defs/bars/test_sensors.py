"""The sensors: whom they ask, when they launch, and in which words they do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import redis

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FORTY, FRI, MON, TUE, Factory, all_definitions, facts_of

EOD_TAGS = {SESSION_TAG: "2026-11-20", TRIGGER_TAG: "eod"}
CLOSED_PORT = "redis://:hidden-word@127.0.0.1:1/0"


def friday(clock: str) -> datetime:
    """A moment of Friday 2026-11-20 in New York."""
    return datetime.fromisoformat(f"2026-11-20 {clock}").replace(tzinfo=ZoneInfo("America/New_York"))


def look(factory: Factory, moment: datetime) -> dg.RunRequest | str:
    """What the end-of-day sensor does at a moment: the run that it requests, or why it skips."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(moment))
    answer = all_definitions().resolve_sensor_def("us_eod_sensor")(context)
    return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer


@pytest.fixture
def tracking(factory_on_postgres: Factory) -> Factory:
    """Forty symbols are tracked and nothing is stored."""
    factory_on_postgres.track(*FORTY)
    return factory_on_postgres


def test_the_vendor_is_asked_only_when_an_attempt_is_due(tracking: Factory) -> None:
    assert look(tracking, friday("16:29")) == "2026-11-20 closed; its first attempt is at 16:30 EST"
    assert look(tracking, friday("16:31")) == "2026-11-20: 0 of 0 bars stored; the first attempt is the schedule's"
    assert tracking.vendor.stats()["total"] == 0
    request = look(tracking, friday("16:45"))
    assert tracking.vendor.stats()["total"] == 1
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2026-11-20", "2026-11-20/1")
    assert request.tags == {**EOD_TAGS, "dagster/priority": "10"}


def test_a_late_vendor_is_waited_for_in_its_own_words(tracking: Factory) -> None:
    tracking.vendor.install("late_day", day=FRI, minutes=90)  # out at 17:45 instead of 16:15
    assert not tracking.run("us_eod", FRI, now=friday("16:30"), tags=EOD_TAGS).success
    assert tracking.rows("SELECT DISTINCT reason FROM bar_gaps") == ["vendor_late"]
    waiting = look(tracking, friday("17:30"))
    assert isinstance(waiting, str)
    assert waiting.startswith("2026-11-20 is not out: simulator: ")
    request = look(tracking, friday("17:46"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/2"
    assert tracking.run("us_eod", FRI, now=friday("17:46"), tags=request.tags).success
    assert look(tracking, friday("18:00")) == "2026-11-20 is complete; next is 2026-11-23"


def test_what_is_absent_is_asked_for_again_when_it_is_due_and_not_before(tracking: Factory) -> None:
    tracking.vendor.install("missing_symbols", day=FRI, tickers=FORTY[:1])
    assert tracking.run("us_eod", FRI, now=friday("16:30"), tags=EOD_TAGS).success
    tracking.vendor.reset_stats()
    waits = "what is absent may be asked for again at 2026-11-20 16:45 EST"
    assert look(tracking, friday("16:40")) == f"2026-11-20: 39 of 40 bars stored; {waits}"
    assert tracking.vendor.stats()["total"] == 0
    request = look(tracking, friday("16:45"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/2"


def test_a_vendor_that_is_down_is_named_and_nothing_is_launched(tracking: Factory) -> None:
    tracking.vendor.install("server_error", status=503)
    answer = look(tracking, friday("17:00"))
    assert isinstance(answer, str)
    assert answer.startswith("2026-11-20: the vendor could not be asked: simulator: ")
    assert "503" in answer


def test_a_refused_key_is_named_without_showing_it(tracking: Factory) -> None:
    tracking.configure(MASSIVE_API_KEY="wrong-key-0123456789")
    answer = look(tracking, friday("17:00"))
    assert isinstance(answer, str)
    assert answer.endswith("check MASSIVE_API_KEY")
    assert "wrong-key" not in answer


def test_two_runs_for_a_session_are_never_under_way(tracking: Factory) -> None:
    job = all_definitions().resolve_job_def("us_eod")
    tracking.instance.create_run_for_job(job, tags=EOD_TAGS, status=dg.DagsterRunStatus.STARTING)
    assert look(tracking, friday("17:00")) == "a run for 2026-11-20 is queued or started"
    assert tracking.vendor.stats()["total"] == 0


def after(factory: Factory, result: dg.ExecuteInProcessResult) -> dg.RunRequest | str:
    """What the symbol sensor does after a run."""
    context = dg.build_run_status_sensor_context(
        sensor_name="us_symbols_sensor",
        dagster_instance=factory.instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_success_event(),
    )
    answer = all_definitions().resolve_sensor_def("us_symbols_sensor")(context)
    return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer


def test_the_grid_follows_the_sessions_of_a_run_in_registration_order_and_without_a_call(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track()
    result = factory.run("us_eod", MON, TUE)
    assert after(factory, result) == "no ticker has a key yet: `tickstock load --symbols` gives it one"

    factory.instance.add_dynamic_partitions("tickers", ["SPY", "AAPL"])
    request = after(factory, result)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == result.run_id
    assert request.tags == {
        RANGE_START: "2026-11-16|SPY",
        RANGE_END: "2026-11-17|AAPL",
        SESSION_TAG: "2026-11-17",
        TRIGGER_TAG: "sensor",
    }
    factory.vendor.reset_stats()
    assert factory.run("us_symbols", request.tags[RANGE_START], request.tags[RANGE_END]).success
    assert factory.vendor.stats()["total"] == 0
    assert factory.materialised("ohlcv_daily") == {
        f"{day}|{ticker}" for day in ("2026-11-16", "2026-11-17") for ticker in ("SPY", "AAPL")
    }


def test_a_run_that_reaches_back_before_the_grid_is_followed_from_its_first_session(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track("AAPL")
    factory.instance.add_dynamic_partitions("tickers", ["AAPL"])
    assert after(factory, factory.run("us_eod", "2024-12-30", "2024-12-31")) == (
        "2024-12-31 is before the grid's first session, 2025-01-02"
    )
    request = after(factory, factory.run("us_eod", "2024-12-31", "2025-01-03"))
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2025-01-02|AAPL", "2025-01-03|AAPL")


EOD_RANGE = {RANGE_START: "2026-11-16", RANGE_END: "2026-11-20"}
SECOND_LOOK = {"ops": {"reconcile_session": {"config": {"session": "2026-11-20"}}}}


@pytest.mark.parametrize(
    ("job", "tags", "config", "span"),
    [
        ("us_eod", EOD_TAGS | {"dagster/partition": "2026-11-20"}, {}, ("2026-11-20", "2026-11-20")),
        ("us_eod", EOD_RANGE, {}, ("2026-11-16", "2026-11-20")),
        ("us_reconcile", {SESSION_TAG: "2026-11-20"}, SECOND_LOOK, ("2026-11-20", "2026-11-20")),
        ("us_bar_checks", {}, {}, None),
    ],
)
def test_after_a_session_s_bars_and_after_its_second_look_what_did_not_trade_is_valued(
    factory: Factory, job: str, tags: dict[str, str], config: dict[str, Any], span: tuple[str, str] | None
) -> None:
    run = factory.instance.create_run_for_job(all_definitions().resolve_job_def(job), tags=tags, run_config=config)
    context = dg.build_run_status_sensor_context(
        sensor_name="us_fair_values_sensor",
        dagster_instance=factory.instance,
        dagster_run=run,
        dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job),
    )
    answer = all_definitions().resolve_sensor_def("us_fair_values_sensor")(context)
    if span is None:
        assert isinstance(answer, dg.SkipReason)
        assert answer.skip_message == "the run had no session"
        return
    assert isinstance(answer, dg.RunRequest)
    assert answer.run_key == run.run_id, "each attempt once"
    own = {RANGE_START: span[0], RANGE_END: span[1], SESSION_TAG: span[1], TRIGGER_TAG: "sensor"}
    assert answer.tags == own | {"dagster/priority": "2"}


def deliver(factory: Factory) -> str:
    """What the outbox sensor says."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(friday("17:00")))
    answer = all_definitions().resolve_sensor_def("outbox_sensor")(context)
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


@contextmanager
def streams(factory: Factory) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(factory.redis_url, decode_responses=True) as client:
        yield client


def test_redis_being_away_fails_no_run_and_the_sensor_delivers_later(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track()
    factory.configure(TICKSTOCK_REDIS_URL=CLOSED_PORT)
    result = factory.run("us_eod", FRI)
    assert result.success
    waiting = facts_of(result)["events_waiting"]
    assert (waiting, facts_of(result)["events_sent"]) == (4, 0), "started, two of progress, complete"
    away = Factory(factory.database_url, CLOSED_PORT, factory.vendor, factory.instance, factory.monkeypatch)
    words = deliver(away)
    assert words.startswith("4 events wait: ")
    assert "hidden-word" not in words

    assert deliver(factory).startswith("sent 4; 0 wait")
    assert deliver(factory).startswith("nothing was left over; 0 wait")
    with streams(factory) as client:
        assert client.xlen("tickstock.eod.complete") == 1
