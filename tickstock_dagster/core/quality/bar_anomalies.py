"""Prices and volumes of one session that are out of the ordinary, and what a half day or a holiday excuses.

Price: the close against the last one before, in prices of the session (splits and cash dividends taken out), is out of
the ordinary beyond `PRICE_LIMIT`. That asks for two closes of ordinary sessions, one session apart. On an early close,
on the session after a holiday, and where the last print is older than the session before, such a move is judged by the
fair value instead: the close is compared with what `core.valuation.fair_value` would have said of the session, had
nothing been printed. A fund that went the way of its reference over a long weekend is no alarm then, one that went
alone still is.

Volume: against the median of the last sessions, each per minute of trading, times the minutes of the session: half a
day is not owed a whole day's shares. Names that trade thinly on any day have no usual volume, and are left out.

Reading bars belongs in `adapters.quality.bar_anomalies`; fair market values are never taken for closes here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import price_factors
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import THIN_MEDIAN_VOLUME

PRICE_LIMIT = 0.20
"""A close further than this share from what was expected is out of the ordinary."""

VOLUME_SPIKE = 5.0
"""Times the expected volume; more is out of the ordinary."""

VOLUME_DROUGHT = 0.2
"""Times the expected volume; less is out of the ordinary."""

USUAL_SESSIONS = 20
"""Sessions before the judged one that are looked at."""

LEAST_SESSIONS = 5
"""With fewer printed sessions among them there is no usual volume."""

_SATURDAY = 5

RECENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "close": pl.Float64,
    "volume": pl.Int64,
}
"""Printed bars, raw: currency units per share, and shares."""

MOVE_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "last_session": pl.Date,
    "last_close": pl.Float64,
    "close": pl.Float64,
    "move": pl.Float64,
}
"""A close and the last one before it, in prices of the session; `move` = close / last_close − 1."""

VOLUME_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "volume": pl.Int64,
    "expected": pl.Float64,
    "ratio": pl.Float64,
}
"""A volume and what was expected of the session, in shares; `ratio` = volume / expected."""


@dataclass(frozen=True, slots=True)
class EvaluatedMove:
    """A move beyond the limit, and whether it stands.

    Attributes:
        ticker: as printed on the session.
        last_session: session of the last print before.
        last_close: its close, in prices of the session.
        close: the session's.
        fair_value: what the session's close was thought to be, where that is what counts; else None.
        off: how far the close is from what it is judged by, as a share of that.
    """

    ticker: str
    last_session: date
    last_close: float
    close: float
    fair_value: float | None
    off: float

    @property
    def is_anomaly(self) -> bool:
        """Whether the close is out of the ordinary; else the fair value excuses it."""
        return abs(self.off) > PRICE_LIMIT


def special_session(calendar: SessionCalendar, session: date) -> str:
    """Why a session's closes are no ordinary ones, in words: an early close, or a holiday just before; else empty."""
    if calendar.is_early_close(session):
        return f"closes early, at {calendar.closes_at(session).astimezone(calendar.timezone):%H:%M %Z}"
    before = calendar.previous_session(session)
    between = [before + timedelta(days=n) for n in range(1, (session - before).days)]
    holidays = [day for day in between if day.weekday() < _SATURDAY]
    return f"follows {holidays[-1]}, on which nothing traded" if holidays else ""


def large_moves(bars: pl.DataFrame, payouts: pl.DataFrame, session: date) -> pl.DataFrame:
    """Moves to a session's closes beyond the limit, the largest first, as `MOVE_SCHEMA`.

    Args:
        bars: `RECENT_SCHEMA`: printed bars of the session and of those before it.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`, actions as known now.
        session: the judged one; securities without a bar of it, or before it, have no move.
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
    factors: dict[int, float] = {}
    for (security,), rows in due.sort("ex_date").group_by("security_id", maintain_order=True):
        prices = np.array([rows["last_close"][0], np.nan])
        factors[int(str(security))] = float(
            price_factors(prices, [(1, ratio, cash) for ratio, cash in rows.select("split_ratio", "cash").iter_rows()])[
                1
            ]
        )
    return (
        moves.with_columns(factor=pl.col("security_id").replace_strict(factors, default=1.0, return_dtype=pl.Float64))
        .with_columns(last_close=pl.col("last_close") * pl.col("factor"))
        .with_columns(move=pl.col("close") / pl.col("last_close") - 1)
        .filter(pl.col("move").abs() > PRICE_LIMIT)
        .sort(pl.col("move").abs(), "ticker", descending=[True, False])
        .select(list(MOVE_SCHEMA))
    )


def needs_fair_value(moves: pl.DataFrame, calendar: SessionCalendar, session: date) -> pl.DataFrame:
    """Those of the moves (`MOVE_SCHEMA`) that are judged by the fair value, as the module's docstring says."""
    if special_session(calendar, session):
        return moves
    return moves.filter(pl.col("last_session") < calendar.previous_session(session))


def evaluate_moves(moves: pl.DataFrame, values: Mapping[int, float]) -> list[EvaluatedMove]:
    """Each of the moves (`MOVE_SCHEMA`), judged by the fair value of its security where there is one; same order."""
    judged = []
    for security, ticker, last_session, last_close, close, move in moves.select(list(MOVE_SCHEMA)).iter_rows():
        value = values.get(security)
        off = close / value - 1 if value else move
        judged.append(EvaluatedMove(ticker, last_session, last_close, close, value or None, off))
    return judged


def odd_volumes(
    bars: pl.DataFrame, payouts: pl.DataFrame, minutes: Mapping[date, float], session: date
) -> pl.DataFrame:
    """Volumes of a session that are a spike or a drought, the furthest from what was expected first: `VOLUME_SCHEMA`.

    Args:
        bars: `RECENT_SCHEMA`: printed bars of the session and of those before it.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`: after a split the same trade is more shares.
        minutes: trading minutes by session, of every session of `bars`.
        session: the judged one.
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
        # A tenth of the usual is as far off as ten times as much.
        .sort(pl.max_horizontal(ratio, 1 / ratio), "ticker", descending=[True, False])
        .select(list(VOLUME_SCHEMA))
    )


def session_minutes(calendar: SessionCalendar, days: Sequence[date]) -> dict[date, float]:
    """Minutes of trading, less the break, of every session from the first to the last of some days, ascending."""
    minutes = {}
    for day in calendar.session_hours(days[0], days[-1]):
        traded = day.closes_at - day.opens_at
        if day.break_start and day.break_end:
            traded -= day.break_end - day.break_start
        minutes[day.session] = traded.total_seconds() / 60
    return minutes
