"""Rules about prices that moved far, and what accounts for it.

A move beyond a threshold is found; then it is asked whether the market, the security's own volatility, its listing, or
trading account for it. What nothing accounts for is suspicious: near n:1 a split is missing; a fall a spin-off or a
payment. What the next open takes back without trading is wrong.
"""

import math
from dataclasses import dataclass

import polars as pl

from tickstock_dagster.core.judging.action_basis import near_ratio, ratio_words
from tickstock_dagster.core.judging.fair_moves import with_fair_values
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.found import Found, choose, first_of, vendor_call
from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.judging.structure_rules import BARS_CALL, CALM, SPLITS_CALL
from tickstock_dagster.core.judging.thresholds import Limits

NEWLY_LISTED = 5
"""Bars of a listing in which any price may be found."""

MARKET_MOVES = 0.01
"""A market that moved by less accounts for nothing."""

_VOLATILE = 0.08  # a usual move from which half or double the price is two of them
_TAKEN_BACK, _QUIET = 0.35, math.log(2)
_MOST_OF, _INSIDE = 0.6, 0.7

_EVIDENCE = (
    "last_close", "action", "fair_value", "compared_with", "market_move", "own_move", "usual_move", "stress",
    "span_ratio", "busy", "habit", "turnover", "next_open", "number",
)  # fmt: skip

DIVIDENDS_CALL = "/stocks/v1/dividends?ticker={ticker}&ex_dividend_date={session}"


@dataclass(frozen=True, slots=True)
class _Question:
    """One rule's expressions: what is measured, and which of the causes account for it."""

    rule: str
    size: pl.Expr
    own: pl.Expr
    market: pl.Expr
    followed: pl.Expr
    traded: pl.Expr
    otherwise: pl.Expr


def price_rules(bars: pl.DataFrame, found: Found, limits: Limits, panel: Panel) -> None:
    """`price_move`, `open_gap` and `day_range` of good bars with one before them.

    Args:
        bars: with their context; `extreme` says which have a `lone_extreme`, of which the range is none.
        found: takes the findings.
        limits: the thresholds.
        panel: has the bars of what they are compared with.
    """
    sizes = {
        "price_move": (pl.col("move").exp() - 1).abs(),
        "open_gap": (pl.col("gap").exp() - 1).abs(),
        "day_range": pl.when(~pl.col("extreme")).then(pl.col("span").exp() - 1),
    }
    large = pl.any_horizontal((size > limits(rule)).fill_null(value=False) for rule, size in sizes.items())
    bars = with_fair_values(bars.filter(~found.wrong & (pl.col("number") > 0) & large), panel)
    own_move, own_gap = pl.col("own_move"), pl.col("gap") - pl.col("market_move")
    usual = limits("own_volatility") * pl.col("usual_move") * pl.col("stress")
    tolerance = pl.max_horizontal(limits("split_tolerance"), 1.5 * pl.col("usual_move").clip(0, 0.03))
    at_open = (
        (own_gap.abs() >= _MOST_OF * own_move.abs())
        & (pl.col("span") < _MOST_OF * own_move.abs())
        & (own_gap.sign() == own_move.sign())
    )
    # A price that multiplies the turnover does not confirm itself, and what lumpy names reach anyway confirms nothing.
    shares = pl.col("busy").exp()
    confirmed = pl.min_horizontal("turnover", shares)
    lumpy = pl.max_horizontal(limits("traded_path"), (2 * pl.col("habit")).exp())
    # Volume grows with a split as well: it has to grow by more to confirm that there was none.
    whole_fall = (pl.col("split") >= 2).fill_null(value=False) & (pl.col("usual_move") < _VOLATILE) & (own_move < 0)
    for_move = choose([(own_move >= 0, limits("traded_up")), (at_open, limits("traded_down"))], limits("traded_path"))
    falls = (own_gap < 0) & at_open & (own_move.abs() > _INSIDE * own_gap.abs())
    for_gap = pl.when(falls).then(limits("traded_down")).otherwise(limits("traded_path"))
    nothing = pl.lit("nothing that is known accounts for it")
    unpaid = choose([(own_move < 0, pl.lit("a missing spin-off or payment is suspected"))], nothing)
    span = pl.col("span").exp() - 1
    questions = (
        _Question(
            "price_move",
            sizes["price_move"],
            own_move.abs() <= usual,
            _moved_with_it(own_move, limits("price_move")),
            (pl.col("close") / pl.col("fair_value") - 1).abs() <= limits("price_move"),
            confirmed
            >= pl.max_horizontal(for_move, lumpy, pl.when(whole_fall).then(pl.lit(limits.otherwise["traded_down"]))),
            unpaid,
        ),
        _Question(
            "open_gap",
            sizes["open_gap"],
            own_gap.abs() <= usual,
            _moved_with_it(own_gap, limits("open_gap")),
            (pl.col("open") / pl.col("fair_value") - 1).abs() <= limits("open_gap"),
            confirmed >= pl.max_horizontal(for_gap, lumpy),
            unpaid,
        ),
        _Question(
            "day_range",
            sizes["day_range"],
            pl.col("span_ratio") <= limits("own_range") * pl.col("span_stress"),
            (pl.col("span_stress") > CALM) & (span <= limits("day_range") * pl.col("span_stress")),
            pl.lit(value=False),
            shares >= lumpy,
            nothing,
        ),
    )
    likely = bars.select(move=own_move, gap=own_gap, tolerance=tolerance)
    of_move, of_gap = (near_ratio(likely[name], likely["tolerance"]) for name in ("move", "gap"))
    bars = bars.with_columns(split=of_move.fill_null(of_gap))
    for question in questions:
        _ask(bars, found, limits, question)


