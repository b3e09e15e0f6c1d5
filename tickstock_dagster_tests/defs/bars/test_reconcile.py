"""The second look as a job and a schedule: when it is launched, why it is not, and what a run leaves behind."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FEW, Factory, all_definitions, failure_of
from tickstock_dagster_tests.defs.ticking import eastern, tick

WED, THU, FRI, HALF_DAY = (date(2026, 11, day) for day in (18, 19, 20, 27))
SCHEDULE = "us_reconcile_schedule"


def run_reconcile(factory: Factory, now: datetime, session: date) -> dg.ExecuteInProcessResult:
    """Run the job as the schedule requests it at `now`."""
    request = tick(factory, SCHEDULE, now)
    assert isinstance(request, dg.RunRequest), request
    assert request.tags == {SESSION_TAG: str(session), TRIGGER_TAG: "reconcile"}
    return run(factory, now, request.run_config, request.tags)


def run(factory: Factory, now: datetime, config: object, tags: object = None) -> dg.ExecuteInProcessResult:
    factory.vendor.set_now(now)
    assert isinstance(config, dict)
    return (
        all_definitions()
        .resolve_job_def("us_reconcile")
        .execute_in_process(
            instance=factory.instance,
            raise_on_error=False,
            tags=tags if isinstance(tags, dict) else {},
            run_config={
                **config,
                "resources": {"clock": {"config": {"fixed": now.astimezone(UTC).isoformat()}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    )


def statuses(factory: Factory, session: date) -> list[str]:
    return factory.rows("SELECT DISTINCT status FROM ohlcv_daily WHERE session = %s ORDER BY 1", session)


def test_a_session_is_looked_at_again_once_at_half_past_eleven_on_the_next_sessions_morning(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track(since=THU)
    factory.vendor.install("replaced_day", day=THU, ticker="AAPL", factor=1.02)
    assert factory.run("us_eod", THU, now=eastern("2026-11-19 17:00").astimezone(UTC)).success
    assert statuses(factory, THU) == ["provisional"]
    due = eastern("2026-11-20 11:30")
    early = tick(factory, SCHEDULE, due.replace(minute=15))
    assert early == "2026-11-18 is reconciled; 2026-11-19 is due at 2026-11-20 11:30 EST"
    result = run_reconcile(factory, due, THU)
    assert result.success, failure_of(result)
    assert statuses(factory, THU) == ["final"]
    assert factory.rows("SELECT count(*) FROM bar_restatements") == [1]
    [event] = [event for event in result.all_events if event.is_asset_observation]
    facts = {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}
    assert (facts["bars_restated"], facts["bars_still_provisional"], facts["failures"]) == (1, 0, "none")
    after = tick(factory, SCHEDULE, due.replace(minute=45))
    assert after == "2026-11-19 is reconciled; 2026-11-20 is due at 2026-11-23 11:30 EST"
    assert len(factory.events("tickstock.eod.complete")) == 1, "told once"


def test_over_a_holiday_it_waits_for_the_next_session_and_says_so(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(since=date(2026, 11, 25))
    wednesday = date(2026, 11, 25)
    assert factory.run("us_eod", wednesday, wednesday, now=eastern("2026-11-25 17:00").astimezone(UTC)).success
    thanksgiving = tick(factory, SCHEDULE, eastern("2026-11-26 11:30"))
    assert thanksgiving == (
        "2026-11-26 is not a session; 2026-11-24 is reconciled; 2026-11-25 is due at 2026-11-27 11:30 EST"
    )
    request = tick(factory, SCHEDULE, eastern("2026-11-27 11:30"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-25/1"


def test_a_session_that_becomes_complete_only_now_is_told_of(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track(since=THU)
    factory.vendor.install("missing_symbols", path="*/grouped/*", day=THU, tickers=FEW[:2])
    assert not factory.run("us_eod", THU, now=eastern("2026-11-19 17:00").astimezone(UTC)).success
    assert factory.events("tickstock.eod.complete") == []
    factory.vendor.clear_faults()
    assert run_reconcile(factory, eastern("2026-11-20 11:30"), THU).success
    [told] = factory.events("tickstock.eod.complete")
    assert (told["session"], told["stored"], told["missing"]) == ("2026-11-19", 3, 0)


def test_a_vendor_that_is_away_fails_the_run_by_name_and_a_later_tick_tries_again(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track(since=THU)
    assert factory.run("us_eod", THU, now=eastern("2026-11-19 17:00").astimezone(UTC)).success
    factory.vendor.install("server_error", path="*/aggs/*")
    result = run_reconcile(factory, eastern("2026-11-20 11:30"), THU)
    assert "502" in failure_of(result)
    assert statuses(factory, THU) == ["provisional"]
    factory.vendor.clear_faults()
    request = tick(factory, SCHEDULE, eastern("2026-11-20 11:45"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-19/2"


def test_a_day_that_is_no_session_or_no_day_is_refused_by_name(factory: Factory) -> None:
    for text, words in (("2026-11-21", "does not trade that day"), ("tomorrow", "Invalid isoformat string")):
        config = {"ops": {"reconcile_session": {"config": {"session": text}}}}
        result = run(factory, datetime(2026, 11, 22, 15, tzinfo=ZoneInfo("UTC")), config)
        assert words in failure_of(result)
