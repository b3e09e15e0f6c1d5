"""Judging the bars of a panel: every rule, in an order in which what is wrong already counts for nothing.

Bars that are not stored count for nothing, in any rule but two: `bar_order` says of a bar that a load refused what
contradicts what, and `scale_break` counts those that it has had set aside, so that it sees a level that lasts.

Longer than 250 lines because stored, refused and set aside bars are judged in one order, each by what was found before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from tickstock_dagster.core.judging.action_basis import with_actions
from tickstock_dagster.core.judging.context import USUAL_SESSIONS, with_context
from tickstock_dagster.core.judging.copied_bars import copied_bar
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.found import Found
from tickstock_dagster.core.judging.panel import PANEL_SCHEMA, Panel
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
_NEAR_DAYS = 7  # from a session to the ex-date of a split that a part of its bar may have
_KEY = ["security_id", "session"]
_STORED = (
    pl.lit(value=False).alias("held"),
    pl.lit(value=False).alias("released"),
    pl.lit(None, dtype=pl.String).alias("refused"),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judging a panel came to.

    Attributes:
        findings: `core.judging.findings.FINDING_SCHEMA`, by security, session and rule: of the judged sessions; and of
            earlier ones what is not wrong any more about a bar that was set aside.
        cleared: (security_id, session, since): bars that were set aside by `scale_break`, of any session, in which it
            finds nothing any more: they are on the level that began on the session `since`.
    """

    findings: pl.DataFrame
    cleared: pl.DataFrame


def judge(panel: Panel, limits: Limits) -> pl.DataFrame:
    """What the rules find in a panel's judged sessions: the findings of `judge_all`."""
    return judge_all(panel, limits).findings


def judge_all(panel: Panel, limits: Limits) -> Judgement:
    """Judge the judged sessions of a panel, and the bars that are not stored.

    Args:
        panel: bars, with the history before them; the bar after a judged one counts where it is there.
        limits: the thresholds in force.
    """
    beside = _beside(panel, limits)
    panel = beside.panel
    if panel.bars.is_empty():
        found = Found(pl.Series("wrong", [], dtype=pl.Boolean), beside.frames)
        return Judgement(_of_judged(found.findings(), panel, beside), beside.cleared)
    bars = _prepared(panel)
    broken = bars["broken"].is_not_null()
    judged = with_context(bars, broken)
    found = Found(broken.alias("wrong"))
    session_break(judged, found)
    found.frames += _not_spoken_for(beside.frames, judged, found)
    bar_order(judged, found, limits)
    copied_bar(judged, found, limits)
    scale_break(judged.filter(~pl.col("security_id").is_in(beside.securities.implode())), found, limits)
    found.mark_wrong(judged.select("row", *_KEY).join(beside.wrong, on=_KEY, how="semi"))
    judged = _again(bars, judged, found.wrong, broken)
    known = found.wrong
    for rule in (lone_extreme, lone_bar):
        rule(judged, found, limits)
    judged = _again(bars, judged, found.wrong, known)
    frozen_close(judged, found, limits)
    price_rules(judged, found, limits, panel)
    volume_rules(judged, found, limits)
    reference_gap(judged, found, limits, panel)
    findings = _without_consequences(found.findings(), judged)
    return Judgement(_of_judged(findings, panel, beside), beside.cleared)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known of the securities of which bars are not stored, or bars after the panel's sessions were read.

    Attributes:
        panel: without what is not stored; bars that were set aside and are not wrong any more are among its bars.
        securities: of which the levels of prices were judged here.
        frames: the findings, as `Found.frames`.
        wrong: (security_id, session) of stored bars that count for nothing.
        held: the same of bars that are set aside.
        cleared: as `Judgement.cleared`.
    """

    panel: Panel
    securities: pl.Series
    frames: list[pl.DataFrame]
    wrong: pl.DataFrame
    held: pl.DataFrame
    cleared: pl.DataFrame


def _beside(panel: Panel, limits: Limits) -> _Beside:
    """Judge what contradicts what in refused bars, and levels of prices with bars that were set aside or came later."""
    cells = pl.DataFrame(schema={"security_id": pl.Int64, "session": pl.Date})
    cleared = cells.with_columns(since=pl.col("session"))
    quarantined = panel.quarantined
    ids = pl.concat([frame["security_id"] for frame in (quarantined, panel.later, panel.released)]).unique()
    if ids.is_empty():
        return _Beside(_without_later_actions(panel), ids, [], cells, cells, cleared)
    of = pl.col("security_id").is_in(ids.implode())
    released = panel.released.with_columns(released=True)
    bars = pl.concat([panel.bars.filter(of), panel.later]).with_columns(_STORED).drop("released")
    aside = quarantined.with_columns(held=pl.col("refused").is_null()).select(bars.columns)
    bars = pl.concat([bars, aside]).join(released, on=_KEY, how="left").sort(_KEY)
    bars = _prepared(replace(panel, bars=bars.with_columns(pl.col("released").fill_null(value=False))))
    last = panel.sessions[-1] if panel.sessions else panel.first
    broken = bars["broken"].is_not_null()
    judged = with_context(bars, broken)
    found = Found(broken.alias("wrong"))
    bar_order(judged.filter(pl.col("refused").is_not_null()), found, limits)
    levels = scale_break(judged, found, limits)
    frames = [frame.filter(pl.col("session") <= last) for frame in found.frames]
    held = judged.filter("held").select("row", *_KEY)
    off = judged.filter(found.wrong & ~broken).select(_KEY)
    back = held.join(off, on=_KEY, how="anti")
    odd = pl.concat(
        [held.select("row").clear()]
        + [frame.select("row") for frame in found.frames if frame["rule"][0] == "scale_break"]
    )
    cleared = back.join(odd, on="row", how="anti").join(levels, on="row", how="left", maintain_order="left")
    # What is still wrong counts for nothing, among the same rows as when it was judged.
    inside = aside.filter(pl.col("held") & (pl.col("session") <= last))
    stored = pl.concat([panel.bars, inside.select(list(PANEL_SCHEMA))])
    return _Beside(
        _without_later_actions(replace(panel, bars=stored.sort(_KEY)) if inside.height else panel),
        ids,
        frames,
        off,
        held.select(_KEY),
        cleared.select(*_KEY, pl.coalesce("since", "session").alias("since")),
    )


def _not_spoken_for(frames: Sequence[pl.DataFrame], judged: pl.DataFrame, found: Found) -> list[pl.DataFrame]:
    """Findings of rules without those about bars of which another finding speaks already."""
    kept = []
    for frame in frames:
        spoken = found.spoken_for.get(frame["rule"][0]) if frame.height else None
        if spoken is not None:
            cells = judged.filter(pl.col("row").is_in(spoken.implode())).select(_KEY)
            frame = frame.join(cells, on=_KEY, how="anti", maintain_order="left")  # noqa: PLW2901
        kept.append(frame)
    return kept


def _without_later_actions(panel: Panel) -> Panel:
    """The panel without actions after its sessions."""
    last = panel.sessions[-1] if panel.sessions else panel.first
    return replace(panel, payouts=panel.payouts.filter(pl.col("ex_date") <= last))


def _of_judged(findings: pl.DataFrame, panel: Panel, beside: _Beside) -> pl.DataFrame:
    """The findings of judged sessions, and of bars that are set aside what is not wrong any more."""
    back = findings.select(_KEY).join(beside.held.with_columns(held=True), on=_KEY, how="left", maintain_order="left")
    not_wrong = (pl.col("rule") == "scale_break") & (pl.col("verdict") != Verdict.WRONG.value)
    return findings.filter((pl.col("session") >= panel.first) | (back["held"].fill_null(value=False) & not_wrong))


def _without_consequences(findings: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The findings without what only follows from another level of prices.

    Volumes in the shares after a suspected split are explained by it, until what is usual follows.
    """
    findings = _without_moves_of_levels(findings)
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


