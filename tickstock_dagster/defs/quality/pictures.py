"""The pictures of a quality report: the day, the worst symbols with their findings, how reliable each rule is.

Classes differ by mark as well as by colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from tickstock_dagster.core.judging.findings import RULES, Family, Verdict
from tickstock_dagster.core.quality.lifecycle import Finding
from tickstock_dagster.core.quality.reliability import Reliability
from tickstock_dagster.core.quality.summary import SCORES
from tickstock_dagster.defs.pictures import (
    ABSENT,
    BLACK,
    GREEN,
    INK,
    MARGIN,
    ORANGE,
    POINT,
    VERMILLION,
    WORDS,
    YELLOW,
    CellSheet,
    Shade,
    figure_png,
    ink_on,
    new_figure,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLASSES = (
    (99.9, Shade(GREEN, "99.9+")),
    (99.0, Shade("#a5dcc9", "99+", "dot")),
    (95.0, Shade(YELLOW, "95+", "dash")),
    (80.0, Shade(ORANGE, "80+", "slash")),
    (0.0, Shade(VERMILLION, "less", "cross")),
)
"""Least mean score and its shade."""

_VERDICTS = {
    Verdict.WRONG: Shade(VERMILLION, "wrong", "cross"),
    Verdict.SUSPICIOUS: Shade(ORANGE, "suspicious", "slash"),
    Verdict.EXPLAINED: Shade(GREEN, "explained"),
}
_DECIDED = (
    ("confirmed", Shade(GREEN, "confirmed")),
    ("released", Shade(VERMILLION, "released", "cross")),
    ("undecided", Shade(ABSENT, "not decided", "dot")),
)
_MARKERS = {Verdict.WRONG: "X", Verdict.SUSPICIOUS: "v", Verdict.EXPLAINED: "o"}

_LEFT, _WIDTH, _HEIGHT, _TOP = 176, 78, 18, 46
_BAR = 300
"""Most pixels of a bar."""

_ROWS = 30


def day_png(session: date, scores: pl.DataFrame, findings: Sequence[Finding]) -> bytes:
    """A session at a glance: mean scores by sector above, findings by rule and verdict below.

    Args:
        session: the session.
        scores: (sector, symbols, price, volume, freshness, overall), a row per sector.
        findings: that stand about the session.
    """
    sheet = CellSheet(f"Quality of {session}: mean scores by sector, 0 to 100")
    for place, name in enumerate(("symbols", *SCORES)):
        sheet.words(_LEFT + place * _WIDTH + _WIDTH / 2, _TOP - 12, name, centred=True)
    top = _TOP
    for row in scores.head(_ROWS).iter_rows(named=True):
        sheet.words(MARGIN, top + _HEIGHT / 2, shortened(row["sector"] or "not known", _LEFT - 2 * MARGIN))
        sheet.words(_LEFT + _WIDTH / 2, top + _HEIGHT / 2, f"{row['symbols']:,}", centred=True)
        for place, name in enumerate(SCORES, start=1):
            shade = next(shade for least, shade in _CLASSES if row[name] >= least)
            left = _LEFT + place * _WIDTH
            sheet.cell(left, top, _WIDTH - 3, _HEIGHT - 3, Shade(shade.colour))
            sheet.words(
                left + _WIDTH / 2, top + _HEIGHT / 2 - 1, f"{row[name]:.2f}", ink=ink_on(shade.colour), centred=True
            )
        top += _HEIGHT
    sheet.words(MARGIN, top + 20, "Findings by rule and verdict" if findings else "Nothing was found")
    counts: dict[str, dict[Verdict, int]] = {}
    for one in findings:
        of_rule = counts.setdefault(one.key.rule, dict.fromkeys(_VERDICTS, 0))
        of_rule[one.verdict] += 1
    top = _stacked(sheet, top + 34, {rule: list(found.values()) for rule, found in counts.items()}, _VERDICTS.values())
    sheet.legend([*(shade for _, shade in _CLASSES), *_VERDICTS.values()])
    return sheet.png()


def reliability_png(rules: Sequence[Reliability]) -> bytes:
    """Of each rule's findings those that people confirmed, released, and have not decided."""
    sheet = CellSheet("How reliable each rule is: its findings as people decided")
    counts: dict[str, list[int]] = {}
    for one in rules:
        decided = len(one.confirmed) + len(one.released)
        row = counts.setdefault(one.rule, [0, 0, 0])
        for place, count in enumerate((len(one.confirmed), len(one.released), one.findings - decided)):
            row[place] += count
    _stacked(sheet, _TOP - 10, counts, [shade for _, shade in _DECIDED])
    sheet.legend([shade for _, shade in _DECIDED])
    return sheet.png()


