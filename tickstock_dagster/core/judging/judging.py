"""Judging the bars of a panel: every rule, in an order in which what is wrong already counts for nothing."""

import polars as pl

from tickstock_dagster.core.judging.action_basis import with_actions
from tickstock_dagster.core.judging.context import USUAL_SESSIONS, with_context
from tickstock_dagster.core.judging.copied_bars import copied_bar
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.found import Found
from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.judging.price_rules import price_rules
from tickstock_dagster.core.judging.reference_rules import reference_gap
from tickstock_dagster.core.judging.session_rules import session_break
from tickstock_dagster.core.judging.structure_rules import (
    bar_order,
    frozen_close,
    lone_bar,
    lone_extreme,
    scale_break,
    with_broken,
)
from tickstock_dagster.core.judging.thresholds import Limits
from tickstock_dagster.core.judging.volume_rules import volume_rules

_SAME_SHARES = 1.2  # difference of logarithms within which a volume grew as the price fell


def judge(panel: Panel, limits: Limits) -> pl.DataFrame:
    """What the rules find in a panel's judged sessions, as `core.judging.findings.FINDING_SCHEMA`.

    Args:
        panel: bars, with the history before them; the bar after a judged one counts where it is there.
        limits: the thresholds in force.

    Returns:
        By security, session and rule.
    """
    if panel.bars.is_empty():
        return Found(pl.Series("wrong", [], dtype=pl.Boolean)).findings()
    bars = _prepared(panel)
    broken = bars["broken"].is_not_null()
    judged = with_context(bars, broken)
    found = Found(broken.alias("wrong"))
    session_break(judged, found)
    for rule in (bar_order, copied_bar, scale_break, lone_extreme, lone_bar):
        rule(judged, found, limits)
    judged = _again(bars, judged, found.wrong)
    frozen_close(judged, found, limits)
    price_rules(judged, found, limits, panel)
    volume_rules(judged, found, limits)
    reference_gap(judged, found, limits, panel)
    return _without_consequences(found.findings(), judged).filter(pl.col("session") >= panel.first)


def _without_consequences(findings: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The findings; volumes in the shares after a suspected split are explained by it, until what is usual follows."""
    missing = (pl.col("verdict") == Verdict.SUSPICIOUS.value) & pl.col("cause").str.contains("a missing split")
    suspected = findings.filter(missing).select("security_id", "session").unique()
    if suspected.is_empty():
        return findings
    key = ["security_id", "session"]
    steps = judged.join(suspected, on=key).select(*key, at="number", step="own_move").sort("session")
    numbered = findings.join(judged.select(*key, "number"), on=key, how="left", maintain_order="left").sort("session")
    placed = numbered.join_asof(steps, on="session", by="security_id", strategy="backward", check_sortedness=False)
    same = (
        pl.col("rule").str.starts_with("volume_")
        & (pl.col("number") - pl.col("at") <= USUAL_SESSIONS)
        & ((pl.col("value").log() + pl.col("step")).abs() < _SAME_SHARES)
    ).fill_null(value=False)
    explained = placed.with_columns(
        verdict=pl.when(same).then(pl.lit(Verdict.EXPLAINED.value)).otherwise("verdict"),
        cause=pl.when(same).then(pl.lit("its shares are those after the suspected split")).otherwise("cause"),
        settled_by=pl.when(~same).then("settled_by"),
    )
    return explained.sort("security_id", "session", "rule").select(findings.columns)


def _prepared(panel: Panel) -> pl.DataFrame:
    """Bars with their row, actions, minutes, known days, facts, and what is broken about them."""
    days = pl.DataFrame(
        {
            "session": list(panel.sessions),
            "minutes": [panel.minutes[day] for day in panel.sessions],
            "known_day": [panel.known_days.get(day) for day in panel.sessions],
        },
        schema={"session": pl.Date, "minutes": pl.Float64, "known_day": pl.String},
    )
    full = max(panel.minutes.values())
    bars = (
        with_broken(with_actions(panel.bars, panel.payouts))
        .join(days, on="session", how="left", maintain_order="left")
        .join(panel.facts, on="security_id", how="left", maintain_order="left")
    )
    return bars.with_columns(pl.col("minutes").fill_null(full), full_minutes=pl.lit(full)).with_row_index("row")


def _again(bars: pl.DataFrame, judged: pl.DataFrame, wrong: pl.Series) -> pl.DataFrame:
    """The context once more, of the securities with wrong rows, without these."""
    if not wrong.any():
        return judged
    of = pl.col("security_id").is_in(bars.filter(wrong)["security_id"].unique().implode())
    part = bars.select(of).to_series()
    again = with_context(bars.filter(part), wrong.filter(part), judged)
    return pl.concat([judged.filter(~part), again.select(judged.columns)]).sort("row")
