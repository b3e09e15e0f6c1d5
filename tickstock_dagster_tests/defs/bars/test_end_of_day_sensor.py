"""The end-of-day sensor: whom it asks, when it launches, and in which words it does not."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from tickstock_dagster_tests.defs.factory import FORTY, FRI, Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import EOD_TAGS


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
    assert look(tracking, friday("16:31")) == "2026-11-20: 0 of 0 bars stored; us_eod_schedule makes the first attempt"
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
    assert waiting.startswith("2026-11-20 is not out yet: simulator: ")
    request = look(tracking, friday("17:46"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/2"
    assert tracking.run("us_eod", FRI, now=friday("17:46"), tags=request.tags).success
    assert look(tracking, friday("18:00")) == "2026-11-20 is complete; next is 2026-11-23"


def test_what_is_absent_is_asked_for_again_when_it_is_due_and_not_before(tracking: Factory) -> None:
    tracking.vendor.install("missing_symbols", day=FRI, tickers=FORTY[:1])
    assert tracking.run("us_eod", FRI, now=friday("16:30"), tags=EOD_TAGS).success
    tracking.vendor.reset_stats()
    waits = "the next retry of absent bars is due at 2026-11-20 16:45 EST"
    assert look(tracking, friday("16:40")) == f"2026-11-20: 39 of 40 bars stored; {waits}"
    assert tracking.vendor.stats()["total"] == 0
    request = look(tracking, friday("16:45"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/2"


def test_a_vendor_that_is_down_is_named_and_nothing_is_launched(tracking: Factory) -> None:
    tracking.vendor.install("server_error", status=503)
    answer = look(tracking, friday("17:00"))
    assert isinstance(answer, str)
    assert answer.startswith("cannot ask the vendor whether 2026-11-20 is out: simulator: ")
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
