"""Rules about prices that moved far, and what accounts for it.

A move beyond a threshold is found; then it is asked whether the market, the security's own volatility, its listing, or
trading account for it. What nothing accounts for is suspicious: near n:1 a split is missing; a fall a spin-off or a
payment. What the next open takes back without trading is wrong.
"""

import math

import polars as pl

from tickstock_dagster.core.judging.action_basis import near_ratio, ratio_words
from tickstock_dagster.core.judging.context import USUAL_SESSIONS, beyond_ticks
from tickstock_dagster.core.judging.fair_moves import with_fair_values, with_market_legs
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.found import Found, choose, first_of, vendor_call
from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.judging.structure_rules import BARS_CALL, CALM, NEWLY_LISTED, SPLITS_CALL
from tickstock_dagster.core.judging.thresholds import Limits

MARKET_MOVES = 0.01
"""A market that moved by less accounts for nothing."""

_VOLATILE = 0.08  # a usual move from which half or double the price is two of them
_TAKEN_BACK, _QUIET = 0.35, math.log(2)
_MOST_OF, _INSIDE = 0.6, 0.7

_EVIDENCE = (
    "last_close", "action", "fair_value", "compared_with", "market_move", "own_move", "usual_move", "stress",
    "span_ratio", "busy", "habit", "turnover", "next_open", "number", "beta", "market_gap",
)  # fmt: skip

_SIZES = {
    "price_move": (pl.col("move").exp() - 1).abs(),
    "open_gap": (pl.col("gap").exp() - 1).abs(),
    "day_range": pl.col("span").exp() - 1,
}
"""What each rule measures."""

DIVIDENDS_CALL = "/stocks/v1/dividends?ticker={ticker}&ex_dividend_date={session}"


def price_rules(bars: pl.DataFrame, found: Found, limits: Limits, panel: Panel) -> None:
    """`price_move`, `open_gap` and `day_range` of good bars with one before them.

    Args:
        bars: with their context.
        found: takes the findings.
        limits: the thresholds.
        panel: has the bars of what they are compared with.
    """
    large = pl.any_horizontal(_beyond(rule, limits) for rule in _SIZES)
    rows = bars.filter(~found.wrong & (pl.col("number") > 0) & large)
    if rows.is_empty():
        return
    rows = with_fair_values(rows, panel)
    rows = _with_taken_back(rows.with_columns(next_factor=bars["factor"].gather(_next_places(rows, bars))))
    asked = _with_causes(rows, bars, limits)
    # What is wrong, nothing accounts for by the defaults either: an override makes suspicious at most.
    proven = _with_causes(rows.filter("back"), bars, limits.defaults)
    for rule in _SIZES:
        unknown = pl.col(f"why_{rule}").is_null() & _beyond(rule, limits.defaults) & _judged_by_next(rule)
        _add(asked.filter(_beyond(rule, limits)), found, limits, rule, proven.filter(unknown)["row"])


def _beyond(rule: str, limits: Limits) -> pl.Expr:
    return (_SIZES[rule] > limits(rule)).fill_null(value=False)


def _judged_by_next(rule: str) -> pl.Expr:
    """Whether the next open says anything of the measure: not of an open that the close itself took back."""
    if rule != "open_gap":
        return pl.lit(value=True)
    move, gap = pl.col("own_move"), pl.col("gap") - pl.col("market_move")
    return (move.sign() == gap.sign()) & (move.abs() >= _MOST_OF * gap.abs())


def _next_places(rows: pl.DataFrame, bars: pl.DataFrame) -> pl.Series:
    return (rows["row"] + 1).clip(upper_bound=bars.height - 1)


