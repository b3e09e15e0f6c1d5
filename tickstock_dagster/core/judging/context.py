"""What is usual for each bar: of its security, of its sector and market on the session, and of its neighbours.

Everything is measured from the sessions before, in the terms of one day (`core.judging.action_basis`), and by medians,
so that one odd row among them moves nothing. Rows that are known to be wrong count for nothing.

Columns that `with_context` adds, returns as logarithms:

| column | what it is |
|---|---|
| `number` | how many bars of the security there are before this one |
| `last_close` | the good close before, actions allowed for |
| `move`, `gap`, `span` | close and open against it; high against low |
| `usual_rate` | median volume a minute of the 20 bars before, in the security's first shares |
| `busy` | volume a minute against it |
| `thin` | whether so little is usual that a volume says nothing |
| `market_move`, `market_busy` | medians of the session's liquid securities: of the sector where enough of it traded |
| `all_move` | the same of moves, of the whole market |
| `own_move` | the move without the market's |
| `usual_move` | the security's own usual size of that: the larger of 60 and of 10 sessions' |
| `stress`, `span_stress` | how much larger than usual such sizes, and spans, were in the whole market; at least 1 |
| `usual_span`, `span_ratio` | median span of 60 sessions; the span against it |
| `habit` | dispersion of `busy` over 120 sessions; at least 0.3 |
| `silent_before` | sessions without a trade among the sixty before |
| `recent` | the largest `busy` of the three sessions before |
| `sigmas`, `gap_sigmas` | own move and gap against the usual move |
| `turnover` | dollars traded against the usual ones |
| `next_open`, `next_close` | of the bar after, actions allowed for; null on the evening itself |
| `before_move` | the move of the bar before |
| `information` | the largest of `sigmas`, `gap_sigmas` and 1.5 × `span_ratio`: what makes people trade |
"""

from collections.abc import Sequence

import bottleneck as bn
import numpy as np
import polars as pl

from tickstock_dagster.core.loading.coverage import THIN_MEDIAN_VOLUME

USUAL_SESSIONS, LEAST_SESSIONS = 20, 5
"""Bars behind a usual volume, and how many it takes at least."""

MOVE_SESSIONS, RECENT_MOVES, LEAST_MOVES = 60, 10, 10
"""Bars behind a usual move and span; the fewer that follow a change of regime; how many it takes at least."""

HABIT_SESSIONS, AFTER_SPIKE = 60, 3

PEERS, SECTOR_PEERS = 30, 8
"""Fewer liquid securities on a session are no market, and no sector."""

_LEAST_MOVE, _UNKNOWN_MOVE, _LEAST_SPAN = 0.003, 0.02, 0.002
_LEAST_HABIT, _UNKNOWN_HABIT = 0.3, 0.5
_MOST_STRESS = 4.0
_FEW_TICKS = 2.5
_MAD = 1.4826  # × the median of absolute values: the standard deviation of a normal distribution
_MEAN_ABS = 1.2533  # × the mean of absolute values: the same

_OF_SESSION = ["all_move", "market_busy", "stress", "span_stress", "market_many"]


