"""The quality rules on defects put into real bars, beside Z-score, MAD and isolation forest; and a whole market's scan.

    python -m benchmarks.quality_rules [--only recall|rivals|scan] [--places 200] [--rounds 3]

Each kind of `benchmarks.quality_defects` is put into 200 places of otherwise undisturbed bars. *Later* the bars after a
place are known; *on the evening* each session is judged by itself, with the history before it alone. Recall is the
share of places about which something is open (suspicious or wrong). Real sets hold defects of their own: alarms are
counted as delivered, and on the same bars without those that are wrong. Bounds of recall hold for companies; funds'
volumes are lumpy by nature, and theirs is stated.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from rich.table import Table

from benchmarks.load_command import verdict
from benchmarks.measuring import console
from benchmarks.quality_defects import (
    LASTING,
    SINGLE,
    columns_of,
    lasting_places,
    places,
    possible_places,
    with_columns,
)
from benchmarks.quality_panels import OPEN_VERDICTS, evening_of, judged, open_rows, panels
from tickstock_dagster.core.judging.panel import Panel

RECALL = {"structure": 0.99, "scale": 0.99, "moves": 0.95, "spikes": 0.95, "droughts": 0.95}
FALSE_ALARMS = 1.0
"""Bounds: recall by group, and open findings in a thousand symbol-days of clean bars."""

SEED, EVENINGS, SHOWN_WITHIN = 7, 80, 12
"""Evenings that are judged one by one; bars within which a lasting defect has to be found."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("recall", "rivals", "scan"))
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.only != "scan":
        for number, (label, panel) in enumerate(panels()):
            console.print(f"\n[bold]{label}[/]")
            if arguments.only in (None, "recall"):
                measure_recall(panel, arguments.places, bounded=number == 0)
            if arguments.only in (None, "rivals"):
                from benchmarks.quality_rivals import compare

                compare(panel, arguments.places // 5, SEED)
    if arguments.only in (None, "scan"):
        from benchmarks.quality_scan import measure_scan

        measure_scan(arguments.rounds)


def measure_recall(panel: Panel, count: int, *, bounded: bool) -> None:
    """Recall of each kind, and false alarms, later and on the evening itself."""
    random = np.random.default_rng(SEED)
    before = judged(panel)
    at = places(panel.bars, count, random)
    later = later_recall(panel, at, random) | lasting_recall(panel, lasting_places(panel.bars, count, random), random)
    evening, quiet = evening_recall(panel, count, random)
    show_recall(later, evening, count)
    for group, bound in RECALL.items():
        for when, recall in (("later", later), ("on the evening", evening)):
            value = mean_of(recall, group)
            words = f"recall of {group}, {when}: {value:.1%}"
            # Recall is to be at least its bound; `verdict` knows upper ones.
            if bounded:
                verdict(f"{words}; missed, {1 - value:.1%}", round(1 - bound, 4), 1 - value)
            else:
                console.print(words)
    show_alarms(panel, before, quiet)


def later_recall(panel: Panel, at: "Mapping[str, np.ndarray]", random: np.random.Generator) -> dict[str, float]:
    """Recall of the kinds of one bar, half of the kinds at a time, so that what is usual stays so."""
    found: dict[str, float] = {}
    for half in (0, 1):
        names = list(SINGLE)[half::2]
        columns = columns_of(panel.bars)
        for name in names:
            SINGLE[name].put(columns, at[name], random)
        alarmed = open_rows(judged(replace(panel, bars=with_columns(panel.bars, columns))))
        found |= {name: float(np.isin(at[name], alarmed).mean()) for name in names}
    return found


def lasting_recall(panel: Panel, at: "Iterable[tuple[int, int]]", random: np.random.Generator) -> dict[str, float]:
    """Recall of the kinds of many bars, each in one place of a security."""
    found, at = {}, list(at)
    for name, kind in LASTING.items():
        columns = columns_of(panel.bars)
        ends = [min(end, place + kind.bars) for place, end in at]
        for (place, _), end in zip(at, ends, strict=True):
            kind.put(columns, np.arange(place, end), random)
        alarmed = open_rows(judged(replace(panel, bars=with_columns(panel.bars, columns))))
        hits = [
            np.isin(np.arange(place, min(end, place + SHOWN_WITHIN)), alarmed).any()
            for (place, _), end in zip(at, ends, strict=True)
        ]
        found[name] = float(np.mean(hits))
    return found


def evening_recall(panel: Panel, count: int, random: np.random.Generator) -> tuple[dict[str, float], dict[str, int]]:
    """Recall of the kinds of one bar on the evening itself, and what is open of the same bars undisturbed.

    Returns:
        Recall by kind; how many `bars` were looked at undisturbed, and how many were `suspicious` and `wrong`.
    """
    possible = possible_places(panel.bars)
    of_session = possible.group_by("session").len().filter(pl.col("len") > count * len(SINGLE) // EVENINGS)
    days = sorted(random.choice(of_session["session"].sort().to_numpy(), EVENINGS, replace=False).tolist())
    todo = random.permutation(np.repeat(np.arange(len(SINGLE)), count))
    hits, quiet = np.zeros(len(SINGLE)), dict.fromkeys(("bars", *OPEN_VERDICTS), 0)
    for day, kinds in zip(days, np.array_split(todo, EVENINGS), strict=True):
        evening = evening_of(panel, day)
        before = judged(evening)
        quiet["bars"] += evening.bars.filter(pl.col("session") == day).height
        for word in OPEN_VERDICTS:
            quiet[word] += len(open_rows(before, (word,)))
        securities = possible.filter(pl.col("session") == day)["security_id"].to_numpy()
        held = evening.bars.with_row_index("row").filter(
            (pl.col("session") == day) & pl.col("security_id").is_in(securities.tolist())
        )
        rows = random.choice(held["row"].to_numpy(), len(kinds), replace=False)
        columns = columns_of(evening.bars)
        for number in np.unique(kinds):
            list(SINGLE.values())[number].put(columns, rows[kinds == number], random)
        alarmed = open_rows(judged(replace(evening, bars=with_columns(evening.bars, columns))))
        np.add.at(hits, kinds, np.isin(rows, alarmed))
    return {name: float(hits[number] / count) for number, name in enumerate(SINGLE)}, quiet


def mean_of(recall: Mapping[str, float], group: str) -> float:
    """The mean of a group's kinds."""
    kinds = SINGLE | LASTING
    return float(np.mean([value for name, value in recall.items() if kinds[name].group == group]))


def show_recall(later: Mapping[str, float], evening: Mapping[str, float], count: int) -> None:
    table = Table("group", "kind", "later", "on the evening", title=f"recall, {count} places a kind")
    for name, kind in (SINGLE | LASTING).items():
        table.add_row(kind.group, name, f"{later[name]:.1%}", f"{evening[name]:.1%}" if name in evening else "")
    console.print(table)


def show_alarms(panel: Panel, findings: pl.DataFrame, quiet: Mapping[str, int]) -> None:
    """Open findings of bars that nothing was put into."""
    wrong = open_rows(findings, ("wrong",))
    bars = panel.bars.with_row_index("row").filter(~pl.col("row").is_in(wrong.tolist())).drop("row")
    clean = judged(replace(panel, bars=bars))
    for words, of, height in (("delivered", findings, panel.bars.height), ("clean", clean, bars.height)):
        suspicious, disproved = (1000 * len(open_rows(of, (one,))) / height for one in OPEN_VERDICTS)
        console.print(f"of a thousand bars, {words}: {suspicious:.2f} suspicious, {disproved:.2f} wrong")
    by_rule = clean.filter(pl.col("verdict").is_in(OPEN_VERDICTS))["rule"].value_counts(sort=True)
    console.print("of clean ones: " + ", ".join(f"{rule} {number}" for rule, number in by_rule.iter_rows()))
    of_evening = [1000 * quiet[word] / quiet["bars"] for word in OPEN_VERDICTS]
    console.print(f"delivered, on {EVENINGS} evenings: {of_evening[0]:.2f} suspicious, {of_evening[1]:.2f} wrong")
    alarms = 1000 * len(open_rows(clean)) / bars.height
    verdict(f"false alarms in a thousand clean bars: {alarms:.2f}", FALSE_ALARMS, alarms)


if __name__ == "__main__":
    main()
