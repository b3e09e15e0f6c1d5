"""The nightly quorum as a job and a schedule, and overrides that schedules obey at their next tick."""

from datetime import date

import dagster as dg
import pytest

from tickstock_dagster.adapters.calendars.edit import put_override, withdraw_override
from tickstock_dagster.core.calendars.overrides import requested_override
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.defs.tags import TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, THU, Factory, all_definitions, checks_of, red_checks
from tickstock_dagster_tests.defs.ticking import eastern, tick

XNYS = library_calendar("XNYS")
CHECK = "calendar_agreement"


def hold(factory: Factory) -> dg.ExecuteInProcessResult:
    """Run the job as its schedule launches it: with the configuration that stands in its definition."""
    factory.vendor.set_now(SUNDAY)
    job = all_definitions().resolve_job_def("calendar_quorum")
    config = {**(job.run_config or {}), "resources": {"clock": {"config": {"fixed": SUNDAY.isoformat()}}}}
    config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
    return job.execute_in_process(instance=factory.instance, raise_on_error=False, run_config=config)


def override(factory: Factory, day: date, *, by: str = "ann", **change: str | bool) -> None:
    wanted = requested_override(XNYS, day, reason="a test", **change)  # type: ignore[arg-type]
    put_override(factory.engine, wanted, by=by, now=SUNDAY)


def test_the_job_asks_every_witness_and_names_them(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", FRI).success
    result = hold(factory)
    assert result.success
    check = checks_of(result)[CHECK]
    assert check.passed
    assert check.metadata["value"].value == 0
    assert "XLON: exchange_calendars" in check.metadata["witnesses"].value
    assert "XNYS: simulator NYSE" in check.metadata["witnesses"].value
    assert check.metadata["not_heard"].value == "none"


def test_a_disagreement_is_a_warning_that_stays_until_somebody_decides(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", FRI).success
    factory.execute("DELETE FROM ohlcv_daily")
    factory.vendor.install("late_day", day=FRI)
    result = hold(factory)
    assert red_checks(result) == {CHECK: "WARN"}
    assert "nobody traded?" in checks_of(result)[CHECK].metadata["disagreements"].value
    read = checks_of(factory.run("us_bar_checks"))[CHECK]
    assert not read.passed, "whoever only reads sees the same"
    assert "not asked" in read.metadata["witnesses"].value
    override(factory, FRI, closed=True)
    factory.vendor.clear_faults()
    factory.vendor.install("empty_200", path="*/range/*", day=FRI)
    hold(factory)
    standing = "SELECT witness FROM calendar_disagreements WHERE resolved_at IS NULL AND NOT overridden"
    assert factory.rows(standing) == []


def test_other_runs_read_what_was_found_and_ask_nobody(factory: Factory) -> None:
    factory.vendor.reset_stats()
    check = checks_of(factory.run("us_bar_checks"))[CHECK]
    assert check.passed
    assert factory.vendor.stats()["total"] == 0


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-21", "2026-11-26", "2026-11-27", "2026-03-08", "2026-11-01"])
def test_the_quorum_is_held_every_night_in_new_york(factory_on_postgres: Factory, day: str) -> None:
    request = tick(factory_on_postgres, "calendar_quorum_schedule", eastern(f"{day} 21:00"))
    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.tags) == (f"quorum/{day}", {TRIGGER_TAG: "schedule"})
    schedule = all_definitions().resolve_schedule_def("calendar_quorum_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 21 * * *", "America/New_York")


def test_while_the_market_still_trades_the_quorum_waits_and_says_why(factory_on_postgres: Factory) -> None:
    override(factory_on_postgres, FRI, close_at="22:00")
    answer = tick(factory_on_postgres, "calendar_quorum_schedule", eastern("2026-11-20 21:00"))
    assert answer == "2026-11-20 still trades: an override closes it at 03:00 UTC"


def test_an_override_counts_at_the_next_tick_and_so_does_its_withdrawal(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(since=THU)
    noon = eastern("2026-11-20 12:30")

    def attempted() -> str | None:
        request = tick(factory, "us_eod_schedule", noon)
        return request.partition_key if isinstance(request, dg.RunRequest) else None

    assert attempted() == "2026-11-19"
    override(factory, FRI, close_at="12:00")
    assert attempted() == "2026-11-20"
    withdraw_override(factory.engine, "XNYS", FRI, by="ann", reason="a mistake", now=SUNDAY)
    assert attempted() == "2026-11-19"