def with_context(bars: pl.DataFrame, wrong: pl.Series, whole: pl.DataFrame | None = None) -> pl.DataFrame:
    """Bars with the columns of the module's docstring.

    Args:
        bars: `core.judging.panel.PANEL_SCHEMA` with `minutes`, `full_minutes`, `sector` and
            `core.judging.action_basis.BASIS_SCHEMA`, by security and session.
        wrong: which of them count for nothing.
        whole: an earlier result with more securities, whose markets and sectors hold where `bars` are only some.
    """
    security = "security_id"
    bars = bars.with_columns(good=~wrong, number=pl.int_range(pl.len()).over(security))
    good = pl.col("good")
    traded = good & (pl.col("volume") > 0)
    bars = bars.with_columns(
        last_close=pl.when(good).then(pl.col("close")).shift().forward_fill().over(security) * pl.col("factor"),
        rate=pl.when(traded).then(pl.col("volume") * pl.col("shares") / pl.col("minutes")),
    )
    lengths = bars[security].rle().struct.field("len").to_list()
    bars = bars.with_columns(usual_rate=_usual(bars["rate"], lengths, USUAL_SESSIONS, LEAST_SESSIONS))
    usual_shares = pl.col("usual_rate") / pl.col("shares") * pl.col("full_minutes")
    bars = bars.with_columns(
        move=(pl.col("close") / pl.col("last_close")).log(),
        gap=(pl.col("open") / pl.col("last_close")).log(),
        span=pl.when(good).then((pl.col("high") / pl.col("low")).log()),
        busy=(pl.col("rate") / pl.col("usual_rate")).log(),
        thin=(usual_shares < THIN_MEDIAN_VOLUME).fill_null(value=True),
    )
    bars = _of_market(bars) if whole is None else _as_before(bars, whole)
    bars = bars.with_columns(own_move=pl.when(good).then(pl.col("move") - pl.col("market_move")))
    slow = _MAD * _usual(bars["own_move"].abs(), lengths, MOVE_SESSIONS, LEAST_MOVES)
    spread = pl.col("busy").clip(-3, 3).shift().rolling_std(HABIT_SESSIONS, min_samples=LEAST_MOVES).over(security)
    silent = (pl.col("volume") == 0).cast(pl.Int32).shift().rolling_sum(HABIT_SESSIONS, min_samples=1).over(security)
    bars = bars.with_columns(
        slow_move=slow.fill_null(_UNKNOWN_MOVE).clip(_LEAST_MOVE),
        usual_span=_usual(bars["span"], lengths, MOVE_SESSIONS, LEAST_MOVES).clip(_LEAST_SPAN),
        silent_before=silent.fill_null(0),
        habit=spread.fill_null(_UNKNOWN_HABIT).clip(_LEAST_HABIT),
        recent=_before("busy").rolling_max(AFTER_SPIKE, min_samples=1).over(security).fill_null(0.0),
    )
    bounded = pl.min_horizontal(pl.col("own_move").abs(), 4 * pl.col("slow_move"))
    fast = _MEAN_ABS * bounded.shift().rolling_mean(RECENT_MOVES, min_samples=RECENT_MOVES // 2).over(security)
    bars = bars.with_columns(
        usual_move=pl.max_horizontal("slow_move", fast),
        span_ratio=(pl.col("high") / pl.col("low")).log() / pl.col("usual_span"),
    )
    if whole is None:
        bars = _of_stress(bars)
    return bars.with_columns(
        sigmas=pl.col("own_move").abs() / pl.col("usual_move"),
        gap_sigmas=(pl.col("gap") - pl.col("market_move")).abs() / pl.col("usual_move"),
        turnover=pl.col("busy").exp() * (pl.col("close") / pl.col("last_close")),
        next_open=_after("open"),
        next_close=_after("close"),
        before_move=_before("move").over(security),
    ).with_columns(
        information=pl.max_horizontal("sigmas", "gap_sigmas", 1.5 * pl.col("span_ratio")).fill_null(0.0),
    )


def beyond_ticks(distance: pl.Expr) -> pl.Expr:
    """Whether a distance in currency is more than a tick or two: of a price of five cents one tick is a fifth.

    The tick is a cent where all four prices are whole cents, else a hundredth of it.
    """
    cents = (pl.col(name) * 100 for name in ("open", "high", "low", "close"))
    whole = pl.all_horizontal((cent - cent.round()).abs() < 1e-6 for cent in cents)
    return distance > _FEW_TICKS * pl.when(whole).then(0.01).otherwise(0.0001)


def _usual(values: pl.Series, lengths: Sequence[int], bars: int, least: int) -> pl.Series:
    """The median of some bars before each, of one security; null where fewer than `least` of them have a value.

    Args:
        values: by security.
        lengths: how many bars each security has, in their order.
        bars: how many bars before.
        least: how many values it takes.
    """
    numbers = values.to_numpy()  # NaN where null
    medians, begin = np.full(numbers.size, np.nan), 0
    for length in lengths:
        end = begin + length
        if length > least:
            window = min(bars, length - 1)
            medians[begin + 1 : end] = bn.move_median(numbers[begin : end - 1], window, min_count=least)
        begin = end
    return pl.Series(values.name, medians).fill_nan(None)


def _before(name: str) -> pl.Expr:
    return pl.col(name).shift()


def _after(name: str) -> pl.Expr:
    """A price of the next bar, actions allowed for; null where that bar counts for nothing."""
    price = pl.when(pl.col("good")).then(pl.col(name)) / pl.col("factor")
    return price.shift(-1).over("security_id")


def _of_market(bars: pl.DataFrame) -> pl.DataFrame:
    """Medians of each session's liquid securities; 0 where they are too few, for a sector: the market's."""
    liquid = pl.col("good") & ~pl.col("thin")
    known = bars.filter(liquid)
    market = known.group_by("session").agg(
        pl.col("move").median().alias("all_move"), pl.col("busy").median().alias("market_busy"), pl.len().alias("peers")
    )
    enough = pl.col("peers") >= PEERS
    market = market.select(
        "session",
        pl.when(enough).then(pl.col("all_move")).fill_null(0.0),
        pl.when(enough).then(pl.col("market_busy")).fill_null(0.0),
        market_many=enough,
    )
    sector = known.filter(pl.col("sector").is_not_null()).group_by("session", "sector").agg(
        pl.when(pl.len() >= SECTOR_PEERS).then(pl.col("move").median()).alias("sector_move")
    )  # fmt: skip
    return (
        bars.join(market, on="session", how="left", maintain_order="left")
        .join(sector, on=["session", "sector"], how="left", maintain_order="left")
        .with_columns(
            pl.col("market_busy").fill_null(0.0),
            market_move=pl.coalesce("sector_move", "all_move", pl.lit(0.0)),
            market_many=pl.col("market_many").fill_null(value=False),
        )
        .drop("sector_move")
    )


def _of_stress(bars: pl.DataFrame) -> pl.DataFrame:
    """How much larger than usual the moves and spans of each session were; 1 where too few tell."""
    sizes = (
        bars.filter(pl.col("good") & ~pl.col("thin") & pl.col("market_many"))
        .group_by("session")
        .agg(
            (pl.col("own_move").abs() / pl.col("slow_move")).median().alias("stress") / 0.6745,
            pl.col("span_ratio").median().alias("span_stress"),
        )
    )
    return bars.join(sizes, on="session", how="left", maintain_order="left").with_columns(
        pl.col("stress").fill_null(1.0).clip(1.0, _MOST_STRESS), pl.col("span_stress").fill_null(1.0).clip(1.0)
    )


def _as_before(bars: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """The medians of sessions that `whole` has; they hardly depend on the rows that were found to be wrong."""
    columns = ["security_id", "session", "market_move", *_OF_SESSION]
    return bars.join(whole.select(columns), on=["security_id", "session"], how="left", maintain_order="left")
