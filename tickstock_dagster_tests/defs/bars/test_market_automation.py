"""Tokyo comes to its end of day by itself: by its own closes, from its own file, beside New York and not in its way."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.defs.automation import eod_attempts, is_at_work
from tickstock_dagster.defs.bars.market_bars import MARKETS
from tickstock_dagster.defs.tags import (
    CATCH_UP,
    MARKET_TAG,
    RANGE_END,
    RANGE_START,
    SESSION_TAG,
    TRIGGER_TAG,
    eod_tags,
)
from tickstock_dagster_tests.defs.bars.bar_file import KIOXIA, SONY, TOYOTA, write_bars
from tickstock_dagster_tests.defs.factory import (
    FRI,
    MON,
    THU,
    TUE,
    WED,
    Factory,
    all_definitions,
    checks_of,
    failure_of,
    red_checks,
)
from tickstock_dagster_tests.defs.ticking import EOD_TAGS, eastern, tick

XTKS = library_calendar("XTKS")
TOKYOS = {SESSION_TAG: str(FRI), TRIGGER_TAG: "eod", MARKET_TAG: "XTKS"}
COMPLETE = "SELECT event -> 'data' ->> 'session' FROM outbox WHERE channel = 'tickstock.eod.complete' ORDER BY position"


def tokyo(text: str) -> datetime:
    """A moment on Tokyo's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo"))


EVENING = tokyo("2026-11-20 16:30")


def look(factory: Factory, sensor: str, moment: datetime = EVENING) -> dg.RunRequest | str:
    """What a sensor does at a moment: the run that it requests, or why it skips."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(moment))
    answer = all_definitions().resolve_sensor_def(sensor)(context)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or ""
    assert isinstance(answer, dg.RunRequest)
    return answer


@dataclass(frozen=True)
class Tokyo:
    """A factory, and the file of Tokyo's bars."""

    factory: Factory
    path: Path

    def holds(self, *days: date, tickers: tuple[str, ...] = (TOYOTA, SONY, KIOXIA)) -> None:
        """From now on the file holds these sessions."""
        write_bars(self.path, days, tickers)

    def closes(self, day: date, moment: datetime = EVENING) -> dg.ExecuteInProcessResult:
        """The end-of-day run of a session."""
        return self.factory.run("xtks_eod", day, now=moment, tags=eod_tags(day, "XTKS"))

    def runs(self, request: dg.RunRequest | str, moment: datetime = EVENING) -> dg.ExecuteInProcessResult:
        """Execute the catch-up that its sensor requested."""
        assert isinstance(request, dg.RunRequest)
        tags = {name: value for name, value in request.tags.items() if name not in (RANGE_START, RANGE_END)}
        span = (request.tags[RANGE_START], request.tags[RANGE_END])
        return self.factory.run("xtks_eod", *span, now=moment, config={"owed": True}, tags=tags)


@pytest.fixture
def market(factory_on_postgres: Factory, tmp_path: Path) -> Tokyo:
    """A file with Monday to Thursday, of which nothing is stored."""
    path = write_bars(tmp_path / "tokyo.parquet", (MON, TUE, WED, THU))
    factory_on_postgres.configure(TICKSTOCK_FILES_XTKS=f"files:{path}")
    return Tokyo(factory_on_postgres, path)


@pytest.mark.parametrize("mic", MARKETS)
def test_a_market_without_a_file_skips_and_names_the_variable(factory_on_postgres: Factory, mic: str) -> None:
    prefix, moment = mic.lower(), eastern("2026-11-20 20:00")
    for schedule in (f"{prefix}_eod_schedule", f"{prefix}_bar_checks_schedule"):
        assert f"TICKSTOCK_FILES_{mic} is not set: no bars of " in str(tick(factory_on_postgres, schedule, moment))
    for sensor in (f"{prefix}_eod_sensor", f"{prefix}_catch_up_sensor"):
        assert f"TICKSTOCK_FILES_{mic} is not set: no bars of " in str(look(factory_on_postgres, sensor, moment))
    factory_on_postgres.configure(**{f"TICKSTOCK_FILES_{mic}": "files:/nowhere.parquet"})
    assert "is not accepted" in str(tick(factory_on_postgres, f"{prefix}_eod_schedule", moment))
    assert "is not accepted" in str(look(factory_on_postgres, f"{prefix}_eod_sensor", moment))
    assert "nothing is owed before" in str(look(factory_on_postgres, f"{prefix}_catch_up_sensor", moment))


