"""November 2026 in New York, lived through by the real schedules and sensors on a clock of our own.

The clock walks from Thursday 2026-10-29 to noon of 2026-12-02, when the second look at Tuesday 2026-12-01 is over.
Schedules are evaluated at the cron ticks that Dagster makes, sensors at moments that are dense while a session is
loaded; at night and on closed days both by the hour (`simulated_clock`), which keeps the month at six and a half
minutes of one core. What is asserted is read from the store, the run history, the Redis stream and the vendor's own
record of its calls.

`-s` prints the table of what happened when; TICKSTOCK_MONTH_REPORT names a file that it is written to as Markdown.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from rich.console import Console
from rich.table import Table

from tickstock_dagster.adapters.calendars.edit import put_override
from tickstock_dagster.adapters.loading.coverage import cell_states, completeness
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.overrides import requested_override
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.universes.profiles import ETFS, STOCKS
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster.simulator.market.sessions import sessions as vendor_sessions
from tickstock_dagster_tests.adapters.events.outbox_helpers import entries
from tickstock_dagster_tests.end_to_end.simulated_clock import NEW_YORK, eastern
from tickstock_dagster_tests.end_to_end.simulated_month import SimulatedMonth, simulated_month

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

XNYS = library_calendar("XNYS")
TRACKED = (*STOCKS[:40], *ETFS[:15], "THIN", "THNR", "IPOX", "NEWC", "PENY")
FIRST, LAST = date(2026, 10, 29), date(2026, 12, 1)
BEGINS, ENDS = eastern("2026-10-29 00:00"), eastern("2026-12-02 12:00")

HALF_DAY, SUDDEN_HALF_DAY = date(2026, 11, 27), date(2026, 11, 13)
THANKSGIVING, SUDDENLY_CLOSED = date(2026, 11, 26), date(2026, 11, 18)
LATE, EMPTY, OUTAGE, HOLES = (date(2026, 11, day) for day in (3, 4, 5, 6))
REDIS_AWAY, STORE_AWAY, STORE_RESTARTED, CORRECTED = (date(2026, 11, day) for day in (10, 12, 17, 19))
SESSIONS = [day for day in XNYS.sessions(FIRST, LAST) if day != SUDDENLY_CLOSED]

Incidents = dict[datetime, Callable[[], str]]


def closes_at(day: date) -> datetime:
    """When a session of the month closed, UTC; overrides included."""
    return eastern(f"{day} 13:00") if day == SUDDEN_HALF_DAY else XNYS.closes_at(day)


def shown(moment: datetime | None, pattern: str = "%a %d %H:%M") -> str:
    return f"{moment.astimezone(NEW_YORK):{pattern}}" if moment else ""


def incidents(world: SimulatedMonth, patch: pytest.MonkeyPatch) -> Incidents:
    """What befalls the factory, by the moment at which it does; each says itself in words."""
    vendor, engine = world.vendor, world.factory.engine
    restarting: list[Thread] = []

    def faulty(words: str, fault: str, **parameters: Any) -> Callable[[], str]:
        return lambda: (vendor.install(fault, **parameters), words)[1]

    def healed(words: str) -> Callable[[], str]:
        return lambda: (vendor.clear_faults(), words)[1]

    def half_day() -> str:
        hours = vendor_sessions()._hours
        patch.setitem(hours, SUDDEN_HALF_DAY, hours[SUDDEN_HALF_DAY]._replace(closes_at=closes_at(SUDDEN_HALF_DAY)))
        wanted = requested_override(XNYS, SUDDEN_HALF_DAY, close_at="13:00", reason="a storm")
        put_override(engine, wanted, by="operations", now=world.now)
        return f"{SUDDEN_HALF_DAY} will close at 13:00"

    def closure() -> str:
        wanted = requested_override(XNYS, SUDDENLY_CLOSED, closed=True, reason="a day of mourning")
        put_override(engine, wanted, by="operations", now=world.now)
        return f"{SUDDENLY_CLOSED} is cancelled"

    def restart_under_a_run() -> str:
        restarting.append(world.restart_postgres_during_the_next_load(STORE_RESTARTED))
        return "PostgreSQL is restarted while the session's run waits for the vendor"

    def joined() -> str:
        restarting[0].join(timeout=60)
        return "PostgreSQL was restarted" if not restarting[0].is_alive() else "PostgreSQL was never restarted"

    def corrected() -> str:
        vendor.scale_day(CORRECTED, 1.01)
        return f"the vendor corrects every bar of {CORRECTED}"

    def stopped(server: str, words: str) -> Callable[[], str]:
        return lambda: (getattr(world.services, server).stop(), words)[1]

    def started(server: str, words: str) -> Callable[[], str]:
        return lambda: (world.services.start({server}), words)[1]

    holes = {"day": HOLES, "tickers": ("AAPL", "MSFT")}
    return {
        eastern("2026-11-03 16:00"): faulty("out 105 minutes later than usual", "late_day", day=LATE, minutes=105),
        eastern("2026-11-04 16:00"): faulty("the vendor's bars are empty", "empty_200", path="*/aggs/*"),
        eastern("2026-11-04 18:10"): healed("the vendor's bars are back"),
        eastern("2026-11-05 16:20"): faulty("the vendor is down", "server_error", status=503),
        eastern("2026-11-05 19:20"): healed("the vendor is up again"),
        eastern("2026-11-06 16:00"): faulty("two symbols are missing", "missing_symbols", **holes),
        eastern("2026-11-06 19:00"): healed("the two symbols are there"),
        eastern("2026-11-09 16:29"): lambda: (world.restart_postgres(), "PostgreSQL is restarted between two ticks")[1],
        eastern("2026-11-10 16:10"): stopped("valkey", "Redis is away"),
        eastern("2026-11-10 17:10"): started("valkey", "Redis is back"),
        eastern("2026-11-12 16:29"): stopped("postgres", "PostgreSQL is away"),
        eastern("2026-11-12 16:32"): started("postgres", "PostgreSQL is back"),
        eastern("2026-11-13 10:00"): half_day,
        eastern("2026-11-17 16:29"): restart_under_a_run,
        eastern("2026-11-17 16:31"): joined,
        eastern("2026-11-17 18:05"): closure,
        eastern("2026-11-20 09:00"): corrected,
    }


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedMonth]:
    """The month as it was lived through; the stores are still there to be asked."""
    with (
        simulated_month(tmp_path_factory.mktemp("month") / "state", BEGINS) as world,
        pytest.MonkeyPatch.context() as p,
    ):
        factory = world.factory
        write_universe(factory.engine, "month", "list", "month", TRACKED, track_from=date(2026, 9, 28), now=BEGINS)
        # A month of history: what trades thinly is known by then.
        assert factory.run("us_eod", date(2026, 9, 28), date(2026, 10, 28), now=BEGINS).success
        world.instance.add_dynamic_partitions("tickers", ["AAPL", "SPY", "THIN"])
        world.vendor.reset_stats()
        world.walk(BEGINS, ENDS, map(closes_at, XNYS.sessions(FIRST, LAST)), incidents(world, p))
        report(world)
        yield world


@dataclass(frozen=True)
class Day:
    """One session, as store and run history tell of it."""

    state: Completeness
    attempts: list[dg.RunRecord]
    complete_at: datetime | None
    reconciled: list[dg.RunRecord]
    gaps: dict[str, int]


def days_of(world: SimulatedMonth) -> dict[date, Day]:
    """Every session of the month."""
    engine = world.factory.engine
    states = {state.session: state for state in completeness(engine, expected(world))}
    complete = {
        date.fromisoformat(data["session"]): datetime.fromisoformat(data["finished_at"])
        for data in world.factory.events("tickstock.eod.complete")
    }
    gaps: dict[date, dict[str, int]] = {}
    query = "SELECT session, reason, count(*) FROM bar_gaps WHERE session BETWEEN %s AND %s GROUP BY 1, 2"
    for session, reason, count in world.factory.rows(query, FIRST, LAST):
        gaps.setdefault(session, {})[reason] = count
    return {
        day: Day(
            states[day],
            runs_of(world, "us_eod", {SESSION_TAG: str(day), TRIGGER_TAG: "eod"}),
            complete.get(day),
            runs_of(world, "us_reconcile", {SESSION_TAG: str(day)}),
            gaps.get(day, {}),
        )
        for day in SESSIONS
    }


def expected(world: SimulatedMonth) -> Any:
    """The cells at which bars are expected, over the month's sessions."""
    return Expectation.of_universes(world.factory.engine, None, FIRST, LAST).cells(SESSIONS)


