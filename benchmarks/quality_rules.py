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
from benchmarks.quality_defects import LASTING, SINGLE, columns_of, lasting_places, places, with_columns
from benchmarks.quality_panels import LIMITS, evening_of, judged, open_rows, panels
from tickstock_dagster.core.quality.judging import judge
from tickstock_dagster.core.quality.panel import Panel

RECALL = {"structure": 0.99, "scale": 0.99, "moves": 0.95, "spikes": 0.95, "droughts": 0.95}
FALSE_ALARMS = 1.0
"""Bounds: recall by group, and open findings in a thousand symbol-days of clean bars."""

SEED, EVENINGS, SHOWN_WITHIN = 7, 100, 12
"""Evenings that are judged one by one; bars within which a lasting defect has to be found."""

_KEY = ["security_id", "session"]


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
    evening, alarms = evening_recall(panel, at, random)
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
    show_alarms(panel, before, alarms)


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


def lasting_recall(
    panel: Panel, at: "Iterable[tuple[int, int]]", random: np.random.Generator
) -> dict[str, float]:
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


def evening_recall(
    panel: Panel, at: "Mapping[str, np.ndarray]", random: np.random.Generator
) -> tuple[dict[str, float], pl.DataFrame]:
    """Recall of the kinds of one bar on the evening itself, and what is open of undisturbed bars.

    The places move to some evenings, each with about as many kinds in it; the history before it is undisturbed.

    Returns:
        Recall by kind; (evenings, bars, suspicious, wrong): one row, of the bars without a defect.
    """
    sessions = panel.bars["session"].to_numpy()
    rows = np.concatenate(list(at.values()))
    kinds = np.repeat(np.arange(len(SINGLE)), [len(one) for one in at.values()])
    days, counts = np.unique(sessions[rows], return_counts=True)
    chosen = days[np.sort(np.argsort(-counts, kind="stable")[:EVENINGS])]
    hits, of_kind = np.zeros(len(SINGLE)), np.zeros(len(SINGLE))
    quiet = {"evenings": 0, "bars": 0, "suspicious": 0, "wrong": 0}
    for day in chosen.tolist():
        evening = evening_of(panel, day)
        bars = evening.bars
        own = bars.with_row_index("row").filter(pl.col("session") == day)
        free = own.filter(pl.col("volume") > 0)["row"].to_numpy()
        before = judge(evening, LIMITS)
        quiet["evenings"] += 1
        quiet["bars"] += own.height
        for word in ("suspicious", "wrong"):
            quiet[word] += before.filter(pl.col("verdict") == word).select(_KEY).n_unique()
        del free
        picked = rows[sessions[rows] == np.datetime64(day)]
        of = kinds[sessions[rows] == np.datetime64(day)]
        securities = panel.bars["security_id"].gather(picked)
        here = own["row"].to_numpy()[np.searchsorted(own["security_id"].to_numpy(), securities.to_numpy())]
        columns = columns_of(bars)
        for number in np.unique(of):
            list(SINGLE.values())[number].put(columns, here[of == number], random)
        found = judge(replace(evening, bars=with_columns(bars, columns)), LIMITS)
        alarmed = found.filter(pl.col("verdict") != "explained")["security_id"].unique().to_numpy()
        np.add.at(hits, of, np.isin(securities.to_numpy(), alarmed))
        np.add.at(of_kind, of, 1)
    recall = {name: float(hits[n] / max(of_kind[n], 1)) for n, name in enumerate(SINGLE)}
    return recall, pl.DataFrame([quiet])


def mean_of(recall: Mapping[str, float], group: str) -> float:
    """The mean of a group's kinds."""
    kinds = SINGLE | LASTING
    return float(np.mean([value for name, value in recall.items() if kinds[name].group == group]))


def show_recall(later: Mapping[str, float], evening: Mapping[str, float], count: int) -> None:
    table = Table("group", "kind", "later", "on the evening", title=f"recall, {count} places a kind")
    for name, kind in (SINGLE | LASTING).items():
        table.add_row(kind.group, name, f"{later[name]:.1%}", f"{evening[name]:.1%}" if name in evening else "")
    console.print(table)


def show_alarms(panel: Panel, findings: pl.DataFrame, evening: pl.DataFrame) -> None:
    """Open findings of bars that nothing was put into."""
    wrong = open_rows(findings, ("wrong",))
    bars = panel.bars.with_row_index("row").filter(~pl.col("row").is_in(wrong)).drop("row")
    clean = judged(replace(panel, bars=bars))
    for words, of, height in (("as delivered", findings, panel.bars.height), ("without its wrong bars", clean, bars.height)):
        counts = [1000 * len(open_rows(of, (one,))) / height for one in ("suspicious", "wrong")]
        console.print(f"{words}, of a thousand: {counts[0]:.2f} suspicious, {counts[1]:.2f} wrong")
    console.print("open, of the clean ones, by rule: " + ", ".join(
        f"{rule} {number}" for rule, number in clean.filter(pl.col("verdict") != "explained")["rule"].value_counts(sort=True).iter_rows()
    ))
    row = evening.row(0, named=True)
    thousand = row["bars"] / 1000
    console.print(
        f"on {row['evenings']} evenings, of a thousand: {row['suspicious'] / thousand:.2f} suspicious, "
        f"{row['wrong'] / thousand:.2f} wrong"
    )
    alarms = 1000 * len(open_rows(clean)) / bars.height
    verdict(f"false alarms in a thousand symbol-days of clean bars: {alarms:.2f}", FALSE_ALARMS, alarms)


if __name__ == "__main__":
    main()
