"""Rolling correlations of ETFs with their references: Pearson over windows of returns, and which values to publish.

Each window is centred on its own mean and multiplied out. Running sums would be faster, but would lose precision to the
level of earlier windows. Reading bars and storing values belong in `adapters.universes.correlation_store`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickstock_dagster.core.actions.returns import Floats, total_returns

WINDOWS = (60, 252)
"""Lengths of windows, in sessions: a quarter and a year."""

REFERENCES = ("SPY", "IWM")
"""Every ETF is compared with these, and with its own `correlation_reference`."""

STEP = 0.05
"""A value is published when it differs by more than this from the one published last."""


FUND_SCHEMA: dict[str, type[pl.DataType]] = {"security_id": pl.Int64, "reference": pl.String, "etf_type": pl.String}
"""The ETFs to compare, each with its own reference and its class, null without one."""


CORRELATION_SCHEMA: dict[str, type[pl.DataType]] = {
    "session": pl.Date,
    "security_id": pl.Int64,
    "ticker": pl.String,
    "reference": pl.String,
    "sessions": pl.Int16,
    "correlation": pl.Float64,
}
"""One value: `sessions` is the window's length, `session` its last session; `correlation` is -1 to 1, never null."""


@dataclass(frozen=True, slots=True)
class Published:
    """The value that was published last, and its session."""

    session: date
    correlation: float


def rolling_correlations(series: Floats, references: Floats, window: int) -> Floats:
    """Pearson's correlation of every series with every reference over each window.

    The correlation is NaN for a window in which either series has a missing value (NaN) or does not move. A shorter
    sample under the same name would be another quantity.

    Args:
        series: returns, shape (n, t).
        references: returns on the same sessions, shape (r, t).
        window: length of a window in sessions, at least 2.

    Returns:
        Shape (n, r, t), each value at its window's last session; the first window - 1 are NaN.
    """
    lengths = series.shape[1]
    result = np.full((series.shape[0], references.shape[0], lengths), np.nan)
    if lengths < window:
        return result
    known = [_windows(row, window) for row in references]
    for number, row in enumerate(series):
        deviations, good = _windows(row, window)
        for place, (reference, usable) in enumerate(known):
            products = np.einsum("tk,tk->t", deviations, reference)
            result[number, place, window - 1 :] = np.where(good & usable, products.clip(-1, 1), np.nan)
    return result


def _windows(row: Floats, window: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Deviations from each window's mean, scaled to length 1, shape (t - window + 1, window); and usable windows."""
    absent = np.isnan(row)
    filled = np.where(absent, 0.0, row)
    changes = np.concatenate(([False], filled[1:] != filled[:-1]))
    # Counts are whole numbers, so rounding never decides whether a window moves.
    missing = _counts(absent, window)
    moves = _counts(changes, window) - changes[: len(row) - window + 1]
    views = np.lib.stride_tricks.sliding_window_view(filled, window)
    deviations = views - views.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("tk,tk->t", deviations, deviations))
    good = (missing == 0) & (moves > 0) & (lengths > 0)
    deviations /= np.where(good, lengths, 1.0)[:, None]
    return deviations, good


def _counts(flags: NDArray[np.bool_], window: int) -> NDArray[np.int64]:
    total = np.concatenate(([0], np.cumsum(flags, dtype=np.int64)))
    return total[window:] - total[:-window]