@pytest.mark.parametrize(
    ("moment", "session", "first"),
    [
        ("2026-11-20 15:45", FRI, "16:00"),
        ("2024-11-01 15:15", date(2024, 11, 1), "15:30"),  # it closed at 15:00 until then
        ("2024-11-05 15:45", date(2024, 11, 5), "16:00"),
    ],
)
def test_the_first_attempt_is_half_an_hour_after_tokyos_own_close(
    market: Tokyo, moment: str, session: date, first: str
) -> None:
    market.holds(session)
    waits = f"{session} closed; its first attempt is at {first} JST"
    assert tick(market.factory, "xtks_eod_schedule", tokyo(moment)) == waits
    request = tick(market.factory, "xtks_eod_schedule", tokyo(f"{session} {first}"))
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (str(session), f"{session}/1")
    assert request.tags == {**TOKYOS, SESSION_TAG: str(session), "dagster/priority": "10"}


def test_lunch_is_no_close_a_holiday_is_named_and_new_yorks_date_is_another(market: Tokyo) -> None:
    factory = market.factory
    at_lunch = tick(factory, "xtks_eod_schedule", tokyo("2026-11-20 12:00"))
    assert isinstance(at_lunch, dg.RunRequest)
    assert at_lunch.partition_key == str(THU)
    market.holds(MON, TUE, WED, THU, FRI)
    assert market.closes(FRI).success
    assert tick(factory, "xtks_eod_schedule", tokyo("2026-11-23 16:00")) == (
        "2026-11-23 is not a session; 2026-11-20 is complete; next is 2026-11-24"
    )
    factory.track(since=THU)
    in_new_york = tick(factory, "us_eod_schedule", tokyo("2026-11-20 16:00"))
    assert isinstance(in_new_york, dg.RunRequest)
    assert in_new_york.partition_key == str(THU), "Friday has not begun there"


def test_a_file_that_lacks_the_session_is_not_out_yet(market: Tokyo) -> None:
    factory, waits = market.factory, "2026-11-20 is not out yet: files:"
    asked = tick(factory, "xtks_eod_schedule", tokyo("2026-11-20 16:00"))
    assert str(asked).startswith(waits)
    assert str(asked).endswith("has no row of 2026-11-20; it holds 2026-11-16 to 2026-11-19")
    assert str(look(factory, "xtks_eod_sensor")).startswith(waits)
    market.holds(FRI)
    request = look(factory, "xtks_eod_sensor")
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/1"


def test_a_complete_session_is_declared_for_its_market_checked_and_tracked(market: Tokyo) -> None:
    market.holds(MON, TUE, WED, THU, FRI)
    factory, result = market.factory, market.closes(FRI)
    assert result.success
    assert checks_of(result).keys() == {"session_complete", "no_long_gaps", "latest_session_present"}
    [complete] = factory.events("tickstock.eod.complete")
    assert (complete["market"], complete["session"], complete["expected"]) == ("XTKS", "2026-11-20", 3)
    states = [(event["market"], event["state"], event["attempt"]) for event in factory.events("tickstock.eod.status")]
    assert states[0] == ("XTKS", "started", 1)
    tracked = "SELECT key, type, track, track_from, value FROM cache_entries"
    members = ["285A.XTKS", "6758.XTKS", "7203.XTKS"]
    assert factory.rows(tracked) == [("listed_xtks", "list", True, FRI, members)]
    due = factory.run("xtks_bar_checks", now=tokyo("2026-11-20 17:30"))
    assert red_checks(due) == {}
    assert tick(factory, "us_eod_schedule", eastern("2026-11-20 16:30")) == (
        "nothing is tracked on 2026-11-20: load a profile or track a universe first"
    )


