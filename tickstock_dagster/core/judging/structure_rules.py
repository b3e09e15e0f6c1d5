"""Rules about bars that contradict themselves, or their neighbours, whatever the market does.

`broken` comes first: what is measured from a bar needs its fields in order. Reading bars belongs in `adapters.quality`.

Longer than 250 lines because every rule is one function, its causes in words are most of it, and the rules share what
counts as quiet, as calm and as newly listed.
"""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from tickstock_dagster.core.judging.action_basis import RATIOS, near_ratio, ratio_words
from tickstock_dagster.core.judging.context import HABIT_SESSIONS, USUAL_SESSIONS, beyond_ticks
from tickstock_dagster.core.judging.fair_moves import with_market_legs
from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.judging.found import Found, choose, vendor_call
from tickstock_dagster.core.judging.panel import JUMP, SHORT_SCALE
from tickstock_dagster.core.judging.thresholds import Limits

CALM = 2.0
"""Spans up to so many times the usual ones, all over the market, are those of a calm session."""

_ROUNDED = 1e-3  # share by which a price that was divided may miss what it was before
_WICK_OF_SPAN, _WICK_OF_USUAL, _WICK_OF_RANGE = 0.8, 4.0, 0.75
_LONE_LEAST, _LONE_SURE, _FITS, _QUIET = 0.03, 0.1, 0.35, math.log(2.5)
_LN10 = math.log(10)
_FIRST_OF_RUN = 5  # bars of a level against which what is usual has not changed with it
_ACTED = 1.0  # logarithm of an action's factor that makes a level
_SAME_SHARES, _HUGE_VOLUME = 0.9, math.log(20)
_LEAST_LIKELY, _MOST_LIKELY, _UNKNOWN_LIKELY, _KNOWN_FROM = 0.02, 0.95, 0.3, 60

NEWLY_LISTED = 5
"""Bars of a listing in which any price may be found."""

BARS_CALL = "/v2/aggs/ticker/{ticker}/range/1/day/{session}/{session}?adjusted=false"


