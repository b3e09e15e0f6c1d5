"""The sensor that loads what is owed of earlier sessions, and what its runs leave alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.defs.tags import CATCH_UP, RANGE_END, RANGE_START, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FEW, FRI, MON, THU, TUE, WED, Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import EOD_TAGS

pytestmark = pytest.mark.usefixtures("few_listed")

XNYS = library_calendar("XNYS")
CONFIG = {"owed": True}


def friday(clock: str) -> datetime:
    """A moment of Friday 2026-11-20 in New York."""
    return datetime.fromisoformat(f"2026-11-20 {clock}").replace(tzinfo=ZoneInfo("America/New_York"))


EVENING = friday("20:00")


def look(factory: Factory, moment: datetime = EVENING) -> dg.RunRequest | str:
    """What the catch-up sensor does at a moment: the run that it requests, or why it skips."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(moment))
    answer = all_definitions().resolve_sensor_def("us_catch_up_sensor")(context)
    return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer


def catch_up(factory: Factory, tags: Mapping[str, str], now: datetime = EVENING) -> dg.ExecuteInProcessResult:
    """Execute the run that the sensor requested."""
    config = {name: value for name, value in tags.items() if name not in (RANGE_START, RANGE_END)}
    return factory.run("us_eod", tags[RANGE_START], tags[RANGE_END], now=now, config=CONFIG, tags=config)


def grouped_days(factory: Factory) -> list[str]:
    calls: list[dict[str, Any]] = factory.vendor.stats(calls=True)["calls"]
    return sorted(call["path"].rpartition("/")[2] for call in calls if "/grouped/" in call["path"])


@pytest.fixture
def returned(factory_on_postgres: Factory) -> Factory:
    """Three symbols are expected from Monday on; only Friday's end of day has run."""
    factory = factory_on_postgres
    factory.track(*FEW, since=MON)
    assert factory.run("us_eod", FRI, now=EVENING, tags=EOD_TAGS).success
    factory.vendor.reset_stats()
    return factory


def test_the_sessions_of_an_outage_are_one_run_that_asks_for_each_once(returned: Factory) -> None:
    assert len(owed_cells(returned.engine, XNYS, FRI)) == 4 * len(FEW)
    request = look(returned)
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(MON), str(THU))
    assert (request.tags[TRIGGER_TAG], request.tags["dagster/priority"]) == (CATCH_UP, "1")
    assert request.run_config == {"ops": {"us__session_bars": {"config": CONFIG}}}
    assert catch_up(returned, request.tags).success
    assert owed_cells(returned.engine, XNYS, FRI).is_empty()
    assert look(returned) == "nothing is owed before 2026-11-20"
    days = grouped_days(returned)
    assert len(days) == len(set(days))
    assert [event["session"] for event in returned.events("tickstock.eod.complete")] == [str(FRI)]
    assert {str(day) for day in (MON, TUE, WED, THU, FRI)} <= returned.materialised("session_bars")
    assert returned.rows("SELECT track_from FROM cache_entries") == [MON], "a catch-up moves nothing"


def test_the_newest_session_comes_first(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(*FEW, since=MON)
    assert factory.run("us_eod", MON, now=friday("09:00")).success
    waits = "9 bars are owed on 3 sessions, 2026-11-17 to 2026-11-19"
    assert look(factory, friday("17:00")) == f"{waits}; 2026-11-20 comes first"
    job = all_definitions().resolve_job_def("us_eod")
    factory.instance.create_run_for_job(job, tags=EOD_TAGS, status=dg.DagsterRunStatus.STARTING)
    assert look(factory, friday("17:00")) == f"{waits}; 2026-11-20 comes first"


def test_it_never_runs_beside_a_run_that_has_the_sessions_already(returned: Factory) -> None:
    job = all_definitions().resolve_job_def("us_eod")
    span = {RANGE_START: str(WED), RANGE_END: str(THU)}
    returned.instance.create_run_for_job(job, tags=span, status=dg.DagsterRunStatus.STARTING)
    request = look(returned)
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(MON), str(TUE))
    returned.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    assert look(returned).endswith("a catch-up is queued or started")  # type: ignore[union-attr]


def test_a_vendor_that_is_down_is_not_asked_every_minute(returned: Factory) -> None:
    returned.vendor.install("server_error", path="*/aggs/*")
    request = look(returned)
    assert isinstance(request, dg.RunRequest)
    assert not catch_up(returned, request.tags).success
    assert "after failed runs it waits until 2026-11-20 20:15 EST" in look(returned)  # type: ignore[operator]
    returned.vendor.reset()
    again = look(returned, friday("20:15"))
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != request.run_key
    assert catch_up(returned, again.tags, friday("20:15")).success
    assert look(returned, friday("20:16")) == "nothing is owed before 2026-11-20"


def test_what_follows_from_a_caught_up_session_is_made_up_for_too(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(*FEW, since=MON)
    tuesday = datetime(2026, 11, 17, 20, tzinfo=ZoneInfo("America/New_York"))
    tags = {**EOD_TAGS, "tickstock/session": str(TUE)}
    assert factory.run("us_eod", TUE, now=tuesday, tags=tags).success
    assert factory.run("us_eod", FRI, now=EVENING, tags=EOD_TAGS).success
    request = look(factory)
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(MON), str(THU))
    assert catch_up(factory, request.tags).success
    declared = "SELECT first_session FROM work_units WHERE kind = 'session' ORDER BY 1"
    assert factory.rows(declared) == [TUE, WED, THU, FRI], "Monday lies before the first that ever was"
    assert [event["session"] for event in factory.events("tickstock.eod.complete")] == [str(TUE), str(FRI)]