def runs_of(world: SimulatedMonth, job: str, tags: dict[str, str] | None = None) -> list[dg.RunRecord]:
    """Runs of a job in the history, the oldest first."""
    found = world.instance.get_run_records(dg.RunsFilter(job_name=job, tags=tags or {}))
    return sorted(found, key=lambda record: record.start_time or 0.0)


def began(record: dg.RunRecord) -> datetime:
    assert record.start_time is not None
    return datetime.fromtimestamp(record.start_time, UTC)


def succeeded(record: dg.RunRecord) -> bool:
    return record.dagster_run.status is dg.DagsterRunStatus.SUCCESS


HEADINGS = (
    "session", "close", "first attempt", "attempts", "complete at", "final at", "stored / due", "gaps", "what happened"
)  # fmt: skip


def table_of(world: SimulatedMonth) -> list[tuple[str, ...]]:
    """What happened when, a row for each weekday; times of New York."""
    days, found = days_of(world), []
    for day in (FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)):
        if day.weekday() >= 5:
            continue
        happened = [f"{shown(at, '%H:%M')} {words}" for at, words in world.log if at.astimezone(NEW_YORK).date() == day]
        if day not in days:
            found.append((f"{day:%a %Y-%m-%d}", "closed", *[""] * 6, "; ".join(happened)))
            continue
        one = days[day]
        failed = sum(not succeeded(run) for run in one.attempts)
        found.append(
            (
                f"{day:%a %Y-%m-%d}",
                shown(closes_at(day), "%H:%M %Z"),
                shown(began(one.attempts[0]), "%H:%M") if one.attempts else "",
                f"{len(one.attempts)}" + (f" ({failed} failed)" if failed else ""),
                shown(one.complete_at, "%H:%M"),
                shown(began(one.reconciled[-1])) if one.reconciled else "",
                f"{one.state.stored} / {one.state.expected - one.state.final}",
                ", ".join(f"{count} {reason}" for reason, count in sorted(one.gaps.items())),
                "; ".join(happened),
            )
        )
    return found