def _without_moves_of_levels(findings: pl.DataFrame) -> pl.DataFrame:
    """The findings without the move and the gap of a bar on another level that is not wrong: it is found once."""
    level = findings.filter((pl.col("rule") == "scale_break") & (pl.col("verdict") != Verdict.WRONG.value))
    if level.is_empty():
        return findings
    moves = findings.filter(pl.col("rule").is_in(["price_move", "open_gap"])).join(level, on=_KEY, how="semi")
    return findings.join(moves, on=[*_KEY, "rule"], how="anti", maintain_order="left")


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
    bars = panel.bars if "refused" in panel.bars.columns else panel.bars.with_columns(_STORED)
    # No action is measured by a close that was refused.
    acted = with_actions(bars.with_columns(pl.when(pl.col("refused").is_null()).then("close")), panel.payouts)
    bars = (
        with_broken(acted.with_columns(bars["close"]))
        .with_columns(broken=pl.coalesce("broken", "refused"))
        .join(days, on="session", how="left", maintain_order="left")
        .join(panel.facts, on="security_id", how="left", maintain_order="left")
    )
    bars = bars.with_columns(pl.col("minutes").fill_null(full), full_minutes=pl.lit(full)).with_row_index("row")
    return _with_near_split(bars, panel.payouts)


def _with_near_split(bars: pl.DataFrame, payouts: pl.DataFrame) -> pl.DataFrame:
    """Bars with the nearest split of broken ones: `near_split`, new shares for an old one, and `near_split_on`."""
    broken = bars.filter(pl.col("broken").is_not_null()).select("row", *_KEY)
    splits = payouts.filter(pl.col("split_ratio").is_not_null()).select(
        "security_id", near_split=1 / pl.col("split_ratio"), near_split_on=pl.col("ex_date")
    )
    away = (pl.col("near_split_on") - pl.col("session")).dt.total_days().abs()
    near = broken.join(splits, on="security_id").with_columns(away=away).filter(pl.col("away") <= _NEAR_DAYS)
    near = near.sort("row", "away").unique("row", keep="first").select("row", "near_split", "near_split_on")
    return bars.join(near, on="row", how="left", maintain_order="left")


def _again(bars: pl.DataFrame, judged: pl.DataFrame, wrong: pl.Series, known: pl.Series) -> pl.DataFrame:
    """The context once more, of the securities with wrong rows that are not known yet, without these."""
    new = wrong & ~known
    if not new.any():
        return judged
    of = pl.col("security_id").is_in(bars.filter(new)["security_id"].unique().implode())
    part = bars.select(of).to_series()
    again = with_context(bars.filter(part), wrong.filter(part), judged)
    return pl.concat([judged.filter(~part), again.select(judged.columns)]).sort("row")