def _stacked(sheet: CellSheet, top: int, counts: Mapping[str, Sequence[int]], shades: Any) -> int:
    """Bars of counts, a row for each name, the longest first; returns the lower edge."""
    most = max((sum(row) for row in counts.values()), default=1) or 1
    for name, row in sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])):
        sheet.words(MARGIN, top + _HEIGHT / 2, shortened(name, _LEFT - 2 * MARGIN))
        left = _LEFT
        for count, shade in zip(row, shades, strict=True):
            if count:
                width = max(6, round(_BAR * count / most))
                sheet.cell(left, top, width, _HEIGHT - 4, shade)
                left += width + 1
        sheet.words(left + 6, top + _HEIGHT / 2, " + ".join(str(count) for count in row if count))
        top += _HEIGHT
    return top


@dataclass(frozen=True, slots=True)
class WorstSymbol:
    """A symbol to draw: its ticker, its score, its bars (`core.judging.panel.PANEL_SCHEMA`) and its findings."""

    ticker: str
    score: float
    bars: pl.DataFrame
    findings: Sequence[Finding]


def worst_png(symbols: Sequence[WorstSymbol]) -> bytes:
    """Price and volume of some symbols, one above the other, with their findings marked.

    Args:
        symbols: one to five.
    """
    figure = new_figure(760, 60 + 150 * len(symbols))
    grid = figure.add_gridspec(2 * len(symbols), 1, height_ratios=[3, 1] * len(symbols), hspace=0.45)
    size = WORDS * POINT * 0.9
    for place, symbol in enumerate(symbols):
        price = figure.add_subplot(grid[2 * place])
        volume = figure.add_subplot(grid[2 * place + 1], sharex=price)
        days = symbol.bars["session"].to_list()
        price.vlines(days, symbol.bars["low"].to_list(), symbol.bars["high"].to_list(), color="#9a9a9a", linewidth=1)
        price.plot(days, symbol.bars["close"].to_list(), color=BLACK, linewidth=1)
        volume.bar(days, symbol.bars["volume"].to_list(), color="#9a9a9a", width=0.8)
        _mark(
            price, symbol, "close", [one for one in symbol.findings if RULES[one.key.rule].family is not Family.VOLUME]
        )
        _mark(volume, symbol, "volume", [one for one in symbol.findings if RULES[one.key.rule].family is Family.VOLUME])
        words = "; ".join(f"{one.key.rule} {one.verdict}" for one in symbol.findings[:3])
        price.set_title(f"{symbol.ticker}: {symbol.score:.1f}   {words}", loc="left", fontsize=size, color=INK)
        for axes in (price, volume):
            axes.tick_params(labelsize=size * 0.9)
            axes.spines[["top", "right"]].set_visible(False)
        price.tick_params(labelbottom=False)
        volume.tick_params(labelbottom=place == len(symbols) - 1)
        volume.set_yticks([])
    for verdict, shade in _VERDICTS.items():
        figure.axes[0].scatter([], [], marker=_MARKERS[verdict], color=shade.colour, label=shade.caption)
    figure.axes[0].legend(fontsize=size * 0.9, ncols=3, frameon=False, loc="upper right", bbox_to_anchor=(1, 1.35))
    figure.subplots_adjust(left=0.08, right=0.98, top=0.93, bottom=0.05)
    return figure_png(figure)


def _mark(axes: "Axes", symbol: WorstSymbol, column: str, findings: Sequence[Finding]) -> None:
    """Findings of a symbol, the worst on top, at the value of their session; without a bar left, at the last before."""
    order = list(_MARKERS)[::-1]
    for one in sorted(findings, key=lambda one: order.index(one.verdict)):
        before = symbol.bars.filter(pl.col("session") <= one.key.session)
        if before.is_empty():
            continue
        axes.scatter(
            [one.key.session],  # type: ignore[arg-type]  # matplotlib takes dates
            [before[column][-1]],
            marker=_MARKERS[one.verdict],
            color=_VERDICTS[one.verdict].colour,
            edgecolors=BLACK,
            s=60,
            zorder=3,
        )
