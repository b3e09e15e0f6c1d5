"""One named test for each of the eighteen known ways to get trading days wrong: what our own code does about it.

Details of each are tested beside the modules (`tickstock_dagster_tests/core/calendars/test_pitfalls.py` and others);
here each pitfall is met end to end in the shape in which people fall into it.
"""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

import tickstock_dagster
from tickstock_dagster.adapters.calendars.edit import put_override
from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.adapters.sources.massive import bars as massive_bars
from tickstock_dagster.core.bars.reconcile import reconcile_at
from tickstock_dagster.core.calendars.markets import MARKETS, market_named
from tickstock_dagster.core.calendars.overrides import requested_override
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar, partition_exclusions
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, Completeness
from tickstock_dagster.core.loading.end_of_day import decide_attempt, first_attempt_at, latest_due_session, overdue_at
from tickstock_dagster.core.loading.planning import SourceLimits, plan_load
from tickstock_dagster.defs.bars.runs import BarRun
from tickstock_dagster.defs.partitions import MAX_CELLS, free_ticker_keys, sessions, sessions_from
from tickstock_dagster.defs.resources import Clock

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
XNYS, XTKS, XLON, XETR = map(library_calendar, ("XNYS", "XTKS", "XLON", "XETR"))
HALF_DAYS = (date(2025, 7, 3), date(2025, 11, 28), date(2025, 12, 24), date(2026, 11, 27), date(2026, 12, 24))
LIMITS = SourceLimits("massive", True, True, 50_000, None)


