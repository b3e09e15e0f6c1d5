"""Ratios of splits: which n:m a move looks like."""

import numpy as np
import polars as pl

RATIOS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0, 1.5)
"""The usual ones, n:1 and 3:2."""

FINE_RATIOS = (5 / 4, 4 / 3, 5 / 3, 5 / 2)
"""Rarer ones, which a fifth of all large moves are near of: they have to be met more exactly."""

FINE_TOLERANCE = 0.008


def near_ratio(moves: pl.Series, tolerances: pl.Series) -> pl.Series:
    """The ratio that each move, up or down, is nearest to; null where none is within its tolerance.

    Args:
        moves: logarithms; null where there is none.
        tolerances: of the differences of logarithms.
    """
    sizes = np.abs(moves.cast(pl.Float64).fill_null(np.nan).to_numpy())
    usual, fine = np.array(RATIOS), np.array(FINE_RATIOS)
    off = np.abs(sizes[:, None] - np.log(usual)[None, :])
    off_fine = np.abs(sizes[:, None] - np.log(fine)[None, :])
    near, near_fine = np.fmin(off, 99.0).argmin(axis=1), np.fmin(off_fine, 99.0).argmin(axis=1)
    rows = np.arange(len(sizes))
    found = np.where(off_fine[rows, near_fine] <= FINE_TOLERANCE, fine[near_fine], np.nan)
    found = np.where(off[rows, near] <= tolerances.to_numpy(), usual[near], found)
    return pl.Series("ratio", found).fill_nan(None)


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
