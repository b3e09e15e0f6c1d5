"""The rule about whole sessions that are off at once: what no market does is an error of the session, not of its bars.

Every bar that moved with it has one finding, of this rule, in place of those about its own move or volume. The row is
suspicious, never wrong: it contradicts neither itself nor its peers, and an empty session would be no safer.
"""

import math

import polars as pl

from tickstock_dagster.core.judging.action_basis import near_ratio, ratio_words
from tickstock_dagster.core.judging.context import PEERS
from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.judging.found import Found, choose, vendor_call

MOST_MARKET_MOVE = math.log(1.35)
"""A median move beyond it is none of a market: trading ends for the day where the S&P 500 has lost a fifth."""

MOST_MARKET_VOLUME = math.log(8)
"""A median volume a minute of trading beyond so many times the usual one, or below that part of it, is none either.
Where ranges are wider than usual all over the market, as in a crash, it may grow by so many times more."""

MOST_SILENT = 0.5
"""Share of securities that trade without a trade on one session."""

RETURNS_WITHIN = 20
"""Sessions after a break on which the market may come back from it: then the return is no break of its own."""

OF_PRICES = frozenset({"price_move", "open_gap", "scale_break", "lone_bar", "reference_gap"})
OF_VOLUMES = frozenset({"volume_spike", "volume_drought", "no_volume"})
"""Rules about single bars that a session off at once would set off for all of them."""

_BACK, _WITH_IT, _TOLERANCE = 0.15, 0.5, 0.05
_ALL_CALL = "/v2/aggs/grouped/locale/us/market/stocks/{session}?adjusted=false"


def session_break(bars: pl.DataFrame, found: Found) -> None:
    """Sessions on which all prices moved, or all volumes changed, as no market does; few securities are no market.

    Args:
        bars: with their context.
        found: takes the findings, and leaves those of single bars out that these stand for.
    """
    days = _broken_sessions(bars)
    if days.is_empty():
        return
    rows = bars.filter(~found.wrong).join(days, on="session", maintain_order="left")
    of_prices = (pl.col("price_break").is_not_null() & (
        (pl.col("move") - pl.col("price_break")).abs() < _WITH_IT * pl.col("price_break").abs()
    )).fill_null(value=False)  # fmt: skip
    silent = pl.col("silent") & (pl.col("volume") == 0)
    busy = (pl.col("busy") - pl.col("volume_break")).abs() < _WITH_IT * pl.col("volume_break").abs()
    of_volumes = ((busy & pl.col("volume_break").is_not_null()) | silent).fill_null(value=False)
    rows = rows.with_columns(of_prices=of_prices, of_volumes=of_volumes)
    rows = rows.filter(pl.col("of_prices") | pl.col("of_volumes"))
    ratio = near_ratio(rows["price_break"], pl.repeat(_TOLERANCE, rows.height, eager=True))
    rows = rows.with_columns(ratio.alias("ratio")).with_columns(ratio_words=ratio_words(pl.col("ratio")))
    found.add(
        "session_break",
        rows,
        verdict=Verdict.SUSPICIOUS,
        cause=choose(
            [
                (pl.col("of_prices") & pl.col("ratio").is_not_null(),
                 pl.format("all prices of the session are off by {}", "ratio_words")),
                (pl.col("of_prices"), pl.lit("all prices of the session moved further than a market does")),
                (pl.col("silent"), pl.lit("nothing was traded all over the market")),
            ],
            pl.lit("all volumes of the session are off"),
        ),
        value=choose(
            [(pl.col("of_prices"), pl.col("price_break").abs().exp()), (pl.col("silent"), pl.lit(math.inf))],
            pl.col("volume_break").abs().exp(),
        ),
        threshold=pl.when("of_prices").then(pl.lit(math.exp(MOST_MARKET_MOVE))).otherwise(
            pl.lit(math.exp(MOST_MARKET_VOLUME))
        ),
        evidence=["last_close", "price_break", "volume_break", "silent"],
        would_change="another answer of the vendor for the whole session, or a second source with the same bars",
        settled_by=vendor_call(_ALL_CALL),
        severity=Severity.ERROR,
    )  # fmt: skip
    found.spoken_for = {
        **dict.fromkeys(OF_PRICES, rows.filter("of_prices")["row"]),
        **dict.fromkeys(OF_VOLUMES, rows.filter("of_volumes")["row"]),
    }


def _broken_sessions(bars: pl.DataFrame) -> pl.DataFrame:
    """(session, price_break, volume_break, silent) of the sessions that are off; null for what is not."""
    far = pl.any_horizontal(
        pl.col("all_move").abs() > MOST_MARKET_MOVE, pl.col("market_busy").abs() > MOST_MARKET_VOLUME
    )
    suspects = bars.select(far=far.any(), silent=(pl.col("volume") == 0).sum() >= MOST_SILENT * PEERS)
    known = bars.filter(pl.col("good") & ~pl.col("thin") & pl.lit(any(suspects.row(0))))
    silent = (pl.col("volume") == 0).mean()
    sessions = (
        known.group_by("session")
        .agg(
            pl.len().alias("peers"),
            pl.col("all_move", "market_busy", "span_stress").first(),
            silent=silent,
        )
        .filter(pl.col("peers") >= PEERS)
        .sort("session")
    )
    breaks: list[float | None] = []
    for move in sessions["all_move"]:
        # A break that another one within few sessions takes back is one: the second has no finding.
        beyond = move is not None and abs(move) > MOST_MARKET_MOVE
        back = beyond and any(abs(before + move) < _BACK for before in breaks[-RETURNS_WITHIN:] if before is not None)
        breaks.append(move if beyond and not back else None)
    busy = pl.col("market_busy")
    usual = busy.is_between(-MOST_MARKET_VOLUME, MOST_MARKET_VOLUME + pl.col("span_stress").log())
    return sessions.select(
        "session",
        price_break=pl.Series(breaks, dtype=pl.Float64),
        volume_break=pl.when(~usual).then(busy),
        silent=pl.col("silent") > MOST_SILENT,
    ).filter(pl.col("price_break").is_not_null() | pl.col("volume_break").is_not_null() | pl.col("silent"))