def test_two_markets_count_their_own_runs_of_one_date(market: Tokyo) -> None:
    factory = market.factory
    factory.track()
    market.holds(FRI)
    job = all_definitions().resolve_job_def("xtks_eod")
    begun = factory.instance.create_run_for_job(job, tags=TOKYOS, status=dg.DagsterRunStatus.STARTED)
    assert (eod_attempts(factory.instance, FRI), eod_attempts(factory.instance, FRI, "XTKS")) == (0, 1)
    assert is_at_work(factory.instance, {TRIGGER_TAG: "eod"}), "of any market"
    in_new_york = tick(factory, "us_eod_schedule", eastern("2026-11-20 16:30"))
    assert isinstance(in_new_york, dg.RunRequest)
    assert in_new_york.run_key == "2026-11-20/1"
    assert look(factory, "xtks_eod_sensor") == "a run for 2026-11-20 is queued or started"
    factory.instance.delete_run(begun.run_id)
    us = all_definitions().resolve_job_def("us_eod")
    factory.instance.create_run_for_job(us, tags=EOD_TAGS, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(look(factory, "xtks_eod_sensor"), dg.RunRequest)
    assert tick(factory, "us_eod_schedule", eastern("2026-11-20 16:30")) == "a run for 2026-11-20 is queued or started"


def test_what_the_file_lacks_is_asked_of_another_content_at_once_and_of_the_same_one_never(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON, FRI)
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    market.holds(FRI, tickers=(TOYOTA,))
    assert failure_of(market.closes(FRI)).startswith("1 of 1 sessions stay incomplete; worst 2026-11-20: 1 of 3 bars")
    waits = "2026-11-20: 1 of 3 bars stored; the file has no further row of it"
    assert look(factory, "xtks_eod_sensor", tokyo("2026-11-21 09:00")) == waits
    market.holds(FRI)
    request = look(factory, "xtks_eod_sensor", tokyo("2026-11-20 16:40"))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-20/2"
    assert market.closes(FRI, tokyo("2026-11-20 16:40")).success
    assert owed_cells(factory.engine, XTKS, FRI, first=FRI).is_empty()


def test_the_sessions_of_an_outage_are_one_run_and_the_newest_alone_is_declared(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON)
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    market.holds(MON, TUE, WED, THU, FRI)
    waits = "9 bars are owed on 3 sessions, 2026-11-17 to 2026-11-19"
    assert look(factory, "xtks_catch_up_sensor") == f"{waits}; 2026-11-20 comes first"
    assert market.closes(FRI).success
    assert factory.rows("SELECT track_from FROM cache_entries") == [MON]
    request = look(factory, "xtks_catch_up_sensor")
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(TUE), str(THU))
    assert (request.tags[TRIGGER_TAG], request.tags[MARKET_TAG]) == (CATCH_UP, "XTKS")
    assert request.run_config == {"ops": {"xtks__session_bars": {"config": {"owed": True}}}}
    assert market.runs(request).success
    assert look(factory, "xtks_catch_up_sensor") == "nothing is owed before 2026-11-20"
    assert factory.rows(COMPLETE) == [str(MON), str(FRI)]
    asked = "SELECT DISTINCT attempts FROM work_units WHERE market = 'XTKS'"
    assert factory.rows(asked) == [1]
    assert look(factory, "us_catch_up_sensor", eastern("2026-11-20 20:00")) == "nothing is owed before 2026-11-20"


def test_a_catch_up_loads_what_the_file_has_and_waits_for_the_rest(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON)
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    assert look(factory, "xtks_catch_up_sensor") == (
        "nothing is owed before 2026-11-20; 9 owed bars are not out yet, the newest of 2026-11-19"
    )
    market.holds(TUE, THU)  # Wednesday and the newest session are not out yet
    newest = look(factory, "xtks_catch_up_sensor")
    assert isinstance(newest, dg.RunRequest)
    assert (newest.tags[RANGE_START], newest.tags[RANGE_END]) == (str(THU), str(THU))
    assert market.runs(newest).success
    older = look(factory, "xtks_catch_up_sensor")
    assert isinstance(older, dg.RunRequest)
    assert (older.tags[RANGE_START], older.tags[RANGE_END]) == (str(TUE), str(TUE))
    assert market.runs(older).success
    assert str(look(factory, "xtks_catch_up_sensor")).endswith("3 owed bars are not out yet, the newest of 2026-11-18")
    assert not factory.rows("SELECT * FROM bar_gaps"), "nobody asked the file for what it does not have"


def test_a_file_that_comes_after_the_next_close_declares_the_newest_session_that_it_has(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON, TUE, WED, THU)  # Friday closed before Thursday's file came
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    request = look(factory, "xtks_catch_up_sensor")
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(TUE), str(THU))
    assert market.runs(request).success
    assert factory.rows(COMPLETE) == [str(MON), str(THU)], "Tuesday's and Wednesday's are recorded alone"
    market.holds(MON, TUE, WED, THU, FRI)
    assert market.closes(FRI).success
    assert factory.rows(COMPLETE) == [str(MON), str(THU), str(FRI)]
    declared = "SELECT first_session FROM work_units WHERE kind = 'session' ORDER BY 1"
    assert factory.rows(declared) == [MON, TUE, WED, THU, FRI]


def test_an_older_session_is_recorded_when_its_file_comes_and_not_declared(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON)
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    market.holds(MON, FRI)
    assert market.closes(FRI).success
    market.holds(TUE)
    assert market.runs(look(factory, "xtks_catch_up_sensor")).success
    assert factory.rows(COMPLETE) == [str(MON), str(FRI)]
    assert TUE in factory.rows("SELECT first_session FROM work_units WHERE kind = 'session'")