def report(world: SimulatedMonth) -> None:
    """Show the table, and write it where TICKSTOCK_MONTH_REPORT says."""
    rows, table = table_of(world), Table(*HEADINGS)
    for row in rows:
        table.add_row(*row)
    jobs = Counter(launch.job for launch in world.launches)
    facts = [
        f"Runs: {', '.join(f'{count} {job}' for job, count in sorted(jobs.items()))}.",
        f"Ticks: {', '.join(f'{count} {name}' for name, count in sorted(world.ticks.items()))}.",
        f"Ticks and runs that broke off: {len(world.failed_ticks)}.",
        *(f"- {shown(at)} {name}: {' '.join(words.split())[:160]}" for at, name, words in world.failed_ticks),
    ]
    console = Console(width=220)
    console.print(table, *facts, sep="\n")
    if name := os.environ.get("TICKSTOCK_MONTH_REPORT"):
        lines = [" | ".join(row) for row in (HEADINGS, ["---"] * len(HEADINGS), *rows)]
        Path(name).write_text("\n".join([*(f"| {line} |" for line in lines), "", *facts, ""]), encoding="utf-8")


def test_every_session_is_complete_and_every_absent_bar_is_explained(month: SimulatedMonth) -> None:
    assert len(SESSIONS) == 22
    states = cell_states(month.factory.engine, FIRST, LAST)
    cells = list(expected(month).select("session", "ticker").iter_rows())
    assert len(cells) == len(TRACKED) * len(SESSIONS)
    assert [cell for cell in cells if cell not in states] == [], "neither stored nor explained"
    assert [cell for cell in cells if states[cell] == "open"] == []
    days = days_of(month)
    assert [day for day, one in days.items() if one.complete_at is None] == []
    stored = sum(one.state.stored for one in days.values())
    assert stored / sum(one.state.expected - one.state.final for one in days.values()) > 0.99


def test_the_first_attempt_is_half_an_hour_after_each_sessions_close(month: SimulatedMonth) -> None:
    late = {
        day: began(one.attempts[0]) - closes_at(day)
        for day, one in days_of(month).items()
        if began(one.attempts[0]) != closes_at(day) + timedelta(minutes=30)
    }
    assert late == {STORE_AWAY: timedelta(minutes=45)}, "at its tick PostgreSQL was away"
    assert [shown(began(days_of(month)[day].attempts[0]), "%H:%M") for day in (HALF_DAY, SUDDEN_HALF_DAY)] == [
        "13:30",
        "13:30",
    ]


