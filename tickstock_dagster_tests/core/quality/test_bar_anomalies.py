"""Out of the ordinary or not: limits, actions, half days, holidays, thin names."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.quality.bar_anomalies import (
    LEAST_SESSIONS,
    RECENT_SCHEMA,
    evaluate_moves,
    large_moves,
    needs_fair_value,
    odd_volumes,
    session_minutes,
    special_session,
)

NYSE = library_calendar("XNYS")
HALF_DAY, MONDAY_AFTER = date(2026, 11, 27), date(2026, 11, 30)
FRIDAY = date(2026, 11, 20)


def bars(session: date, close: float, volume: int, *, before: float = 100.0, usual: int = 100_000) -> pl.DataFrame:
    """One security: ten ordinary sessions, and then the judged one."""
    days = NYSE.sessions(date(2026, 9, 1), session)[-11:]
    rows = [(1, day, "ONE", before, usual) for day in days[:-1]] + [(1, session, "ONE", close, volume)]
    return pl.DataFrame(rows, schema=RECENT_SCHEMA, orient="row")


def payouts(*rows: tuple[date, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame([(1, *row, None) for row in rows], schema=PAYOUT_SCHEMA, orient="row")


def odd(frame: pl.DataFrame, session: date, actions: pl.DataFrame | None = None) -> list[dict[str, Any]]:
    minutes = session_minutes(NYSE, frame["session"].unique().sort().to_list())
    return odd_volumes(frame, payouts() if actions is None else actions, minutes, session).to_dicts()


@pytest.mark.parametrize(("close", "found"), [(119.9, 0), (120.1, 1), (80.1, 0), (79.9, 1)])
def test_a_close_is_out_of_the_ordinary_from_twenty_per_cent_on(close: float, found: int) -> None:
    assert large_moves(bars(FRIDAY, close, 1), payouts(), FRIDAY).height == found


def test_a_split_is_no_move_and_a_split_that_the_price_ignores_is_one() -> None:
    split = payouts((FRIDAY, 0.25, None))
    assert large_moves(bars(FRIDAY, 25.5, 1), split, FRIDAY).is_empty()
    (move,) = large_moves(bars(FRIDAY, 100.0, 1), split, FRIDAY).to_dicts()
    assert (move["last_close"], move["move"]) == (25.0, 3.0)


def test_a_large_payment_is_no_move() -> None:
    assert large_moves(bars(FRIDAY, 70.0, 1), payouts((FRIDAY, None, 30.0)), FRIDAY).is_empty()


def test_an_action_before_the_last_print_has_been_seen_already() -> None:
    assert large_moves(bars(FRIDAY, 101.0, 1), payouts((date(2026, 11, 18), 0.25, None)), FRIDAY).is_empty()


def test_half_days_and_sessions_after_a_holiday_are_special_and_weekends_are_not() -> None:
    assert special_session(NYSE, HALF_DAY) == "closes early, at 13:00 EST"
    assert special_session(NYSE, date(2026, 9, 8)) == "follows 2026-09-07, on which nothing traded"
    assert special_session(NYSE, date(2025, 1, 10)) == "follows 2025-01-09, on which nothing traded"
    assert special_session(NYSE, MONDAY_AFTER) == ""
    assert special_session(NYSE, FRIDAY) == ""


def test_on_a_half_day_every_large_move_is_judged_by_the_fair_value_on_an_ordinary_one_only_old_prints() -> None:
    moves = large_moves(bars(HALF_DAY, 130.0, 1), payouts(), HALF_DAY)
    assert needs_fair_value(moves, NYSE, HALF_DAY).height == 1
    ordinary = bars(FRIDAY, 130.0, 1)
    assert needs_fair_value(large_moves(ordinary, payouts(), FRIDAY), NYSE, FRIDAY).is_empty()
    silent = ordinary.filter(pl.col("session") != date(2026, 11, 19))
    assert needs_fair_value(large_moves(silent, payouts(), FRIDAY), NYSE, FRIDAY).height == 1


def test_a_move_that_the_fair_value_explains_is_excused_and_one_that_it_does_not_stands() -> None:
    moves = large_moves(bars(HALF_DAY, 130.0, 1), payouts(), HALF_DAY)
    (excused,) = evaluate_moves(moves, {1: 125.0})
    assert (excused.is_anomaly, excused.fair_value, round(excused.off, 6)) == (False, 125.0, 0.04)
    (stands,) = evaluate_moves(moves, {1: 101.0})
    assert stands.is_anomaly
    (without,) = evaluate_moves(moves, {})
    assert (without.is_anomaly, without.fair_value, round(without.off, 6)) == (True, None, 0.3)


@pytest.mark.parametrize(("volume", "found"), [(501_000, 1), (499_000, 0), (20_100, 0), (19_900, 1), (0, 1)])
def test_a_volume_is_a_spike_or_a_drought(volume: int, found: int) -> None:
    assert len(odd(bars(FRIDAY, 100.0, volume), FRIDAY)) == found


def test_half_a_day_is_owed_half_a_days_shares() -> None:
    assert odd(bars(HALF_DAY, 100.0, 11_000), HALF_DAY) == [], "11 % of a whole day, 20 % of 210 minutes"
    (spike,) = odd(bars(HALF_DAY, 100.0, 280_000), HALF_DAY)
    assert round(spike["expected"]) == round(100_000 * 210 / 390)
    assert odd(bars(FRIDAY, 100.0, 280_000), FRIDAY) == []


def test_a_half_day_among_the_usual_sessions_counts_with_its_minutes() -> None:
    frame = bars(MONDAY_AFTER, 100.0, 100_000).with_columns(
        volume=pl.when(pl.col("session") == HALF_DAY).then(53_846).otherwise(pl.col("volume"))
    )
    only = frame.filter(pl.col("session") >= HALF_DAY)
    many = pl.concat([only.filter(pl.col("session") == HALF_DAY)] * LEAST_SESSIONS + [only.tail(1)])
    assert odd(many.with_columns(volume=pl.col("volume") * 4), MONDAY_AFTER) == []
    (drought,) = odd(
        many.with_columns(volume=pl.when(pl.col("session") == HALF_DAY).then(pl.col("volume") * 6).otherwise("volume")),
        MONDAY_AFTER,
    )
    assert round(drought["expected"], -3) == 600_000


def test_after_a_split_more_shares_are_expected() -> None:
    split = payouts((FRIDAY, 0.1, None))
    assert odd(bars(FRIDAY, 10.0, 1_000_000), FRIDAY, split) == []
    assert len(odd(bars(FRIDAY, 10.0, 100_000), FRIDAY, split)) == 1


def test_thin_names_and_new_ones_have_no_usual_volume() -> None:
    assert odd(bars(FRIDAY, 100.0, 100_000, usual=4_000), FRIDAY) == []
    assert odd(bars(FRIDAY, 100.0, 9_000_000).tail(LEAST_SESSIONS), FRIDAY) == []