def test_a_session_is_reconciled_with_its_file_on_tokyos_next_morning(market: Tokyo) -> None:
    factory, schedule, due = market.factory, "xtks_reconcile_schedule", tokyo("2026-11-20 11:30")
    market.holds(THU)
    assert market.closes(THU, tokyo("2026-11-19 16:00")).success
    waits = "2026-11-18 is reconciled; 2026-11-19 is due at 2026-11-20 11:30 JST"
    assert tick(factory, schedule, tokyo("2026-11-20 11:15")) == waits
    request = tick(factory, schedule, due)
    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.tags[MARKET_TAG]) == ("2026-11-19/1", "XTKS")
    assert "is reconciled" in str(tick(factory, "us_reconcile_schedule", eastern("2026-11-20 11:30")))
    job = all_definitions().resolve_job_def("xtks_reconcile")
    config = {
        **request.run_config,
        "resources": {"clock": {"config": {"fixed": due.isoformat()}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    assert job.execute_in_process(instance=factory.instance, run_config=config, tags=request.tags).success
    assert factory.rows("SELECT DISTINCT status FROM ohlcv_daily") == ["final"]
    assert factory.rows(COMPLETE) == [str(THU)], "declared once"
    after = "2026-11-19 is reconciled; 2026-11-20 is due at 2026-11-24 11:30 JST"
    assert tick(factory, schedule, tokyo("2026-11-20 11:45")) == after
    factory.configure(TICKSTOCK_FILES_XTKS="files:/nowhere.parquet")
    assert "its file cannot be read" in str(tick(factory, schedule, due))


def test_a_series_that_its_file_declares_ended_is_expected_no_more(market: Tokyo) -> None:
    factory = market.factory
    market.holds(MON, tickers=(TOYOTA, SONY, KIOXIA))
    assert market.closes(MON, tokyo("2026-11-16 16:00")).success
    rows = [pl.read_parquet(write_bars(market.path, days, tickers)) for days, tickers in (((MON,), (KIOXIA,)),
            ((MON, TUE), (TOYOTA, SONY)))]  # fmt: skip
    pl.concat(rows).write_parquet(market.path)
    evening = tokyo("2026-11-17 16:00")
    assert failure_of(market.closes(TUE, evening)).startswith("1 of 1 sessions stay incomplete"), "nothing says so yet"
    factory.configure(TICKSTOCK_FILES_XTKS=f"files:{market.path}?ended=yes")
    assert market.closes(TUE, evening).success
    assert owed_cells(factory.engine, XTKS, TUE).is_empty()
    assert factory.rows("SELECT ticker FROM ticker_intervals WHERE valid_to = %s", TUE) == ["285A.XTKS"]


def test_a_late_file_is_told_checked_and_found_missing_when_the_objective_is_due(market: Tokyo) -> None:
    factory, due = market.factory, tokyo("2026-11-20 17:30")
    assert market.closes(THU, tokyo("2026-11-19 16:00")).success
    assert look(factory, "day_notice_sensor", tokyo("2026-11-20 17:29")) == "nothing new to publish"
    said = "published: XTKS 2026-11-20 is below the objective, which was due"
    assert look(factory, "day_notice_sensor", due) == said
    assert look(factory, "day_notice_sensor", due) == "nothing new to publish"
    [overdue] = [event for event in factory.events("tickstock.eod.status") if event["state"] == "overdue"]
    assert (overdue["market"], overdue["session"], overdue["missing"]) == ("XTKS", str(FRI), 3)
    assert tick(factory, "xtks_bar_checks_schedule", tokyo("2026-11-20 17:15")) == (
        "2026-11-19 was checked when it was due; next is 2026-11-20"
    )
    request = tick(factory, "xtks_bar_checks_schedule", due)
    assert isinstance(request, dg.RunRequest)
    result = factory.run("xtks_bar_checks", now=due, tags=request.tags)
    assert red_checks(result) == {"latest_session_present": "ERROR", "session_complete": "WARN"}
    assert checks_of(result)["latest_session_present"].asset_key == dg.AssetKey(["xtks", "session_bars"])
    assert str(tick(factory, "xtks_bar_checks_schedule", due)).startswith("2026-11-20 was checked when it was due")


def test_a_universe_that_somebody_untracked_is_left_alone(market: Tokyo) -> None:
    factory = market.factory
    assert market.closes(THU, tokyo("2026-11-19 16:00")).success
    factory.execute("UPDATE cache_entries SET track = false")
    market.holds(FRI)
    assert "nothing is tracked on 2026-11-20" in str(tick(factory, "xtks_eod_schedule", tokyo("2026-11-20 16:00")))
    assert look(factory, "day_notice_sensor", tokyo("2026-11-20 18:00")) == "nothing new to publish"
    assert market.closes(FRI).success, "by hand"
    assert factory.rows("SELECT track FROM cache_entries") == [False]
