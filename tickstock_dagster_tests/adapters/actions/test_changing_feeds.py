"""A vendor whose feed changes from evening to evening: what each look finds, through the real client."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.actions.loader import ActionsReport, load_corporate_actions
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, MARKET, World

pytestmark = pytest.mark.usefixtures("few_listed")

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
VERSIONS = """
SELECT ex_date, (split_from / split_to)::float8, cash_amount::float8, known_to IS NULL
FROM corporate_actions WHERE ticker = 'NFLX' AND ex_date >= '2026-11-16' ORDER BY action_id
"""
FACTORS = """
SELECT session, split_factor::float8 FROM ohlcv_daily_adjusted WHERE ticker = 'NFLX' ORDER BY session
"""


def evening(world: World, session: date, **options: Any) -> ActionsReport:
    """The end of a session's day: its bar and its look, an hour after the close."""
    at(world, CALENDAR.closes_at(session) + timedelta(hours=1))
    world.load("NFLX", session, session)
    return load_corporate_actions(world.context(), CALENDAR, session, session, **options)


def at(world: World, now: datetime) -> None:
    world.now = now
    world.simulator.set_now(now)


def factors(world: World) -> list[float]:
    return [factor for _, factor in world.query(FACTORS)]


def test_two_splits_of_one_day_that_say_the_same_are_one_split(world: World) -> None:
    for number, (old, new) in enumerate([(1, 2), (2, 4)]):
        world.simulator.edit_action("splits", "NFLX", WED, split_from=old, split_to=new, id=f"E{number}")
    reports = [evening(world, session) for session in (TUE, WED, THU)]
    assert world.query(VERSIONS) == [(WED, 0.5, None, True)]
    assert factors(world) == [0.5, 1, 1]
    assert [report.repeats for report in reports] == [("NFLX 2026-11-18: split 2 for 1 came 2 times",)] * 3
    assert all(report.refused == () for report in reports)


def test_a_split_that_is_moved_by_a_day_is_one_split_the_later(world: World) -> None:
    world.simulator.edit_action("splits", "NFLX", WED, split_from=1, split_to=2)
    assert evening(world, TUE).inserted > 0
    assert (world.query(VERSIONS), factors(world)) == ([(WED, 0.5, None, True)], [1]), "announced, not yet in force"
    world.simulator.edit_action("splits", "NFLX", WED, move_to=THU.isoformat())
    assert evening(world, WED).ended == 1
    moved = [(WED, 0.5, None, False), (THU, 0.5, None, True)]
    assert (world.query(VERSIONS), factors(world)) == (moved, [1, 1])
    again = evening(world, THU)
    assert (again.ended, world.query(VERSIONS), factors(world)) == (0, moved, [0.5, 0.5, 1])


def test_a_split_that_was_moved_after_it_was_in_force_is_moved_as_well(world: World) -> None:
    world.simulator.edit_action("splits", "NFLX", WED, split_from=1, split_to=2)
    for session in (TUE, WED):
        evening(world, session)
    assert factors(world) == [0.5, 1]
    world.simulator.edit_action("splits", "NFLX", WED, move_to=THU.isoformat())
    evening(world, THU)
    assert factors(world) == [0.5, 0.5, 1]


def test_a_split_that_is_withdrawn_is_ended(world: World) -> None:
    world.simulator.edit_action("splits", "NFLX", WED, split_from=1, split_to=2)
    evening(world, WED)
    world.simulator.edit_action("splits", "NFLX", WED, remove=True)
    evening(world, THU)
    assert world.query(VERSIONS) == [(WED, 0.5, None, False)]
    evening(world, FRI)
    assert factors(world) == [1, 1, 1]


@pytest.mark.parametrize("late", [1, 2, 8])
def test_a_dividend_that_appears_sessions_late_is_stored_by_the_next_look(world: World, late: int) -> None:
    sessions = [WED, *(CALENDAR.sessions(THU, date(2026, 12, 31))[:late])]
    told_at = CALENDAR.closes_at(sessions[-2]) + timedelta(hours=2)
    world.simulator.edit_action("dividends", "NFLX", WED, cash_amount=0.25, not_before=told_at.isoformat())
    for session in sessions[:-1]:
        evening(world, session)
        assert world.query(VERSIONS) == []
    evening(world, sessions[-1])
    assert world.query(VERSIONS) == [(WED, None, 0.25, True)]


def test_a_look_costs_two_calls_and_its_repetition_none(world: World) -> None:
    first = evening(world, TUE)
    assert first.calls == 2
    world.simulator.reset_stats()
    again = evening(world, TUE)
    assert (again.calls, again.asked, world.simulator.stats()["total"]) == (0, False, 0)
    before = world.tables("work_units", "ohlcv_daily", "bar_gaps", "outbox", "security_shares")
    assert evening(world, TUE, ask_again=True).inserted == 0
    assert world.tables("work_units", "ohlcv_daily", "bar_gaps", "outbox", "security_shares") == before
    assert evening(world, WED).calls == 2


@pytest.mark.whole_market
def test_a_look_that_fails_is_owed_with_its_reason_and_the_next_one_heals_it(world: World) -> None:
    evening(world, TUE)
    world.simulator.edit_action("dividends", "NFLX", WED, cash_amount=0.25)
    world.simulator.install("empty_200", path="/stocks/v1/*")
    with pytest.raises(MalformedAnswerError, match=r"lack \d+ of \d+ that are known"):
        evening(world, WED)
    [(session, reason)] = owed_action_sessions(world.engine, CALENDAR, MON, market=MARKET, now=world.now).rows()
    assert session == WED
    assert "that are known" in reason
    world.simulator.clear_faults()
    evening(world, THU)
    assert owed_action_sessions(world.engine, CALENDAR, MON, market=MARKET, now=world.now).is_empty()
    assert world.query(VERSIONS) == [(WED, None, 0.25, True)]
