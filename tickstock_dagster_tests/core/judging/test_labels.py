"""The rules against `labels.csv`: rows of the real sets that somebody looked at with their neighbours, and why.

A label's verdict is what the rows themselves and what is publicly known show; `none` and `explained` are look-alikes,
about which the rule may leave nothing open. Ten spikes before index additions are among them: memberships explain
them, which no rule reads, so that they count against it.
"""

import os
from pathlib import Path

import polars as pl
import pytest

from benchmarks.fair_values import FILE
from benchmarks.market_rows import REAL_FILE, market_rows
from benchmarks.quality_panels import FUND, LIMITS, OPEN_VERDICTS, STOCK, as_bars, fund_bars, panel_of
from tickstock_dagster.core.judging.findings import RULES
from tickstock_dagster.core.judging.judging import judge

LABELS = pl.read_csv(Path(__file__).with_name("labels.csv"), schema_overrides={"session": pl.Date})
VERDICTS = {"wrong", "suspicious", "explained", "none"}
FOLDER = os.environ.get("TICKSTOCK_REAL_DATA", "")
KEY = ("set", "symbol", "session", "rule")

LEAST = {
    "bar_order": (1.0, 1.0),
    "copied_bar": (1.0, 0.95),
    "price_move": (1.0, 1.0),
    "day_range": (1.0, 1.0),
    "lone_extreme": (1.0, 1.0),
    "lone_bar": (1.0, 0.5),
    "volume_drought": (1.0, 1.0),
    "volume_spike": (0.6, 0.9),
}
"""Least precision and recall by rule, on the labelled rows."""

ACTIONS_THAT_THE_SET_LACKS = {
    ("BAX", "2015-07-01"): "a missing spin-off or payment is suspected",
    ("NI", "2015-07-02"): "a missing spin-off or payment is suspected",
    ("DISCA", "2014-08-07"): "a missing split 2:1 is suspected",
}


def test_every_label_is_a_fact_with_a_reason():
    assert LABELS.columns == [*KEY, "verdict", "reason"]
    assert LABELS.null_count().sum_horizontal().item() == 0
    assert not LABELS.select(KEY).is_duplicated().any()
    assert LABELS["reason"].str.len_chars().min() >= 5
    assert set(LABELS["rule"]) <= RULES.keys()
    assert set(LABELS["verdict"]) == VERDICTS


@pytest.fixture(scope="module")
def found() -> pl.DataFrame:
    """The labels with the rule's own verdict and cause: null where it finds nothing."""
    for path in (REAL_FILE, FILE):
        if not FOLDER or not (Path(FOLDER) / path).is_file():
            pytest.skip(f"TICKSTOCK_REAL_DATA={FOLDER!r} is not a folder with {path}")
    panels = {
        "sp500": panel_of(as_bars(market_rows().frame), STOCK),
        "etf": panel_of(fund_bars(Path(FOLDER)), FUND),
    }
    findings = pl.concat(
        judge(panel, LIMITS).select(
            pl.lit(name).alias("set"), "session", "rule", "cause", symbol="ticker", judged="verdict"
        )
        for name, panel in panels.items()
    )
    return LABELS.join(findings, on=KEY, how="left")


@pytest.mark.real_data
@pytest.mark.parametrize("rule", LEAST)
def test_a_rule_finds_what_is_labelled_and_little_else(rule, found):
    rows = found.filter(pl.col("rule") == rule)
    true, alarmed = (rows[name].is_in(OPEN_VERDICTS).fill_null(value=False) for name in ("verdict", "judged"))
    both = (true & alarmed).sum()
    precision, recall = both / alarmed.sum(), both / true.sum()
    print(f"{rule}: precision {precision:.3f} ({alarmed.sum()} alarms), recall {recall:.3f} ({true.sum()} labels)")
    assert precision >= LEAST[rule][0]
    assert recall >= LEAST[rule][1]


@pytest.mark.real_data
def test_what_is_found_has_the_labelled_verdict(found):
    """Wrong where the row is wrong, suspicious where it may be right."""
    both = found.filter(pl.col("verdict").is_in(OPEN_VERDICTS) & pl.col("judged").is_in(OPEN_VERDICTS))
    assert both.height > 100
    assert both.filter(pl.col("verdict") != pl.col("judged")).is_empty()


@pytest.mark.real_data
def test_habits_and_half_days_are_not_even_found(found):
    habits = found.filter(pl.col("verdict") == "none")
    assert habits.height >= 20
    assert habits["judged"].null_count() == habits.height


@pytest.mark.real_data
def test_spin_offs_are_suspected_and_the_half_applied_split_is_wrong(found):
    rows = {(row["symbol"], str(row["session"])): row for row in found.iter_rows(named=True)}
    for place, cause in ACTIONS_THAT_THE_SET_LACKS.items():
        assert (rows[place]["judged"], rows[place]["cause"]) == ("suspicious", cause)
    half = rows["LNT", "2016-05-19"]
    assert (half["rule"], half["judged"]) == ("bar_order", "wrong")
    assert "by 2:1: as if a split were applied to it alone" in half["cause"]
    assert rows["LNT", "2016-05-20"]["judged"] is None
