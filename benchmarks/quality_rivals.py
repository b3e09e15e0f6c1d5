"""Z-score, MAD and an isolation forest on the bars and defects of the quality rules, each with its best threshold.

They see what the rules see of a bar: its return, its gap, its range and its volume a minute, against the sixty sessions
before. The threshold of each is the one that is best on these very defects; ours are the defaults. What the rules call
wrong before anything is put in counts for neither side, and what a rival cannot compute counts as found by it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
from rich.table import Table

from benchmarks.load_command import verdict
from benchmarks.measuring import console, stopwatch
from benchmarks.quality_defects import SINGLE, columns_of, places, with_columns
from benchmarks.quality_panels import judged, open_rows
from tickstock_dagster.core.judging.panel import Panel

WINDOW, LEAST, TREES, SAMPLE = 60, 20, 100, 60_000
FEATURES = ("move", "gap", "span", "rate")


def compare(panel: Panel, count: int, seed: int) -> None:
    """Put every kind into so many places, rarely enough that windows stay usual, and compare who finds them."""
    random = np.random.default_rng(seed)
    at = places(panel.bars, count, random)
    columns = columns_of(panel.bars)
    for name, kind in SINGLE.items():
        kind.put(columns, at[name], random)
    disturbed = replace(panel, bars=with_columns(panel.bars, columns))
    truth = np.zeros(panel.bars.height, dtype=bool)
    truth[np.concatenate(list(at.values()))] = True
    counted = panel.bars.select(pl.int_range(pl.len()).over("security_id") > WINDOW).to_series().to_numpy().copy()
    counted[np.setdiff1d(open_rows(judged(panel), ("wrong",)), np.flatnonzero(truth))] = False
    table = Table("contender", "threshold", "precision", "recall", "F1", "false alarms / 1,000", "s")
    with stopwatch() as watch:
        ours = np.zeros(len(truth), dtype=bool)
        ours[open_rows(judged(disturbed))] = True
    best = _line(table, "the rules", "", ours, truth, counted, watch.cost.wall)
    with stopwatch() as watch:
        features = _features(disturbed)
    shared, rivals = watch.cost.wall, {}
    for name, score in _scores(features, random).items():
        with stopwatch() as watch:
            values = score()
        threshold = _best_threshold(values, truth, counted)
        rivals[name] = _line(
            table, name, f"{threshold:.3g}", values > threshold, truth, counted, shared + watch.cost.wall
        )
    console.print(table)
    for name, other in rivals.items():
        verdict(f"F1 of {name} / ours: {other:.3f} / {best:.3f} = {other / best:.2f}", 1.0, other / best)


def _features(panel: Panel) -> pl.DataFrame:
    """Each feature, its distance from the window before in standard deviations (`z_`) and in MADs (`m_`)."""
    of = "security_id"
    minutes = pl.DataFrame(
        list(panel.minutes.items()), schema={"session": pl.Date, "minutes": pl.Float64}, orient="row"
    )

    def log(numerator: str, denominator: str) -> pl.Expr:
        ratio = pl.col(numerator) / pl.col(denominator)
        return pl.when((pl.col(numerator) > 0) & (pl.col(denominator) > 0)).then(ratio.log())

    bars = panel.bars.join(minutes, on="session", how="left", maintain_order="left").with_columns(
        before=pl.col("close").shift().over(of)
    )
    bars = bars.with_columns(
        move=log("close", "before"),
        gap=log("open", "before"),
        span=pl.when(pl.col("high") >= pl.col("low")).then(log("high", "low")),
        rate=log("volume", "minutes"),
    )
    earlier = {name: pl.col(name).shift() for name in FEATURES}
    bars = bars.with_columns(
        *(
            (
                (pl.col(name) - one.rolling_mean(WINDOW, min_samples=LEAST)).abs()
                / one.rolling_std(WINDOW, min_samples=LEAST).clip(1e-3)
            )
            .over(of)
            .alias(f"z_{name}")
            for name, one in earlier.items()
        ),
        *(
            (pl.col(name) - one.rolling_median(WINDOW, min_samples=LEAST)).abs().over(of).alias(f"d_{name}")
            for name, one in earlier.items()
        ),
    )
    return bars.with_columns(
        (
            pl.col(f"d_{name}")
            / (1.4826 * pl.col(f"d_{name}").shift().rolling_median(WINDOW, min_samples=LEAST).over(of)).clip(1e-3)
        ).alias(f"m_{name}")
        for name in FEATURES
    )


def _scores(bars: pl.DataFrame, random: np.random.Generator) -> "dict[str, Callable[[], np.ndarray]]":
    unknown = bars.select(pl.any_horizontal(pl.col(name).is_null() for name in FEATURES)).to_series().to_numpy()

    def largest(prefix: str) -> "np.ndarray":
        score = bars.select(pl.max_horizontal(prefix + name for name in FEATURES).fill_null(0)).to_series().to_numpy()
        return np.where(unknown, np.inf, np.nan_to_num(score, posinf=1e9))

    def forest() -> "np.ndarray":
        from sklearn.ensemble import IsolationForest

        seen = bars.select(*(f"z_{name}" for name in FEATURES), *FEATURES).fill_null(0).to_numpy()
        seen = np.nan_to_num(seen).clip(-50, 50)
        fitted = IsolationForest(n_estimators=TREES, random_state=0, n_jobs=2)
        fitted.fit(seen[random.choice(len(seen), min(SAMPLE, len(seen)), replace=False)])
        return np.where(unknown, np.inf, -100 * fitted.score_samples(seen))

    return {"Z-score": lambda: largest("z_"), "MAD": lambda: largest("m_"), "isolation forest": forest}


def _best_threshold(score: "np.ndarray", truth: "np.ndarray", counted: "np.ndarray") -> float:
    """The threshold with the best F1 of all that there are."""
    score, truth = score[counted], truth[counted]
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    ordered = score[order]
    f1[:-1][ordered[:-1] == ordered[1:]] = 0  # equal scores are found together
    place = int(np.argmax(f1[np.isfinite(ordered)])) + int((~np.isfinite(ordered)).sum())
    return float(ordered[place + 1]) if place + 1 < len(ordered) else -np.inf


def _line(
    table: Table,
    name: str,
    threshold: str,
    found: "np.ndarray",
    truth: "np.ndarray",
    counted: "np.ndarray",
    seconds: float,
) -> float:
    """Add a contender's row; its F1.

    Args:
        table: takes it.
        name: of the contender.
        threshold: in words.
        found: the bars that it finds.
        truth: those with a defect.
        counted: those that count.
        seconds: that it took.
    """
    hits, all_found, all_true = (int(one[counted].sum()) for one in (found & truth, found, truth))
    precision, recall = hits / max(all_found, 1), hits / all_true
    f1 = 2 * hits / (all_found + all_true)
    alarms = 1000 * (all_found - hits) / counted.sum()
    table.add_row(name, threshold, f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}", f"{alarms:.2f}", f"{seconds:.1f}")
    return f1