def eastern(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def on_the_clock(calendar: SessionCalendar, moment: datetime) -> time:
    return moment.astimezone(calendar.timezone).time()


def close_of(calendar: SessionCalendar, day: date) -> time:
    return on_the_clock(calendar, calendar.closes_at(day))


NOTHING_YET = Completeness(date(2026, 11, 20), 10, 0, 0, 10)


def test_pitfall_01_the_end_of_day_hangs_on_the_close_and_not_on_half_past_four() -> None:
    for day in HALF_DAYS:
        assert on_the_clock(XNYS, first_attempt_at(XNYS, day)) == time(13, 30)
    assert on_the_clock(XNYS, first_attempt_at(XNYS, date(2025, 11, 26))) == time(16, 30)


def test_pitfall_02_the_objective_of_a_half_day_is_due_at_three_and_not_at_six() -> None:
    for day in HALF_DAYS:
        assert on_the_clock(XNYS, overdue_at(XNYS, day)) == time(15)
        at_three = datetime.combine(day, time(15), NEW_YORK)
        assert latest_due_session(XNYS, at_three) == day
        assert latest_due_session(XNYS, at_three - timedelta(minutes=1)) == XNYS.previous_session(day)


def test_pitfall_03_juneteenth_was_first_kept_in_2022() -> None:
    assert XNYS.is_session(date(2021, 6, 18))
    assert not XNYS.is_session(date(2022, 6, 20))


def test_pitfall_04_closures_that_follow_no_rule_are_known_or_made_known_without_a_release(
    migrated_database_url: str,
) -> None:
    known = [*(date(2001, 9, day) for day in (11, 12, 13, 14)), date(2012, 10, 29), date(2012, 10, 30)]
    for day in (*known, date(2018, 12, 5), date(2025, 1, 9)):
        assert not XNYS.is_session(day)
    engine, tomorrow = open_engine(migrated_database_url), date(2026, 11, 24)
    mourning = requested_override(XNYS, tomorrow, closed=True, reason="a national day of mourning")
    put_override(engine, mourning, by="ann", now=datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert not calendar_in_force(engine, "XNYS").is_session(tomorrow)


def test_pitfall_05_a_new_year_on_a_saturday_closes_no_friday() -> None:
    for day in (date(2010, 12, 31), date(2021, 12, 31), date(2027, 12, 31)):
        assert XNYS.is_session(day)
        assert close_of(XNYS, day) == time(16)


def test_pitfall_06_london_and_frankfurt_keep_the_turn_of_the_year_each_in_its_own_way() -> None:
    for day in (date(2025, 12, 24), date(2025, 12, 31), date(2022, 12, 23), date(2022, 12, 30)):
        assert close_of(XLON, day) == time(12, 30)
    assert [XETR.is_session(date(2025, 12, day)) for day in (24, 30, 31)] == [False, True, False]
    assert close_of(XETR, date(2025, 12, 30)) == time(14)


def test_pitfall_07_xetra_trades_on_ascension_whit_monday_and_unity_day() -> None:
    for day in (date(2025, 5, 29), date(2025, 6, 9), date(2025, 10, 3)):
        assert close_of(XETR, day) == time(17, 30)


def test_pitfall_08_tokyos_close_moved_its_lunch_is_no_gap_and_its_outage_no_session() -> None:
    assert close_of(XTKS, date(2024, 11, 1)) == time(15)
    assert close_of(XTKS, date(2024, 11, 5)) == time(15, 30)
    assert on_the_clock(XTKS, first_attempt_at(XTKS, date(2024, 11, 1))) == time(15, 30)
    assert on_the_clock(XTKS, first_attempt_at(XTKS, date(2024, 11, 5))) == time(16)
    noon = datetime(2024, 11, 5, 12, tzinfo=TOKYO)
    assert not XTKS.is_open(noon)
    assert XTKS.latest_closed_session(noon) == date(2024, 11, 1), "the session has not ended at lunch"
    assert not XTKS.is_session(date(2020, 10, 1))


def test_pitfall_09_one_off_british_holidays_are_known() -> None:
    for day in (date(2022, 9, 19), date(2023, 5, 8)):
        assert not XLON.is_session(day)


def test_pitfall_10_nasdaq_is_no_calendar_of_its_own() -> None:
    calendars = {market.mic: library_calendar(market.calendar) for market in MARKETS}
    assert calendars["XNAS"] is calendars["XNYS"]
    assert len({id(calendar) for calendar in calendars.values()}) == len(MARKETS) - 1


def test_pitfall_11_exchanges_are_named_by_mic_and_toronto_is_not_tokyo() -> None:
    assert [market_named(name).mic for name in ("TSE", "LSE", "NYSE", "NASDAQ", "XETR")] == [
        "XTKS", "XLON", "XNYS", "XNAS", "XETR",
    ]  # fmt: skip
    with pytest.raises(BadInputError, match="XTSE is Toronto"):
        market_named("XTSE")


def test_pitfall_12_a_day_out_of_bounds_is_named_with_the_bounds() -> None:
    for calendar in (XNYS, XTKS, XLON, XETR):
        with pytest.raises(BadInputError, match=r"answers within (1962|2000)-01-01\.\.2050-12-31"):
            calendar.is_session(date(2051, 1, 3))
        assert calendar.last >= datetime.now(UTC).date() + timedelta(days=400), "a year ahead is always known"


def test_pitfall_13_a_holiday_gates_that_sessions_fetch_and_no_backfill() -> None:
    thanksgiving = eastern("2026-11-26 12:00")
    old = XNYS.sessions(date(2026, 11, 16), date(2026, 11, 20))
    cells = pl.DataFrame([(1, day, "AAPL") for day in old], schema=CELL_SCHEMA, orient="row")
    assert plan_load(cells, old, "XNYS", LIMITS, now=thanksgiving).cells == len(old)
    decision = decide_attempt(XNYS, thanksgiving, state=NOTHING_YET, in_progress=False)
    assert (decision.session, decision.attempt) == (date(2026, 11, 25), True), "what is owed from before is fetched"


def test_pitfall_14_fridays_partition_is_there_on_friday_and_a_day_to_come_is_never_the_latest() -> None:
    def last_key(now: datetime) -> str:
        return sessions.get_partition_keys(current_time=now)[-1]

    assert last_key(eastern("2026-11-20 16:30")) == "2026-11-20"
    # On closed days the definition offers the next session; every "latest" is asked of the calendar instead.
    for now, offered, latest in (
        (eastern("2025-01-18 12:00"), "2025-01-21", date(2025, 1, 17)),
        (eastern("2025-01-09 12:00"), "2025-01-10", date(2025, 1, 8)),
    ):
        assert last_key(now) == offered
        assert XNYS.latest_closed_session(now) == latest
        assert decide_attempt(XNYS, now, state=NOTHING_YET, in_progress=False).session == latest
        guard = SimpleNamespace(calendar=XNYS, clock=Clock(fixed=now.isoformat()), is_cancelled=lambda _day: False)
        with pytest.raises(dg.Failure, match=f"the latest closed one is {latest}"):
            BarRun.closed_sessions(guard, [offered])  # type: ignore[arg-type]
    keys = sessions.get_partition_keys(current_time=eastern("2026-11-20 16:30"))
    assert [date.fromisoformat(key) for key in keys] == XNYS.sessions(date.fromisoformat(keys[0]), date(2026, 11, 20))
    for key in ("2026-11-20", "2026-11-27"):
        window = sessions_from(date(2026, 1, 2)).time_window_for_partition_key(key)
        assert (window.end - window.start) == timedelta(days=1), "a window never spans a weekend or a holiday"


def test_pitfall_15_the_grid_of_symbols_and_sessions_is_bounded_before_a_key_is_added() -> None:
    assert XNYS.session_count(date(2013, 2, 8), date(2018, 2, 7)) * 4_000 > 50 * MAX_CELLS
    free = free_ticker_keys(datetime(2026, 11, 20, tzinfo=UTC), 0)
    assert 0 < free < 4_000
    assert free_ticker_keys(datetime(2026, 11, 20, tzinfo=UTC), free) == 0
    assert free_ticker_keys(datetime(2026, 11, 20, tzinfo=UTC), free + 50) == 0


def test_pitfall_16_the_session_of_a_bar_is_new_yorks_date_and_a_column_of_its_own() -> None:
    stamp = int(datetime(2026, 11, 20, tzinfo=NEW_YORK).timestamp() * 1000)
    row = {"T": "AAPL", "t": stamp, "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0, "v": 10.0}
    answer = json.dumps({"status": "OK", "ticker": "AAPL", "queryCount": 1, "resultsCount": 1, "results": [row]})
    frame = massive_bars.range_page(
        answer.encode(), ticker="AAPL", start=date(2026, 11, 20), end=date(2026, 11, 20), base_path=""
    ).frame
    assert frame["session"].to_list() == [date(2026, 11, 20)]
    schema = (sql_folder() / "migrations" / "0003_bars.sql").read_text(encoding="utf-8")
    assert re.search(r"session\s+date NOT NULL", schema)
    assert re.search(r"closes_at\s+timestamptz NOT NULL", schema)


def test_pitfall_17_every_midnight_that_we_write_exists_exactly_once() -> None:
    for calendar in (XNYS, XTKS, XLON, XETR):
        for midnight in partition_exclusions(calendar, calendar.first, calendar.last):
            assert midnight.astimezone(UTC).astimezone(calendar.timezone) == midnight
            assert midnight.utcoffset() == midnight.replace(fold=1).utcoffset()
    with pytest.raises(BadInputError, match="the clocks go forward"):
        requested_override(XNYS, date(2026, 3, 8), opened="02:30-12:00", reason="a time that there is not")


def calls_without_a_zone(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            bare = node.func.attr in ("utcnow", "utcfromtimestamp") or (
                node.func.attr in ("now", "fromtimestamp")
                and getattr(node.func.value, "id", "") == "datetime"
                and len(node.args) + len(node.keywords) < (1 if node.func.attr == "now" else 2)
            )
            if bare:
                yield f"line {node.lineno}: {ast.unparse(node)}"


def test_pitfall_18_no_time_is_without_its_zone() -> None:
    package = Path(tickstock_dagster.__file__).parent
    for path in package.rglob("*.py"):
        assert list(calls_without_a_zone(path.read_text(encoding="utf-8"))) == [], path.name
    for path in (sql_folder() / "migrations").glob("*.sql"):
        naive = re.findall(r"^\s+\w+\s+timestamp(?! with time zone)\b(?!tz).*$", path.read_text(), re.MULTILINE)
        assert naive == [], path.name
    with pytest.raises(BadInputError, match="a datetime with a time zone"):
        XNYS.latest_closed_session(datetime(2026, 11, 20, 16))  # noqa: DTZ001
    with pytest.raises(BadInputError, match="a moment with its offset"):
        Clock(fixed="2026-11-20T16:30:00").now()
    assert reconcile_at(XNYS, date(2026, 11, 19)).tzinfo is UTC