def correlate_funds(
    closes: pl.DataFrame, payouts: pl.DataFrame, funds: pl.DataFrame, sessions: Sequence[date], *, first: date
) -> pl.DataFrame:
    """All correlations of ETFs from a session on.

    Args:
        closes: `CLOSE_SCHEMA` of the ETFs and of their references. The last holder of a reference's ticker is the
            reference.
        payouts: `PAYOUT_SCHEMA`.
        funds: `FUND_SCHEMA`.
        sessions: sessions of the calendar, ascending: those asked for, and `max(WINDOWS)` before them.
        first: the first session asked for.

    Returns:
        `CORRELATION_SCHEMA`, ordered by session, security, reference and window; without rows for windows without
        a value, and for an ETF that is the reference itself.
    """
    holders = dict(closes.sort("session").group_by("ticker").agg(pl.col("security_id").last()).iter_rows())
    wanted = [*REFERENCES, *sorted(set(funds["reference"].drop_nulls()) - set(REFERENCES))]
    names = [name for name in wanted if name in holders]
    securities, returns = total_returns(closes, payouts, sessions)
    asked = sum(day >= first for day in sessions)
    if not names or not asked:
        return pl.DataFrame(schema=CORRELATION_SCHEMA)
    row_of = {security: row for row, security in enumerate(securities)}
    own = {fund: reference for fund, reference, *_ in funds.iter_rows() if fund in row_of}
    frames = []
    for window in WINDOWS:
        recent = returns[:, max(0, len(sessions) - asked - window + 1) :]
        for name in names:
            pair = [fund for fund, reference in own.items() if name in (*REFERENCES, reference)]
            pair = [fund for fund in pair if fund != holders[name]]
            rows = recent[[row_of[fund] for fund in pair]]
            values = rolling_correlations(rows, recent[[row_of[holders[name]]]], window)[:, 0, -asked:]
            frames.append(
                pl.DataFrame(
                    {
                        "session": list(sessions[-asked:]) * len(pair),
                        "security_id": np.repeat(np.array(pair, dtype=np.int64), asked),
                        "correlation": values.reshape(-1),
                    },
                    schema_overrides={"session": pl.Date},
                ).with_columns(reference=pl.lit(name), sessions=pl.lit(window, pl.Int16))
            )
    return (
        pl.concat(frames)
        .filter(pl.col("correlation").is_not_nan())
        .join(closes.select("security_id", "session", "ticker"), on=["security_id", "session"])
        .select(list(CORRELATION_SCHEMA))
        .sort("session", "security_id", "reference", "sessions")
    )


def why_none(closes: pl.DataFrame, funds: pl.DataFrame, sessions: Sequence[date]) -> str:
    """Why no correlation has a value, in words: what is missing first.

    Args:
        closes: `CLOSE_SCHEMA`, as `correlate_funds` had them.
        funds: `FUND_SCHEMA`.
        sessions: as `correlate_funds` had them.
    """
    if funds.is_empty():
        return "no ETF is known: materialise reference/symbols and reference/etf_profiles"
    stored = closes.filter(pl.col("security_id").is_in(funds["security_id"].implode()))
    if stored.is_empty():
        return f"no ETF has a bar from {sessions[0]} to {sessions[-1]}"
    wanted = {*REFERENCES, *funds["reference"].drop_nulls()}
    if lacking := [name for name in REFERENCES if name not in set(closes["ticker"])]:
        more = ", ".join(sorted(wanted & set(closes["ticker"]))) or "none"
        return f"no bar of {' and '.join(lacking)}, with which every ETF is compared (references with bars: {more})"
    longest = max(stored.group_by("security_id").len()["len"].to_list())
    return (
        f"no window of {min(WINDOWS)} sessions is whole: the longest history of an ETF has {longest} of the last "
        f"{len(sessions)} sessions"
    )


def worth_publishing(
    values: pl.DataFrame, published: Mapping[tuple[int, str, int], Published], step: float = STEP
) -> list[tuple[dict[str, Any], float | None]]:
    """The values to publish, each with the value published last (None if it is the first).

    Only the newest value of an ETF, a reference and a window can be published, and only if it is not older than the one
    published last: a backfill of past years fills the table and publishes nothing.

    Args:
        values: `CORRELATION_SCHEMA`.
        published: the values published last, by security, reference and window.
        step: how far a value must have moved.
    """
    keys = ["security_id", "reference", "sessions"]
    newest = values.sort("session").unique(keys, keep="last", maintain_order=True).sort("ticker", *keys[1:])
    found: list[tuple[dict[str, Any], float | None]] = []
    for row in newest.iter_rows(named=True):
        last = published.get((row["security_id"], row["reference"], row["sessions"]))
        if last is None:
            found.append((row, None))
        elif row["session"] >= last.session and abs(row["correlation"] - last.correlation) > step:
            found.append((row, last.correlation))
    return found
