"""A session that is off as a whole is found as one, bar by bar and once; what markets do is not."""

import polars as pl
import pytest

from benchmarks.quality_worlds import crash
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.judging.known_days import session_minutes
from tickstock_dagster_tests.core.judging.panels import DAYS, LIMITS, PLACE, SECURITIES, panel_of, quiet_bars

DAY, AFTER = DAYS[PLACE], DAYS[PLACE + 1]
PRICES = ("open", "high", "low", "close")
VOLUME = ("volume",)


def off(names, factor, *, last=DAY, securities=SECURITIES):
    at = pl.col("session").is_between(DAY, last) & (pl.col("security_id") <= securities)
    return quiet_bars().with_columns(
        pl.when(at).then(pl.col(name) * factor).otherwise(name).alias(name) for name in names
    )


def open_findings(bars, **changed):
    """(session, rule, verdict, cause, how many) of what is not explained."""
    found = judge(panel_of(bars, **changed), LIMITS).filter(pl.col("verdict") != "explained")
    return found.group_by("session", "rule", "verdict", "cause").len().sort("session", "rule").rows()


@pytest.mark.parametrize("evening", [False, True])
@pytest.mark.parametrize(
    ("names", "factor", "cause"),
    [
        (PRICES, 0.5, "all prices of the session are off by 2:1"),
        (PRICES, 3.0, "all prices of the session are off by 3:1"),
        (PRICES, 2 / 3, "all prices of the session are off by 3:2"),
        (PRICES, 0.01, "all prices of the session are off by 100:1"),
        (PRICES, 0.55, "all prices of the session moved further than a market does"),
        (VOLUME, 0.01, "all volumes of the session are off"),
        (VOLUME, 100.0, "all volumes of the session are off"),
        (VOLUME, 0.0, "nothing was traded all over the market"),
    ],
)
def test_each_bar_of_a_session_that_is_off_has_one_finding_and_none_is_wrong(names, factor, cause, evening):
    bars = off(names, factor)
    if evening:
        bars = bars.filter(pl.col("session") <= DAY)
    assert open_findings(bars, first=DAY if evening else DAYS[0]) == [
        (DAY, "session_break", "suspicious", cause, SECURITIES)
    ]


def test_a_level_that_lasts_is_found_on_its_first_session_alone():
    found = open_findings(off(PRICES, 0.5, last=DAYS[-1]))
    assert [(day, rule) for day, rule, *_ in found] == [(DAY, "session_break")]


def test_what_did_not_move_with_the_session_is_not_off():
    found = judge(panel_of(off(PRICES, 0.5, securities=36)), LIMITS).filter(pl.col("verdict") != "explained")
    assert found.select("rule", "session").unique().rows() == [("session_break", DAY)]
    assert found["security_id"].max() == 36


def test_few_securities_are_no_market():
    few = off(PRICES, 0.5).filter(pl.col("security_id") <= 20)
    assert "session_break" not in {rule for _, rule, *_ in open_findings(few)}


@pytest.mark.parametrize(("names", "factor"), [(PRICES, 0.78), (PRICES, 1.2), (VOLUME, 0.2), (VOLUME, 5.0)], ids=str)
def test_what_a_market_does_at_its_worst_is_no_break(names, factor):
    assert "session_break" not in {rule for _, rule, *_ in open_findings(off(names, factor))}


def test_a_crash_is_no_break():
    bars = crash(off(PRICES, 0.95), DAYS[PLACE - 5], DAYS[PLACE + 10], 4.0)
    assert "session_break" not in {rule for _, rule, *_ in open_findings(bars)}


def test_the_day_after_thanksgiving_and_an_early_close_trade_what_they_do():
    calendar = library_calendar(MARKET)
    days = calendar.sessions_before(calendar.sessions_before(DAYS[0], 1)[0], len(DAYS) - 1)
    days = [day for day in days if day.year == 2022][-len(DAYS) :]
    half = next(day for day in days if calendar.is_early_close(day))
    renamed = dict(zip(DAYS, days, strict=False))
    bars = quiet_bars().filter(pl.col("session").is_in(list(renamed)))
    bars = bars.with_columns(pl.col("session").replace(renamed))
    # Half of the minutes, and half of what is usual in each of them.
    quiet = bars.with_columns(volume=pl.when(pl.col("session") == half).then(pl.col("volume") / 4).otherwise("volume"))
    minutes = session_minutes(calendar, days)
    assert open_findings(quiet, sessions=days, minutes=minutes, known_days={}, first=days[0]) == []
