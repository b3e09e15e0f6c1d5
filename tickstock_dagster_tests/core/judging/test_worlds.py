"""Worlds that no set at hand holds: a crash, small companies, raw prices around splits told and untold.

Made of random walks, and of the real bars where there are some (`benchmarks.quality_worlds`).
"""

import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.market_rows import REAL_FILE, market_rows
from benchmarks.quality_panels import PRICES, STOCK, as_bars, judged, open_rows, panel_of
from benchmarks.quality_worlds import crash, good_bars, small_companies, with_splits
from tickstock_dagster_tests.core.judging.panels import DAYS, SECURITIES, SESSIONS, quiet_bars

SHOCKS = {110: -0.05, 111: -0.04, 112: 0.05, 114: -0.03}
"""Moves of the whole market of random walks, by session, which the crash makes as many times as large."""


@dataclass(frozen=True)
class World:
    """Bars, and the days on which they crash."""

    bars: pl.DataFrame
    first: date
    last: date


@pytest.fixture(scope="module", params=["walks", pytest.param("real", marks=pytest.mark.real_data)])
def world(request) -> World:
    if request.param == "walks":
        level = np.ones(SESSIONS)
        for place, move in SHOCKS.items():
            level[place:] *= np.exp(move)
        factor = pl.Series(np.tile(level, SECURITIES))
        return World(quiet_bars().with_columns(pl.col(n) * factor for n in PRICES), DAYS[108], DAYS[140])
    folder = os.environ.get("TICKSTOCK_REAL_DATA", "")
    if not folder or not (Path(folder) / REAL_FILE).is_file():
        pytest.skip(f"TICKSTOCK_REAL_DATA={folder!r} is not a folder with {REAL_FILE}")
    return World(good_bars(as_bars(market_rows().frame)), date(2015, 8, 18), date(2015, 9, 30))


def suspicious(panel, first, last) -> tuple[float, pl.DataFrame]:
    """Suspicious bars in a thousand of some sessions, and the findings of these."""
    inside = pl.col("session").is_between(first, last)
    found = judged(panel).filter(inside)
    return 1000 * len(open_rows(found, ("suspicious",))) / panel.bars.filter(inside).height, found


@pytest.mark.parametrize("times", [2.0, 4.0])
def test_a_crash_explains_its_moves(world, times):
    share, found = suspicious(
        panel_of(crash(world.bars, world.first, world.last, times), STOCK), world.first, world.last
    )
    assert share < 2
    assert (found["verdict"] == "wrong").sum() <= 1
    moved = found.filter(pl.col("rule") == "price_move")
    if times == 4:
        assert moved.height >= 30
        assert moved.filter(pl.col("verdict") == "explained").height >= 0.95 * moved.height


def test_small_companies_raise_few_alarms(world):
    bars = small_companies(world.bars)
    assert (bars["volume"] == 0).mean() > 0.02
    share, found = suspicious(panel_of(bars, STOCK), bars["session"].min(), bars["session"].max())
    assert share < 1
    assert len(open_rows(found, ("wrong",))) < 0.5e-3 * bars.height


def test_told_splits_raise_nothing_and_untold_ones_are_suspected(world):
    printed, splits = with_splits(world.bars)
    at = splits.select("security_id", session="ex_date")
    assert at.height >= SECURITIES
    told = panel_of(printed, STOCK, splits)
    opened, alarmed = {}, {}
    for name, panel in (("told", told), ("untold", replace(told, payouts=splits.head(0)))):
        found = judged(panel).filter(pl.col("verdict") != "explained")
        opened[name] = found
        moved = found.join(at, on=["security_id", "session"]).filter(~pl.col("rule").str.starts_with("volume"))
        alarmed[name] = moved["security_id"].n_unique() / at.height
    assert alarmed["told"] < 0.005
    assert alarmed["untold"] > 0.99
    causes = opened["untold"].join(at, on=["security_id", "session"])
    of_splits = causes.filter(pl.col("cause").str.contains("a missing split"))
    assert of_splits["security_id"].n_unique() > 0.98 * at.height
    # What is usual follows: the new shares alone raise no alarm on the sessions after.
    more = opened["untold"].filter(pl.col("rule").str.starts_with("volume")).height
    fewer = opened["told"].filter(pl.col("rule").str.starts_with("volume")).height
    assert more - fewer <= 0.05 * at.height
