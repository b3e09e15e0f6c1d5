"""What a judgement may not depend on: ids and their order, more history, the unit of a price, others' defects."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality_defects import SINGLE, columns_of, with_columns
from benchmarks.quality_panels import LIMITS, PRICES, STOCK, evening_of, panel_of
from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.judging.thresholds import THRESHOLDS, Limits, in_force
from tickstock_dagster.core.quality.scores import Missing, ScoredFinding, finding_points, scores_of
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


def mildly_off(seed):
    """Good bars at the edge: each security's bar on `PLACE` off by little, some of them by a high or a low alone."""
    random = np.random.default_rng(seed)
    at, numbers = pl.col("session") == DAYS[PLACE], np.arange(1, SECURITIES + 1)
    off = dict(zip(numbers.tolist(), np.exp(random.uniform(-0.25, 0.25, SECURITIES)).tolist(), strict=True))
    factor = pl.col("security_id").replace_strict(off, return_dtype=pl.Float64)
    alone = pl.col("security_id") % 3 == 0
    high, low = factor.clip(lower_bound=1.0) ** 4, factor.clip(upper_bound=1.0) ** 4
    parts = {"open": ~alone, "close": ~alone, "high": pl.lit(value=True), "low": pl.lit(value=True)}
    scale = {"open": factor, "close": factor, "high": pl.when(alone).then(high).otherwise(factor)}
    scale["low"] = pl.when(alone).then(low).otherwise(factor)
    return QUIET.with_columns(
        pl.when(at & where).then(pl.col(name) * scale[name]).otherwise(name).alias(name)
        for name, where in parts.items()
    )


@few
@given(
    seed=seeds,
    chosen=st.fixed_dictionaries({name: st.sampled_from([of.low, of.high, None]) for name, of in THRESHOLDS.items()}),
)
def test_no_accepted_threshold_makes_a_bar_wrong_that_is_not_by_the_defaults(seed, chosen):
    panel = panel_of(mildly_off(seed), STOCK)
    overrides = {name: value for name, value in chosen.items() if value is not None}
    wrong, usual = (
        judge(panel, limits).filter(pl.col("verdict") == "wrong").select("security_id", "session").unique()
        for limits in (Limits({STOCK: in_force(overrides)}, in_force({})), LIMITS)
    )
    assert wrong.join(usual, on=["security_id", "session"], how="anti").is_empty()


TIMES = np.geomspace(1.01, 400, 24)
"""How far a bar is off, of one copy of a security each."""

WORSE = {
    "a bar higher": (PRICES, True, False),
    "a bar lower": (PRICES, False, False),
    "a high higher": (("high",), True, False),
    "a low lower": (("low",), False, False),
    "a close higher": (("close",), True, False),
    "an open lower": (("open",), False, False),
    "a volume larger": (("volume",), True, True),
    "a volume smaller": (("volume",), False, True),
    "a bar higher, on the evening": (PRICES, True, True),
    "a bar lower, on the evening": (PRICES, False, True),
}
"""What is changed, whether it grows, and whether nothing is known of the sessions after."""


def copies(names, *, up):
    """Quiet bars and copies of one security, whose bar on `PLACE` is off by each of `TIMES`; highs and lows hold it."""
    factor = (
        pl.when(pl.col("session") == DAYS[PLACE]).then(pl.col("times") if up else 1 / pl.col("times")).otherwise(1.0)
    )
    one = QUIET.filter(pl.col("security_id") == 7).drop("security_id", "ticker")
    copied = one.join(pl.DataFrame({"times": TIMES}).with_row_index("copy", 1_000), how="cross")
    copied = copied.with_columns(pl.col(name) * factor for name in names)
    if not {"high", "low"} & set(names):
        copied = copied.with_columns(high=pl.max_horizontal(PRICES), low=pl.min_horizontal(PRICES))
    copied = copied.with_columns(security_id=pl.col("copy").cast(pl.Int64), ticker=pl.format("C{}", "copy"))
    return pl.concat([QUIET, copied.select(QUIET.columns)]).sort("security_id", "session")


@pytest.mark.parametrize("worse", list(WORSE))
def test_a_bar_that_is_further_off_never_scores_better(worse):
    """Points of each rule while it finds the bar; and of a bar whose neighbours are known, the scores as a whole."""
    names, up, evening = WORSE[worse]
    bars = copies(names, up=up)
    panel = panel_of(bars.filter(pl.col("session") <= DAYS[PLACE]) if evening else bars, STOCK)
    found = judge(replace(panel, first=DAYS[PLACE]), LIMITS).filter(pl.col("session") == DAYS[PLACE])
    points, scores = dict.fromkeys(RULES, 0.0), (100.0, 100.0, 100.0)
    for copy, times in enumerate(TIMES, 1_000):
        rows = found.filter(pl.col("security_id") == copy).select("rule", "verdict", "value", "threshold").rows()
        findings = [ScoredFinding(rule, Verdict(verdict), *numbers) for rule, verdict, *numbers in rows]
        for one in findings:
            assert finding_points(one) >= points[one.rule] - 1e-9, (times, one)
            points[one.rule] = finding_points(one)
        now = scores_of(findings, Missing())
        after = (now.price, now.volume, now.overall)
        assert evening or all(new <= old + 1e-9 for new, old in zip(after, scores, strict=True)), (times, findings)
        scores = after
    assert any(points.values())