def with_broken(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars with `broken`: in words what contradicts what in a bar's own fields; null where nothing does."""
    names = ("open", "high", "low", "close")
    opened, high, low, close = map(pl.col, names)
    missing = _named({name: pl.col(name).is_null() | pl.col(name).is_nan() for name in names})
    infinite = _named({name: pl.col(name).is_infinite() for name in names})
    negative = _named({name: pl.col(name) <= 0 for name in names})
    return bars.with_columns(
        broken=pl.when(missing != "")
        .then(pl.format("a price is missing: {}", missing))
        .when(infinite != "")
        .then(pl.format("a price is not finite: {}", infinite))
        .when(negative != "")
        .then(pl.format("a price is not positive: {}", negative))
        .when(high < low)
        .then(pl.lit("the high is below the low"))
        .when((opened > high) | (opened < low))
        .then(pl.lit("the open is outside of low and high"))
        .when((close > high) | (close < low))
        .then(pl.lit("the close is outside of low and high"))
        .when(pl.col("volume").is_null() | pl.col("volume").is_nan())
        .then(pl.lit("the volume is missing"))
        .when(pl.col("volume").is_infinite())
        .then(pl.lit("the volume is not finite"))
        .when(pl.col("volume") < 0)
        .then(pl.lit("the volume is negative"))
    )


def _named(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """The names of the fields of which something holds, separated by commas; empty where it holds of none."""
    words = [pl.when(holds.fill_null(value=False)).then(pl.lit(name)) for name, holds in fields.items()]
    return pl.concat_str(words, separator=", ", ignore_nulls=True)


def bar_order(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """Fields that contradict one another; an open or close off by n:1 has, or lacks, a split that the others have not.

    It is off by n:1 where it lies between low and high once it is multiplied or divided by n. Which side has the split
    is that which does not fit the close before.
    """
    broken = bars.filter(pl.col("broken").is_not_null())
    middle = (pl.col("high") * pl.col("low")).sqrt()
    field = choose(
        [(pl.col("broken").str.starts_with(f"the {name} is outside"), pl.col(name)) for name in ("close", "open")],
        pl.lit(None, dtype=pl.Float64),
    )
    broken = broken.with_columns(field=field, off=(field / middle).log(), tolerance=limits("split_tolerance"))
    broken = broken.with_columns(near_ratio(broken["off"], broken["tolerance"]))
    # A split that is known to be near may be met by any price of the bar, and no other is believed beside it.
    known = pl.max_horizontal("near_split", 1 / pl.col("near_split"))
    broken = broken.with_columns(ratio=pl.coalesce(known, pl.when(pl.col("ratio").is_in(RATIOS)).then("ratio")))
    times = pl.when(pl.col("off") < 0).then(pl.col("ratio")).otherwise(1 / pl.col("ratio"))
    met = (pl.col("field") * times).is_between(pl.col("low") * (1 - _ROUNDED), pl.col("high") * (1 + _ROUNDED))
    of_known, against = pl.col("near_split").is_not_null(), pl.col("last_close").log()
    fits = (middle.log() - against).abs() <= (pl.col("field").log() - against).abs()
    # Shares become more by most splits, and prices less.
    applied = (pl.col("off") < 0) == (pl.col("near_split").fill_null(2.0) >= 1)
    which = choose(
        [
            (fits & applied, pl.lit("applied to it alone")),
            (fits, pl.lit("applied to the other prices and not to it")),
            (~fits & ~applied, pl.lit("applied to the other prices alone")),
            (~fits, pl.lit("applied to it and not to the other prices")),
        ],
        pl.lit("applied to a part of its prices"),
    )
    split = choose(
        [(of_known, pl.format("the split of {} is", pl.col("near_split_on").cast(pl.String).fill_null("")))],
        pl.lit("as if a split were"),
    )
    ratio = pl.coalesce(ratio_words(pl.col("ratio")), pl.format("{}:1", pl.col("ratio").round(4).cast(pl.String)))
    half = pl.format("{}, by {}: {} {}", "broken", ratio, split, which)
    found.add(
        "bar_order",
        broken,
        verdict=Verdict.WRONG,
        cause=pl.when(met.fill_null(value=False)).then(half).otherwise(pl.col("broken")),
        value=pl.col("off").abs().exp() - 1,
        threshold=pl.lit(0.0),
        evidence=["last_close", "refused"],
        would_change="another answer of the vendor, whose fields agree",
        settled_by=vendor_call(BARS_CALL),
        severity=Severity.ERROR,
    )


def _levels(bars: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Bars whose fields are in order, with the run of bars on one level of prices that each belongs to.

    Returns:
        Further columns: `run`, `rows` (how many bars it has), `place` in it, `since` (its first session), `last_close`
        (before it), `run_busy` (volume against the usual one, of its first bars), `opens` (whether it is the security's
        first), `step_power` (powers of ten from the level before), `usual` (whether most bars are on its level),
        `released_on` (session of the last bar of it, up to this one, that a person released), `acted` (whether
        an action begins or ends it).
    """
    of = "security_id"
    # Bars that are left out may be those with which an action took effect.
    level = pl.col("factor").log().cum_sum().over(of)
    held = bars.with_columns(level=level).filter(pl.col("broken").is_null()).with_columns(
        middle=sum((pl.col(name).log() for name in ("open", "high", "low", "close")), pl.lit(0.0)) / 4 - pl.col("level")
    )  # fmt: skip
    held = held.with_columns(next_factor=pl.col("factor").shift(-1).over(of))
    held = held.with_columns(step=pl.col("middle") - pl.col("middle").shift().over(of))
    held = held.with_columns(near=pl.max_horizontal(limits("scale"), 5 * pl.col("slow_move")))
    held = held.with_columns(power=_powers(held)).with_columns(run=pl.struct(of, "power").rle_id())
    return held.with_columns(
        rows=pl.len().over("run"),
        place=pl.int_range(pl.len()).over("run"),
        since=pl.col("session").first().over("run"),
        last_close=pl.col("last_close").first().over("run"),
        run_busy=pl.col("busy").head(_FIRST_OF_RUN).median().over("run"),
        opens=pl.col("run") == pl.col("run").first().over(of),
        step_power=(pl.col("step").first().over("run") / _LN10),
        on_level=pl.len().over(of, "power"),
        released_on=pl.when("released").then(pl.col("session")).forward_fill().over("run"),
        acted=pl.max_horizontal(
            pl.col("factor").first().over("run").log().abs(), pl.col("next_factor").last().over("run").log().abs()
        )
        > _ACTED,
    ).with_columns(usual=pl.col("on_level") == pl.col("on_level").max().over(of))


def _powers(bars: pl.DataFrame) -> pl.Series:
    """The level of each bar, in powers of ten of the security's first; `step` and how `near` one is to a power.

    A step to another level is near a power of ten. One back is not, where the price has moved meanwhile: what comes
    nearer to the first level than half a power of ten is on it.
    """
    powers, level, of = np.zeros(bars.height), 0, None
    large = bars.with_row_index("at").filter(pl.col("step").abs() > _LN10 / 2)
    for at, security, step, near in large.select("at", "security_id", "step", "near").iter_rows():
        level, of = (level, of) if security == of else (0, security)
        power = round(step / _LN10)
        if abs(step - power * _LN10) > near:
            power = -level if abs(level * _LN10 + step) < _LN10 / 2 else 0
        powers[at], level = power, level + power
    return bars.select("security_id", pl.Series("power", powers)).select(
        pl.col("power").cum_sum().over("security_id")
    ).to_series()  # fmt: skip


def scale_break(bars: pl.DataFrame, found: Found, limits: Limits) -> pl.DataFrame:
    """Bars that are off the security's level by a power of ten: a decimal slip, another unit, an unannounced split.

    Levels are counted along the security's bars, those that were set aside for it included. Few bars on another level
    than before and after are wrong; where the shares that traded went the other way, it is a split; a level that lasts
    may be right, and so may one on which a person has released a bar, from that bar on.

    Returns:
        (row, since): the session on which the level of each bar began; nothing of securities that never jumped.
    """
    jumped = bars.filter(pl.col("broken").is_null() & (pl.col("move").abs() > JUMP))["security_id"].unique()
    if jumped.is_empty():
        return bars.select("row", since="session").clear()
    held = _levels(bars.filter(pl.col("security_id").is_in(jumped.implode())), limits)
    short = (pl.col("rows") <= SHORT_SCALE) & ~pl.col("opens") & ~pl.col("usual")
    returns = (pl.col("place") == 0) & (pl.col("rows").shift() <= SHORT_SCALE) & ~pl.col("opens").shift()
    returns &= pl.col("power").shift() != pl.col("power")
    inverse = ((pl.col("run_busy") + pl.col("step_power") * _LN10).abs() < _SAME_SHARES) & (
        pl.col("run_busy").abs() > _SAME_SHARES
    )
    # A reverse split 1:8 or 1:12 is none of ten, however volatile the security.
    proven = pl.min_horizontal(limits("scale"), limits.defaults("scale"))
    off = (pl.col("step_power") - pl.col("step_power").round()).abs() * _LN10
    begins = (pl.col("place") == 0) & (pl.col("rows") > SHORT_SCALE)
    odd = held.with_columns(
        inverse=inverse.fill_null(value=False),
        huge=(pl.col("run_busy") > _HUGE_VOLUME).fill_null(value=False),
        unsure=(off > proven.first().over("run")).fill_null(value=False),
        lasts=begins & ~(returns & ~short),
        # What is more than it takes changes nothing.
        bars_on_level=pl.min_horizontal("rows", pl.lit(SHORT_SCALE + 1)),
    ).filter(
        ~pl.col("opens")
        & (short | begins)
        & ~(returns & ~short)
        # A split is suspected once, on its first bar; the others are on the level that it made.
        & ~(pl.col("inverse") & (pl.col("place") > 0))
    )
    exponent = pl.col("step_power").round().cast(pl.Int64)
    missing, released = pl.col("inverse") | pl.col("lasts"), pl.col("released_on").is_not_null()
    # How many there are changes from session to session, and says nothing where something else has settled it.
    counts = pl.col("lasts") | ~(pl.col("inverse") | released)
    odd = odd.with_columns(
        run_busy=pl.when(pl.col("lasts") | pl.col("inverse") | ~released).then("run_busy"),
        bars_on_level=pl.when(counts).then("bars_on_level"),
        verdict=choose(
            [
                (pl.col("inverse") | pl.col("lasts"), pl.lit(Verdict.SUSPICIOUS.value)),
                (released, pl.lit(Verdict.EXPLAINED.value)),
                # A level that an action begins or ends is one between a split and its ex-date, if they lie apart.
                (pl.any_horizontal("huge", "acted", "unsure"), pl.lit(Verdict.SUSPICIOUS.value)),
            ],
            pl.lit(Verdict.WRONG.value),
        ),
    )
    found.add(
        "scale_break",
        odd,
        verdict=pl.col("verdict"),
        cause=choose(
            [
                (
                    pl.col("inverse"),
                    pl.format("a missing split is suspected: prices changed by 10^{}, shares the other way", exponent),
                ),
                (
                    pl.col("lasts"),
                    pl.format(
                        "a level that lasts: prices changed by 10^{} for more than {} sessions; a missing split is "
                        "suspected",
                        exponent,
                        pl.lit(SHORT_SCALE),
                    ),
                ),
                (
                    pl.col("acted"),
                    pl.format(
                        "prices are off their level by 10^{} next to an action: its ex-date is doubtful", exponent
                    ),
                ),
                (released, pl.format("on the level of the bar of {} that a person released", "released_on")),
            ],
            pl.format("prices are off their level by 10^{}", exponent),
        ),
        # Up or down alike, against what is as near to the level as to a power of ten off it.
        value=(pl.col("step_power").abs() * _LN10).exp(),
        threshold=pl.lit(10**0.5),
        evidence=[
            "last_close", "run_busy", pl.col("bars_on_level").alias("rows"),
            pl.col("since").cast(pl.String), pl.col("released_on").cast(pl.String),
        ],
        would_change="a split with this ex-date, or another answer of the vendor for the session",
        settled_by=pl.when(missing).then(vendor_call(SPLITS_CALL)).otherwise(vendor_call(BARS_CALL)),
        severity=Severity.ERROR,
    )  # fmt: skip
    found.mark_wrong(odd.filter(pl.col("verdict") == Verdict.WRONG.value))
    return held.select("row", "since")


SPLITS_CALL = "/stocks/v1/splits?ticker={ticker}&execution_date={session}"


def lone_extreme(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """A high or a low far from open and close, where the rest of the market was calm.

    Wrong where it is far by all measures and little was traded of something that usually trades; what many traded at,
    and what a new listing opens with, may be a price.
    """
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    wick = pl.max_horizontal((pl.col("high") / top).log(), (bottom / pl.col("low")).log())
    usual = _WICK_OF_USUAL * pl.col("usual_span").fill_null(0.02) * pl.col("span_stress")
    odd = pl.max_horizontal((1 + limits("day_range")).log() * _WICK_OF_RANGE, usual)
    rows = bars.filter(pl.col("broken").is_null() & ~found.wrong).with_columns(wick=wick)
    rows = rows.filter((pl.col("wick") > odd) & (pl.col("wick") > _WICK_OF_SPAN * pl.col("span"))).with_columns(
        calm=pl.col("span_stress") <= CALM,
        sure=pl.col("wick") > limits("lone_extreme").log(),
        proven=(pl.col("wick") > limits.proven("lone_extreme").log())
        & _little_traded()
        & ~_new()
        & beyond_ticks(pl.max_horizontal(pl.col("high") - top, bottom - pl.col("low"))),
    )
    wrong = pl.col("calm") & pl.col("proven")
    verdict = choose(
        [
            (wrong, pl.lit(Verdict.WRONG.value)),
            (pl.col("calm") | pl.col("sure"), pl.lit(Verdict.SUSPICIOUS.value)),
        ],
        pl.lit(Verdict.EXPLAINED.value),
    )
    stressed = pl.lit("a high or low stands alone, in a market under stress")
    found.add(
        "lone_extreme",
        rows,
        verdict=verdict,
        cause=pl.when("calm").then(pl.lit("a high or low stands alone, far from open and close")).otherwise(stressed),
        value=pl.col("wick").exp(),
        # What is not wrong is compared with what makes it odd: further from the body never counts for less.
        threshold=pl.when(wrong).then(limits("lone_extreme")).otherwise(odd.exp()),
        evidence=["usual_span", "span_stress", "busy", "number"],
        would_change="minute bars, or a second source, that show trades at that price",
        settled_by=vendor_call("/v2/aggs/ticker/{ticker}/range/1/minute/{session}/{session}?adjusted=false"),
        severity=Severity.ERROR,
    )
    found.mark_wrong(rows.filter(wrong))


def _little_traded() -> pl.Expr:
    """Whether no more than usual was traded of something that trades: else a price that many met, or a wide spread."""
    return (pl.col("busy") < _QUIET).fill_null(value=True) & ~pl.col("thin")


def _new() -> pl.Expr:
    """Whether what is usual for a listing is not known yet."""
    return pl.col("number") < USUAL_SESSIONS


def lone_bar(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """A bar far from the one before and the one after, which fit one another; known once there is one after.

    Both legs are measured three ways: as they are, without the market's, and without the market's at the security's own
    beta; the shortest counts. Where an action takes effect with one of the legs, they are measured without it as well:
    an ex-date that is one session off makes a good bar stand alone.
    """
    at = pl.col("row").cast(pl.Int64) + 1
    leaves = (pl.col("next_open") / pl.col("close")).log()
    far = pl.max_horizontal(limits("lone_bar") * pl.col("usual_move"), pl.lit(_LONE_LEAST))
    fits = (pl.col("next_close") / pl.col("last_close")).log().abs()
    calm = pl.col("broken").is_null() & ~found.wrong & (pl.col("span_stress") <= CALM)
    rows = bars.filter(calm & (pl.col("gap").abs() > far))
    apart = pl.min_horizontal(pl.col("gap").abs(), leaves.abs())
    rows = rows.filter((apart > far) & (pl.col("gap").sign() == -leaves.sign()) & (fits < _FITS * apart))
    if rows.is_empty():
        return
    rows = rows.with_columns(leaves=leaves, next_factor=bars["factor"].gather(rows.select(at).to_series()))
    rows = with_market_legs(rows, bars)
    ways = [
        (pl.col("gap") - share * pl.col("market_gap"), pl.col("leaves") - share * pl.col("next_market_gap"))
        for share in (pl.lit(0.0), pl.lit(1.0), pl.col("beta"))
    ]
    ways.append((pl.col("gap") - pl.col("market_move"), pl.col("leaves")))
    rows = rows.with_columns(leg=pl.min_horizontal(_both_far(*way) for way in ways)).filter(pl.col("leg") > far)
    raw = pl.min_horizontal(
        _both_far(into + pl.col("factor").log(), out + pl.col("next_factor").log()) for into, out in ways
    )
    sure = pl.max_horizontal(limits.proven("lone_bar") * pl.col("usual_move"), pl.lit(_LONE_SURE))
    outside = pl.when(pl.col("gap") > 0).then(
        pl.col("low") > pl.max_horizontal("last_close", "next_open")
    ).otherwise(pl.col("high") < pl.min_horizontal("last_close", "next_open"))  # fmt: skip
    rows = rows.with_columns(
        quiet=_little_traded(),
        acted=raw < 0.5 * pl.col("leg"),
        new=_new(),
        large=(pl.col("leg") > sure) & outside & beyond_ticks((pl.col("open") - pl.col("last_close")).abs()),
    )
    proven = pl.col("quiet") & ~pl.col("acted") & ~pl.col("new") & pl.col("large")
    rows = _each_apart(rows.sort("row").with_columns(wrong=proven))
    wrong, listed = pl.col("wrong"), pl.col("number") < NEWLY_LISTED
    found.add(
        "lone_bar",
        rows,
        verdict=choose(
            [(wrong, pl.lit(Verdict.WRONG.value)), (listed, pl.lit(Verdict.EXPLAINED.value))],
            pl.lit(Verdict.SUSPICIOUS.value),
        ),
        cause=choose(
            [
                (wrong, pl.lit("the bar lies apart from both neighbours, which fit one another")),
                (listed, pl.lit("newly listed")),
                (pl.col("acted"), pl.lit("the ex-date of an action is one session off, it seems")),
                (
                    ~pl.col("quiet"),
                    pl.lit("the bar lies apart from both neighbours, and much was traded, or little is usual"),
                ),
            ],
            pl.lit("the bar lies apart from both neighbours, by little, or of a new listing"),
        ),
        value=pl.col("leg") / pl.col("usual_move"),
        threshold=limits("lone_bar"),
        evidence=[
            "last_close", "next_open", "next_close", "usual_move", "busy", "beta", "market_gap", "next_market_gap",
            "factor", "next_factor", "number",
        ],
        would_change="another answer of the vendor, a corrected action, or a second source with the same bar",
        settled_by=vendor_call(BARS_CALL),
        severity=Severity.ERROR,
    )  # fmt: skip
    found.mark_wrong(rows.filter(wrong))


def _both_far(into: pl.Expr, out: pl.Expr) -> pl.Expr:
    """The shorter of two legs that go opposite ways; 0 where they do not."""
    return pl.when(into.sign() == -out.sign()).then(pl.min_horizontal(into.abs(), out.abs())).otherwise(0.0)


def _each_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Lone bars without every second wrong one of bars in a row: one between two that are wrong is the right one."""
    wrong = rows.filter("wrong").select("row", "security_id")
    next_to = (pl.col("row").cast(pl.Int64).diff() == 1) & (pl.col("security_id") == pl.col("security_id").shift())
    runs = wrong.with_columns(run=(~next_to.fill_null(value=False)).cum_sum())
    second = runs.filter(pl.int_range(pl.len()).over("run") % 2 == 1)
    return rows.join(second, on="row", how="anti", maintain_order="left")


def frozen_close(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """The same close so often in a row as chance would have it in one case of many, by the security's own habit.

    Found once for each run, on the bar that makes it too long.
    """
    of = "security_id"
    same = (pl.col("close") == pl.col("close").shift().over(of)) & pl.col("broken").is_null() & (pl.col("factor") == 1)
    likely = pl.col("same").cast(pl.Float64).rolling_mean(HABIT_SESSIONS, min_samples=20).shift().over(of)
    runs = bars.select("row", of, "number", "equity_type", same=same.fill_null(value=False)).with_columns(
        block=(~pl.col("same")).cum_sum(),
        likely=pl.when(pl.col("number") >= _KNOWN_FROM).then(likely).otherwise(_UNKNOWN_LIKELY),
    )
    # A run's place is counted from the bar that it repeats.
    runs = runs.filter(pl.col("same")).with_columns(
        run=pl.int_range(1, pl.len() + 1).over("block"),
        likely=pl.col("likely").first().over("block").clip(_LEAST_LIKELY, _MOST_LIKELY),
    )
    runs = runs.with_columns(most=(limits("frozen_close").log() / pl.col("likely").log()).ceil())
    runs = runs.filter(pl.col("run") == pl.col("most")).select("row", "run", "likely", "most")
    rows = bars.join(runs, on="row", maintain_order="left").filter(~pl.col("thin"))
    found.add(
        "frozen_close",
        rows,
        verdict=Verdict.SUSPICIOUS,
        cause=pl.format("{} closes in a row are the same", pl.col("run") + 1),
        value=pl.col("run") + 1,
        threshold=pl.col("most") + 1,
        evidence=["likely"],
        would_change="another answer of the vendor, or a second source with the same closes",
        settled_by=vendor_call(BARS_CALL),
    )
