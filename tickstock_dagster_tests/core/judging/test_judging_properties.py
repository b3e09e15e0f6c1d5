"""What a judgement may not depend on: ids and their order, more history, the unit of a price, others' defects."""

from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality_defects import SINGLE, columns_of, with_columns
from benchmarks.quality_panels import LIMITS, PRICES, STOCK, evening_of, panel_of
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster_tests.core.judging.panels import DAYS, PLACE, SECURITIES, SESSIONS, quiet_bars

QUIET = quiet_bars()
DISTURBED = tuple(range(1, 36, 3))
"""Securities with a defect each, on `PLACE` or just before."""

MOVE_RULES = ("price_move", "open_gap", "day_range", "lone_bar", "lone_extreme", "scale_break")
few = settings(max_examples=12, deadline=None)
defects = st.lists(st.sampled_from(sorted(SINGLE)), min_size=len(DISTURBED), max_size=len(DISTURBED))
seeds = st.integers(0, 2**16)


def with_defects(kinds, seed, securities=DISTURBED, bars=QUIET):
    """The bars with one defect in each of some securities."""
    random, columns = np.random.default_rng(seed), columns_of(bars)
    for security, name in zip(securities, kinds, strict=True):
        row = (security - 1) * SESSIONS + PLACE - int(random.integers(0, 4))
        SINGLE[name].put(columns, np.array([row]), random)
    return with_columns(bars, columns)


def told(panel, *columns):
    """What is found, each with some columns of it; numbers to six digits."""
    found = judge(panel, LIMITS)
    rounded = pl.col("value").round_sig_figs(6)
    return sorted(found.with_columns(rounded).select("ticker", "session", "rule", *columns).rows(), key=str)


@few
@given(kinds=defects, seed=seeds)
def test_ids_and_their_order_decide_nothing(kinds, seed):
    bars = with_defects(kinds, seed)
    ids = np.random.default_rng(seed).choice(10_000, SECURITIES, replace=False)
    others = bars.with_columns(security_id=pl.Series(ids).gather(bars["security_id"] - 1)).sort(
        "security_id", "session"
    )
    expected = told(panel_of(bars, STOCK), "verdict", "cause", "value")
    assert told(panel_of(others, STOCK), "verdict", "cause", "value") == expected
    assert len(expected) >= len(DISTURBED) // 2


@few
@given(kinds=defects, seed=seeds)
def test_more_history_than_is_needed_changes_nothing(kinds, seed):
    whole = replace(panel_of(with_defects(kinds, seed), STOCK), first=DAYS[PLACE])
    short = evening_of(whole, DAYS[PLACE])
    assert short.sessions[0] > DAYS[50]
    long = replace(whole, bars=whole.bars.filter(pl.col("session") <= DAYS[PLACE]))
    assert told(short, "verdict", "cause", "value") == told(long, "verdict", "cause", "value")


@few
@given(kinds=defects, seed=seeds, factor=st.floats(0.2, 50))
def test_the_unit_of_a_price_changes_no_verdict_about_moves(kinds, seed, factor):
    bars = with_defects(kinds, seed)
    scaled = bars.with_columns(pl.col(name) * factor for name in PRICES)
    expected, found = (
        [one for one in told(panel_of(of, STOCK), "verdict", "cause") if one[2] in MOVE_RULES] for of in (bars, scaled)
    )
    assert found == expected


@few
@given(kinds=defects, more=st.sampled_from(sorted(SINGLE)), seed=seeds)
def test_a_defect_of_one_security_changes_no_finding_of_another(kinds, more, seed):
    bars = with_defects(kinds, seed)
    worse = with_defects([more], seed + 1, securities=(39,), bars=bars)
    expected = told(panel_of(bars, STOCK), "verdict", "cause")
    found = told(panel_of(worse, STOCK), "verdict", "cause")
    assert [one for one in found if one[0] != "T39"] == expected