def test_no_bar_was_asked_for_on_a_day_without_a_session(month: SimulatedMonth) -> None:
    closed = {FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)} - set(SESSIONS)
    assert {THANKSGIVING, SUDDENLY_CLOSED} < closed
    calls = [call["path"] for call in month.vendor.stats(calls=True)["calls"] if "/v2/aggs/" in call["path"]]
    spans = [[date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", path)] for path in calls]
    assert len(calls) >= len(SESSIONS)
    about = [path for path, span in zip(calls, spans, strict=True) if any(span[0] <= day <= span[-1] for day in closed)]
    # The nightly quorum asks on purpose whether SPY traded on a day that the calendar calls closed; it stores nothing.
    asked = re.compile(r"/v2/aggs/ticker/SPY/range/1/day/(\d{4}-\d\d-\d\d)/\1$")
    assert [path for path in about if not asked.search(path)] == []
    for table in ("ohlcv_daily", "bar_gaps"):
        assert month.factory.rows(f"SELECT count(*) FROM {table} WHERE session = ANY(%s)", list(closed)) == [0]  # noqa: S608
    keys = {str(day) for day in closed}
    sessions = {record.dagster_run.tags.get(SESSION_TAG) for record in month.instance.get_run_records()}
    assert sessions & keys == set(), "nor was a run launched for one"


def test_nothing_ran_twice(month: SimulatedMonth) -> None:
    keyed = Counter(
        (run.job_name, run.tags.get("dagster/run_key"))
        for run in (record.dagster_run for record in month.instance.get_run_records())
        if "dagster/run_key" in run.tags
    )
    assert {key: count for key, count in keyed.items() if count > 1} == {}
    assert month.refused_keys == [], "no sensor asks again for what it launched"
    unfinished = [record for record in month.instance.get_run_records() if not record.dagster_run.is_finished]
    assert unfinished == []
    for day, one in days_of(month).items():
        *before, last = one.attempts
        assert succeeded(last)
        if day != HOLES:
            assert [run for run in before if succeeded(run)] == [], f"{day} was complete, and attempted again"
    checks = Counter(run.dagster_run.tags["dagster/run_key"] for run in runs_of(month, "us_bar_checks"))
    assert checks == Counter(f"due/{day}" for day in (date(2026, 10, 28), *SESSIONS))


def test_no_event_is_lost_nor_sent_without_its_change(month: SimulatedMonth) -> None:
    factory = month.factory
    written = {str(event_id) for event_id in factory.rows("SELECT event_id FROM outbox")}
    delivered = [entry["id"] for entry in entries(factory.redis_url)]
    assert set(delivered) == written
    assert factory.rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [0]
    told = factory.events("tickstock.eod.complete")
    assert sorted(data["session"] for data in told if data["session"] >= str(FIRST)) == [str(day) for day in SESSIONS]
    for data in told:
        session, at = date.fromisoformat(data["session"]), datetime.fromisoformat(data["finished_at"])
        assert (session, data["stored"]) == (session, stored_by(month, session, at))
    adjusted = factory.events("tickstock.schedule.adjusted")
    # The two overrides when they were made, and the half day that the calendar has always had a day ahead.
    assert [data["session"] for data in adjusted] == [str(SUDDEN_HALF_DAY), str(SUDDENLY_CLOSED), "2026-11-27"]


def stored_by(world: SimulatedMonth, session: date, at: datetime) -> int:
    """Bars of a session that were stored by then, whatever became of them later; a fair value is no bar."""
    query = """
        SELECT count(*) FROM ohlcv_daily b
        WHERE session = %s AND ticker = ANY(%s) AND NOT is_fmv AND least(loaded_at, (
            SELECT min(known_from) FROM bar_restatements r WHERE (r.security_id, r.session) = (b.security_id, b.session)
        )) <= %s
    """
    found = world.factory.rows(query, session, list(TRACKED), at)
    return int(found[0])


def test_the_morning_after_makes_every_bar_final(month: SimulatedMonth) -> None:
    printed = "SELECT DISTINCT status FROM ohlcv_daily WHERE session >= %s AND NOT is_fmv"
    assert month.factory.rows(printed, FIRST) == ["final"]
    for day, one in days_of(month).items():
        assert [shown(began(run), "%H:%M") for run in one.reconciled] == ["11:30"], day
        assert all(map(succeeded, one.reconciled))
    # What became of fair values is not the vendor's correction, though they may follow from it.
    corrected = "SELECT DISTINCT session FROM bar_restatements WHERE old_is_fmv IS NOT TRUE"
    assert month.factory.rows(corrected) == [CORRECTED]
    query = (
        "SELECT count(*) FROM bar_restatements JOIN ohlcv_daily USING (security_id, session) "
        "WHERE ticker = ANY(%s) AND old_is_fmv IS NOT TRUE"
    )
    assert month.factory.rows(query, list(TRACKED)) == [days_of(month)[CORRECTED].state.stored], "once each"


def test_only_the_ticks_broke_off_during_which_the_store_was_away(month: SimulatedMonth) -> None:
    away = (eastern("2026-11-12 16:29"), eastern("2026-11-12 16:32"))
    assert [tick for tick in month.failed_ticks if not away[0] <= tick[0] < away[1]] == []
    assert month.failed_ticks, "it was noticed"
    assert "PostgreSQL was restarted" in [words for _, words in month.log]
    [attempt] = days_of(month)[STORE_RESTARTED].attempts
    assert month.interrupted == [attempt.dagster_run.run_id], "under the run that brought the session"