def _with_taken_back(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `back`, where the next open takes the move back, and `ex_date_off`, where only an action does.

    Of what trades little the next open is one side of a wide spread, and of a new listing nothing is usual yet.
    """
    returned = (pl.col("next_open") / pl.col("last_close")).log()
    factors = pl.col("factor").log() + pl.col("next_factor").log()
    back = returned.abs() < _TAKEN_BACK * pl.col("own_move").abs()
    raw = (returned + factors).abs() < _TAKEN_BACK * (pl.col("own_move") + pl.col("factor").log()).abs()
    away = pl.max_horizontal((pl.col(name) - pl.col("last_close")).abs() for name in ("open", "close"))
    quiet = (pl.col("busy") < _QUIET) & ~pl.col("thin") & (pl.col("number") >= USUAL_SESSIONS) & beyond_ticks(away)
    return rows.with_columns(
        back=(back & raw & quiet).fill_null(value=False), ex_date_off=(back & ~raw).fill_null(value=False)
    )


def _with_causes(rows: pl.DataFrame, bars: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Rows with what accounts for each rule's measure, as `why_…` (null: nothing), and the `split` that it is near."""
    own_move, own_gap = pl.col("own_move"), pl.col("gap") - pl.col("market_move")
    tolerance = pl.max_horizontal(limits("split_tolerance"), 1.5 * pl.col("usual_move").clip(0, 0.03))
    likely = rows.select(move=own_move, gap=own_gap, tolerance=tolerance)
    of_move, of_gap = (near_ratio(likely[name], likely["tolerance"]) for name in ("move", "gap"))
    rows = rows.with_columns(split=of_move.fill_null(of_gap))
    usual = limits("own_volatility") * pl.col("usual_move") * pl.col("stress")
    at_open = (
        (own_gap.abs() >= _MOST_OF * own_move.abs())
        & (pl.col("span") < _MOST_OF * own_move.abs())
        & (own_gap.sign() == own_move.sign())
    )
    # A price that multiplies the turnover does not confirm itself, and what lumpy names reach anyway confirms nothing.
    shares = pl.col("busy").exp()
    confirmed = pl.min_horizontal("turnover", shares)
    lumpy = pl.max_horizontal(limits("traded_path"), (2 * pl.col("habit")).exp())
    # n:1 is never put down to volatility, except where half or double is two of its usual moves.
    whole = (pl.col("split") >= 2).fill_null(value=False) & (pl.col("usual_move") < _VOLATILE)
    # Volume grows with a split as well: it has to grow by more to confirm that there was none.
    whole_fall = pl.when(whole & (own_move < 0)).then(pl.lit(limits.otherwise["traded_down"]))
    for_move = choose([(own_move >= 0, limits("traded_up")), (at_open, limits("traded_down"))], limits("traded_path"))
    falls = (own_gap < 0) & at_open & (own_move.abs() > _INSIDE * own_gap.abs())
    for_gap = pl.when(falls).then(limits("traded_down")).otherwise(limits("traded_path"))
    span = pl.col("span").exp() - 1
    returns = ((pl.col("before_move").exp() - 1).abs() > limits("price_move")) & (
        (pl.col("move") + pl.col("before_move")).abs() < _TAKEN_BACK * pl.col("move").abs()
    )
    near_fair = {
        rule: (pl.col(name) / pl.col("fair_value") - 1).abs() <= limits(rule)
        for rule, name in (("price_move", "close"), ("open_gap", "open"))
    }

    def why(market: pl.Expr, followed: pl.Expr, own: pl.Expr, traded: pl.Expr) -> pl.Expr:
        return first_of(
            {
                "it returns from the bar before": returns,
                "newly listed": pl.col("number") < NEWLY_LISTED,
                "the market moved with it": market,
                "it moved as what it is compared with": followed,
                "within its own volatility": own & ~whole,
                "trading confirms it": traded,
            }
        )

    rows = rows.with_columns(
        why_price_move=why(
            _with_market(own_move, pl.col("market_move"), limits("price_move")),
            near_fair["price_move"],
            own_move.abs() <= usual,
            confirmed >= pl.max_horizontal(for_move, lumpy, whole_fall),
        ),
        why_open_gap=why(
            _with_market(own_gap, pl.col("market_move"), limits("open_gap")),
            near_fair["open_gap"],
            own_gap.abs() <= usual,
            confirmed >= pl.max_horizontal(for_gap, lumpy),
        ),
        why_day_range=why(
            (pl.col("span_stress") > CALM) & (span <= limits("day_range") * pl.col("span_stress")),
            pl.lit(value=False),
            pl.col("span_ratio") <= limits("own_range") * pl.col("span_stress"),
            shares >= lumpy,
        ),
    )
    return _with_beta(rows, bars, limits)


def _with_market(own: pl.Expr, market: pl.Expr, limit: pl.Expr) -> pl.Expr:
    """Whether what is left of a move without the market's is within a limit, and the market moved."""
    return ((own.exp() - 1).abs() <= limit) & (market.abs() >= MARKET_MOVES)


def _with_beta(rows: pl.DataFrame, bars: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Rows whose open moves and gaps are accounted for by the market, at the security's own beta, where they are."""
    unknown = pl.any_horizontal(
        pl.col(f"why_{rule}").is_null() & _beyond(rule, limits) for rule in ("price_move", "open_gap")
    )
    legs = with_market_legs(rows.filter(unknown), bars).select("row", "beta", "market_gap")
    rows = rows.join(legs, on="row", how="left", maintain_order="left")
    moved = {"price_move": ("move", "market_move"), "open_gap": ("gap", "market_gap")}
    explained = {
        f"why_{rule}": pl.col(f"why_{rule}").fill_null(
            pl.when(_with_market(pl.col(own) - pl.col("beta") * pl.col(market), pl.col(market), limits(rule))).then(
                pl.lit("the market moved with it, by its beta")
            )
        )
        for rule, (own, market) in moved.items()
    }
    return rows.with_columns(**explained)


def _add(rows: pl.DataFrame, found: Found, limits: Limits, rule: str, proven: pl.Series) -> None:
    """Add a rule's findings; `proven` are the rows that the next open takes back and nothing accounts for."""
    if rows.is_empty():
        return
    rows = rows.with_columns(
        why=pl.col(f"why_{rule}"),
        # The next open says nothing of a range.
        wrong=pl.col("row").is_in(proven.implode()) & pl.lit(rule != "day_range"),
        split_words=ratio_words(pl.col("split")),
    )
    unknown = pl.col("why").is_null()
    missing = unknown & ~pl.col("wrong") & ~pl.col("ex_date_off") & pl.col("split").is_not_null()
    nothing = pl.lit("nothing that is known accounts for it")
    unpaid = choose([(pl.col("own_move") < 0, pl.lit("a missing spin-off or payment is suspected"))], nothing)
    verdict = choose(
        [(~unknown, pl.lit(Verdict.EXPLAINED.value)), (pl.col("wrong"), pl.lit(Verdict.WRONG.value))],
        pl.lit(Verdict.SUSPICIOUS.value),
    )
    found.add(
        rule,
        rows,
        verdict=verdict,
        cause=choose(
            [
                (~unknown, pl.col("why")),
                (pl.col("wrong"), pl.lit("the next open takes it back, and little was traded")),
                (pl.col("ex_date_off"), pl.lit("the ex-date of an action is one session off, it seems")),
                (missing, pl.format("a missing split {} is suspected", "split_words")),
            ],
            nothing if rule == "day_range" else unpaid,
        ),
        value=_SIZES[rule],
        threshold=limits(rule),
        evidence=_EVIDENCE,
        would_change=pl.when(~unknown)
        .then(pl.lit("a corrected bar of this session or of the one before"))
        .otherwise(pl.lit("an action with this ex-date, a corrected bar, or a second source with the same prices")),
        settled_by=pl.when(missing)
        .then(vendor_call(SPLITS_CALL))
        .when(pl.col("wrong"))
        .then(vendor_call(BARS_CALL))
        .when(unknown)
        .then(vendor_call(DIVIDENDS_CALL)),
    )
    found.mark_wrong(rows.filter(unknown & pl.col("wrong")))