def _moved_with_it(own: pl.Expr, limit: pl.Expr) -> pl.Expr:
    return ((own.exp() - 1).abs() <= limit) & (pl.col("market_move").abs() >= MARKET_MOVES)


def _ask(bars: pl.DataFrame, found: Found, limits: Limits, question: _Question) -> None:
    rows = bars.filter((question.size > limits(question.rule)).fill_null(value=False))
    if rows.is_empty():
        return
    # n:1 is never put down to volatility, except where half or double is two of its usual moves.
    whole = (pl.col("split") >= 2).fill_null(value=False) & (pl.col("usual_move") < _VOLATILE)
    returns = ((pl.col("before_move").exp() - 1).abs() > limits("price_move")) & (
        (pl.col("move") + pl.col("before_move")).abs() < _TAKEN_BACK * pl.col("move").abs()
    )
    taken_back = ((pl.col("next_open") / pl.col("last_close")).log().abs() < _TAKEN_BACK * pl.col("own_move").abs()) & (
        pl.col("busy") < _QUIET
    )
    # The next open says nothing of a range, and of what trades little it is one side of a wide spread.
    taken_back &= ~pl.col("thin") & pl.lit(question.rule != "day_range")
    rows = rows.with_columns(
        why=first_of(
            {
                "it returns from the bar before": returns,
                "newly listed": pl.col("number") < NEWLY_LISTED,
                "the market moved with it": question.market,
                "it moved as what it is compared with": question.followed,
                "within its own volatility": question.own & ~whole,
                "trading confirms it": question.traded,
            }
        ),
        back=taken_back.fill_null(value=False),
        split_words=ratio_words(pl.col("split")),
    )
    unknown = pl.col("why").is_null()
    missing = unknown & ~pl.col("back") & pl.col("split").is_not_null()
    verdict = pl.when(~unknown).then(pl.lit(Verdict.EXPLAINED.value)).when("back").then(pl.lit(Verdict.WRONG.value))
    found.add(
        question.rule,
        rows,
        verdict=verdict.otherwise(pl.lit(Verdict.SUSPICIOUS.value)),
        cause=pl.when(~unknown)
        .then(pl.col("why"))
        .when("back")
        .then(pl.lit("the next open takes it back, and little was traded"))
        .when(missing)
        .then(pl.format("a missing split {} is suspected", "split_words"))
        .otherwise(question.otherwise),
        value=question.size,
        threshold=limits(question.rule),
        evidence=_EVIDENCE,
        would_change=pl.when(~unknown)
        .then(pl.lit("a corrected bar of this session or of the one before"))
        .otherwise(pl.lit("an action with this ex-date, a corrected bar, or a second source with the same prices")),
        settled_by=pl.when(missing)
        .then(vendor_call(SPLITS_CALL))
        .when(pl.col("back"))
        .then(vendor_call(BARS_CALL))
        .when(unknown)
        .then(vendor_call(DIVIDENDS_CALL)),
    )
    found.mark_wrong(rows.filter(unknown & pl.col("back")))
