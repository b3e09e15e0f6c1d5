"""The rules of prices and volumes as they were before there were findings: what findings are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from tickstock_dagster.core.actions.returns import action_factor, in_order
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.known_days import special_session
from tickstock_dagster.core.loading.coverage import THIN_MEDIAN_VOLUME

PRICE_LIMIT = 0.20
"""A close that differs from the expected one by more than this share is an anomaly."""

VOLUME_SPIKE = 5.0
"""Multiple of the expected volume; more is an anomaly."""

VOLUME_DROUGHT = 0.2
"""Multiple of the expected volume; less is an anomaly."""

USUAL_SESSIONS = 20
"""Sessions before the checked one that give the usual volume."""

LEAST_SESSIONS = 5
"""With fewer prints among those sessions there is no usual volume."""

RECENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "close": pl.Float64,
    "volume": pl.Int64,
}
"""Printed bars, raw: prices in currency units per share, volumes in shares."""

MOVE_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "last_session": pl.Date,
    "last_close": pl.Float64,
    "close": pl.Float64,
    "move": pl.Float64,
}
"""A close and the previous one, both in prices of the session; `move` = close / last_close − 1."""

VOLUME_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "volume": pl.Int64,
    "expected": pl.Float64,
    "ratio": pl.Float64,
}
"""A volume and the expected one, in shares; `ratio` = volume / expected."""


@dataclass(frozen=True, slots=True)
class EvaluatedMove:
    """A move beyond the limit, with what decides whether it is an anomaly.

    Attributes:
        ticker: as printed on the session.
        last_session: session of the previous print.
        last_close: its close, in prices of the session.
        close: the session's close.
        fair_value: the estimated close, where the close is compared with it; else None.
        off: the close's distance from the fair value, or from the last close without one, as a share of it.
    """

    ticker: str
    last_session: date
    last_close: float
    close: float
    fair_value: float | None
    off: float

    @property
    def is_anomaly(self) -> bool:
        """Whether the close is an anomaly; otherwise the fair value excuses it."""
        return abs(self.off) > PRICE_LIMIT


def large_moves(bars: pl.DataFrame, payouts: pl.DataFrame, session: date) -> pl.DataFrame:
    """Moves to a session's closes beyond the limit, the largest first, as `MOVE_SCHEMA`.

    Args:
        bars: `RECENT_SCHEMA`: printed bars of the session and of those before it.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`, actions as known now.
        session: the checked one; securities without a bar on it, or before it, have no move.
    """
    before = (
        bars.filter(pl.col("session") < session)
        .sort("security_id", "session")
        .group_by("security_id", maintain_order=True)
        .agg(pl.col("session").last().alias("last_session"), pl.col("close").last().alias("last_close"))
    )
    moves = bars.filter(pl.col("session") == session).join(before, on="security_id")
    due = payouts.join(moves.select("security_id", "last_session", "last_close"), on="security_id").filter(
        (pl.col("ex_date") > pl.col("last_session")) & (pl.col("ex_date") <= session)
    )
    factors = {
        int(str(security)): action_factor(
            rows["last_close"][0], rows.select("split_ratio", "cash", "close_before").iter_rows()
        )
        for (security,), rows in in_order(due).group_by("security_id", maintain_order=True)
    }
    return (
        moves.with_columns(factor=pl.col("security_id").replace_strict(factors, default=1.0, return_dtype=pl.Float64))
        .with_columns(last_close=pl.col("last_close") * pl.col("factor"))
        .with_columns(move=pl.col("close") / pl.col("last_close") - 1)
        .filter(pl.col("move").abs() > PRICE_LIMIT)
        .sort(pl.col("move").abs(), "ticker", descending=[True, False])
        .select(list(MOVE_SCHEMA))
    )


def needs_fair_value(moves: pl.DataFrame, calendar: SessionCalendar, session: date) -> pl.DataFrame:
    """The moves (`MOVE_SCHEMA`) to compare with the fair value, by the rules in the module's docstring."""
    if special_session(calendar, session):
        return moves
    return moves.filter(pl.col("last_session") < calendar.previous_session(session))


def evaluate_moves(moves: pl.DataFrame, values: Mapping[int, float]) -> list[EvaluatedMove]:
    """Each of the moves (`MOVE_SCHEMA`), compared with its security's fair value where there is one; same order."""
    evaluated = []
    for security, ticker, last_session, last_close, close, move in moves.select(list(MOVE_SCHEMA)).iter_rows():
        value = values.get(security)
        off = close / value - 1 if value else move
        evaluated.append(EvaluatedMove(ticker, last_session, last_close, close, value or None, off))
    return evaluated


def odd_volumes(
    bars: pl.DataFrame, payouts: pl.DataFrame, minutes: Mapping[date, float], session: date
) -> pl.DataFrame:
    """Volumes of a session that are a spike or a drought, the furthest from the expected first, as `VOLUME_SCHEMA`.

    Args:
        bars: `RECENT_SCHEMA`: printed bars of the session and of those before it.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`: a split changes how many shares a trade of the same size has.
        minutes: trading minutes by session, for every session of `bars`.
        session: the checked one.
    """
    splits = payouts.filter(pl.col("split_ratio").is_not_null() & (pl.col("ex_date") <= session))
    ratios = (
        bars.join(splits, on="security_id")
        .filter(pl.col("session") < pl.col("ex_date"))
        .group_by("security_id", "session")
        .agg(pl.col("split_ratio").product())
    )
    length = pl.DataFrame(list(minutes.items()), schema={"session": pl.Date, "minutes": pl.Float64}, orient="row")
    rates = (
        bars.join(ratios, on=["security_id", "session"], how="left")
        .join(length, on="session")
        .with_columns(rate=pl.col("volume") / pl.col("split_ratio").fill_null(1.0) / pl.col("minutes"))
    )
    usual = (
        rates.filter(pl.col("session") < session)
        .group_by("security_id")
        .agg(pl.col("rate").median().alias("usual"), pl.len().alias("sessions"))
        .filter(pl.col("sessions") >= LEAST_SESSIONS)
    )
    full = max(minutes.values(), default=0.0)
    ratio = pl.col("ratio")
    return (
        rates.filter(pl.col("session") == session)
        .join(usual, on="security_id")
        .filter(pl.col("usual") * full >= THIN_MEDIAN_VOLUME)
        .with_columns(expected=pl.col("usual") * pl.col("minutes"))
        .with_columns(ratio=pl.col("volume") / pl.col("expected"))
        .filter((ratio > VOLUME_SPIKE) | (ratio < VOLUME_DROUGHT))
        # A tenth of the expected volume is as far off as ten times the expected volume.
        .sort(pl.max_horizontal(ratio, 1 / ratio), "ticker", descending=[True, False])
        .select(list(VOLUME_SCHEMA))
    )
