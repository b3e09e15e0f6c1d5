"""The rule about bars that are those of another session again.

Equal prices are chance where a range is of a few ticks; then the volume has to be the same as well. Of two equal bars
the one that fits its neighbours worse is the copy: where a vendor writes a session's bars into an earlier one as well,
the later ones are right.
"""

import polars as pl

from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.judging.found import Found, choose, vendor_call
from tickstock_dagster.core.judging.structure_rules import BARS_CALL
from tickstock_dagster.core.judging.thresholds import Limits

COPY_TICKS, CLOSE_COPY_TICKS, LEAST_COPY_TICKS = 20, 4, 2
"""Range in ticks from which four equal prices are no chance, and with nearly the volume prove a copy; from which they
may be one of the session before, with nearly its volume; and from which they may with exactly its volume."""

SURE_VOLUME, SMALL_VOLUME = 10_000, 1_000
"""Shares from which the same number twice, not in round lots, proves a copy of few ticks; below which it is chance."""

COPY_VOLUME = 0.02
"""Share within which a copy's volume is nearly the same."""

MANY, SOME = 20, 5
"""Copies of one session into another that show together which of the two is wrong; clearly, where they are some."""

_TICK, _TICK_SHARE = 0.01, 1e-4
_MISFIT_TIMES, _MISFIT, _MOST_MISFIT, _CLEARLY = 3, 0.03, 0.15, 1.4


def copied_bar(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """The prices of another session again, with its volume: of the two, the one that fits its neighbours less.

    Equal prices are chance where a range is of a few ticks; then the volume has to be the same as well.
    """
    del limits  # what is chance follows from the ticks alone
    pairs = _copies(bars)
    if pairs.is_empty():
        return
    pairs = _with_the_worse(bars, pairs)
    copies = bars.join(pairs, on="row").sort("row")
    copies = copies.with_columns(of_session=bars["session"].gather(copies["other"]), together=pl.len().over("session"))
    found.add(
        "copied_bar",
        copies,
        verdict=pl.when("sure").then(pl.lit(Verdict.WRONG.value)).otherwise(pl.lit(Verdict.SUSPICIOUS.value)),
        cause=pl.format("the bar of {} again", pl.col("of_session").cast(pl.String)),
        value=pl.col("together"),
        threshold=pl.lit(1.0),
        evidence=[pl.col("of_session").cast(pl.String), "gap", "next_open"],
        would_change="another answer of the vendor for the session",
        settled_by=vendor_call(BARS_CALL),
        severity=Severity.ERROR,
    )
    found.mark_wrong(copies.filter("sure"))


def _with_the_worse(bars: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs, with the copy as `row`: what fits its neighbours worse.

    Of many pairs of the same two sessions, the session whose bars fit worse in all is the copied one; a pair alone
    shows it only where it is plain. Else, and of the last two bars, the later one is the copy.
    """
    before = pl.col("gap").abs().fill_null(0).clip(0, _MOST_MISFIT)
    after = (pl.col("next_open") / pl.col("close")).log().abs().clip(0, _MOST_MISFIT)
    misfit = bars.select(later=before + after.fill_null(before), earlier=before + after.fill_null(0))
    days = bars["session"]
    pairs = pairs.with_columns(
        first_day=days.gather(pairs["other"]),
        second_day=days.gather(pairs["row"]),
        first=misfit["earlier"].gather(pairs["other"]),
        second=misfit["later"].gather(pairs["row"]),
    )
    days_of = ("first_day", "second_day")
    first, second = (pl.col(name).sum().over(days_of) for name in ("first", "second"))
    together = pl.len().over(days_of)
    alone = (pl.col("row").cast(pl.Int64) - pl.col("other").cast(pl.Int64) > 1) & (
        pl.col("first") > _MISFIT_TIMES * pl.col("second") + _MISFIT
    )
    earlier = choose([(together >= MANY, first > second), (together >= SOME, first > _CLEARLY * second)], alone)
    # On the evening itself half of the later bar's neighbours are missing; the one before it had been accepted.
    adjacent = pl.col("row").cast(pl.Int64) - pl.col("other").cast(pl.Int64) == 1
    evening = bars["next_open"].is_null().gather(pairs["row"])
    pairs = pairs.with_columns(evening=evening)
    earlier &= ~(adjacent & pl.col("evening"))
    return pairs.select(
        pl.when(earlier).then(pl.col("other")).otherwise(pl.col("row")).alias("row"),
        pl.when(earlier).then(pl.col("row")).otherwise(pl.col("other")).alias("other"),
        "sure",
    ).unique("row", keep="first", maintain_order=True)


def _copies(bars: pl.DataFrame) -> pl.DataFrame:
    """(row, other, sure): bars with the prices of an earlier bar of the security."""
    tick = pl.max_horizontal(pl.lit(_TICK), pl.col("close") * _TICK_SHARE)
    key = ["security_id", "open", "high", "low", "close"]
    held = bars.select("row", *key, "volume", "broken", ticks=(pl.col("high") - pl.col("low")) / tick).filter(
        pl.col("broken").is_null() & (pl.col("volume") > 0) & (pl.col("ticks") >= LEAST_COPY_TICKS - 1e-6)
    )
    held = held.with_columns(hash=pl.struct(key).hash()).filter(pl.col("hash").is_duplicated()).sort("hash", "row")
    held = held.with_columns(
        other=pl.col("row").shift().over("hash"), other_volume=pl.col("volume").shift().over("hash")
    ).filter(pl.col("other").is_not_null())
    # Round lots and few shares within few ticks repeat by chance among some eighty bars.
    round_lots, far = pl.col("volume") % 100 == 0, pl.col("ticks") >= COPY_TICKS
    chance = (round_lots | (pl.col("volume") < SMALL_VOLUME)) & (pl.col("ticks") < CLOSE_COPY_TICKS)
    chance &= pl.col("row") - pl.col("other") > 1
    exact = (pl.col("volume") == pl.col("other_volume")) & ~chance
    many = (pl.col("volume") >= SURE_VOLUME) & ~round_lots
    nearly = (pl.col("volume") - pl.col("other_volume")).abs() <= COPY_VOLUME * pl.col("other_volume")
    sure = (nearly & far) | (exact & many)
    maybe = nearly & (pl.col("row") - pl.col("other") == 1) & (pl.col("ticks") >= CLOSE_COPY_TICKS)
    return held.filter(exact | far | maybe).select("row", "other", sure=sure)
