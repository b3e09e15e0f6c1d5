"""Ratios of splits: which n:m a move looks like."""

import math

import polars as pl

RATIOS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0, 1.5)
"""The usual ones, n:1 and 3:2."""

FINE_RATIOS = (5 / 4, 4 / 3, 5 / 3, 5 / 2)
"""Rarer ones, which a fifth of all large moves are near of: they have to be met more exactly."""

FINE_TOLERANCE = 0.008


def near_ratio(move: pl.Expr, tolerance: pl.Expr) -> pl.Expr:
    """The ratio that a move, up or down, is nearest to; null where none is within the tolerance.

    Args:
        move: a logarithm.
        tolerance: of the difference of logarithms.
    """
    nearest, distance = pl.lit(None, dtype=pl.Float64), pl.lit(9.0)
    for ratio in RATIOS:
        off = (move.abs() - math.log(ratio)).abs()
        nearest = pl.when(off < distance).then(pl.lit(ratio)).otherwise(nearest)
        distance = pl.min_horizontal(distance, off)
    found = pl.when(distance <= tolerance).then(nearest)
    for ratio in FINE_RATIOS:
        near = (move.abs() - math.log(ratio)).abs() <= FINE_TOLERANCE
        found = pl.when(found.is_null() & near).then(pl.lit(ratio)).otherwise(found)
    return found


def ratio_words(ratio: pl.Expr) -> pl.Expr:
    """A ratio as people write it: 2:1, 3:2."""
    written = {
        **{value: f"{value:g}:1" for value in RATIOS},
        1.5: "3:2",
        5 / 4: "5:4",
        4 / 3: "4:3",
        5 / 3: "5:3",
        5 / 2: "5:2",
    }
    return ratio.replace_strict(written, default=None, return_dtype=pl.String)
