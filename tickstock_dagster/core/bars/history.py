"""Where a key's history begins: which cells of an answer lie before it, and so were not answered.

A vendor refuses a range that begins before the plan's history, or silently answers a later part of it. Either way the
bars before are not absent from the market: the answer says nothing of them. Asking from a later day on belongs in the
source.
"""

from datetime import date, datetime, timedelta

import polars as pl

from tickstock_dagster.core.loading.planning import UnitKind, earliest_session
from tickstock_dagster.core.loading.vendor_plans import PLANS

NEAR = timedelta(days=7)
"""An answer that begins so near to the edge of some plan's history, and lacks much of what was asked for before, was
clipped."""

MANY = 10
"""Sessions. Fewer that lack at its beginning are absences as any others."""

SERVED_SCHEMA: dict[str, type[pl.DataType]] = {"unit_id": pl.String, "served_from": pl.Date, "evidence": pl.String}
"""From which day on a unit's answer speaks, and why not from its first."""


def served_from(
    asked: pl.DataFrame, bars: pl.DataFrame, *, history_from: date | None, source: str, now: datetime
) -> pl.DataFrame:
    """The units whose answers speak of a later part of what was asked for only, as `SERVED_SCHEMA`.

    Args:
        asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id` and `kind`: the cells that answers were to fill.
        bars: good bars with `unit_id` and `session`.
        history_from: the first day that the source serves, as far as it has found out.
        source: its name, for the evidence.
        now: aware.
    """
    ranged = asked.filter(pl.col("kind") == UnitKind.RANGE.value)
    if ranged.is_empty():
        return pl.DataFrame(schema=SERVED_SCHEMA)
    found = []
    if history_from is not None:
        words = f"{source} serves this key from {history_from} on; is MASSIVE_PLAN the key's plan?"
        late = ranged.filter(pl.col("session") < history_from)
        found.append(_told(late.select("unit_id").unique(), pl.lit(history_from), pl.lit(words)))
    edges = [earliest_session(plan, now) for plan in PLANS.values()]
    first = bars.group_by("unit_id").agg(first_bar=pl.col("session").min())
    lacking = ranged.join(first, on="unit_id").filter(pl.col("session") < pl.col("first_bar"))
    clipped = (
        lacking.group_by("unit_id", "first_bar")
        .agg(lacking=pl.col("session").n_unique())
        .filter(
            (pl.col("lacking") >= MANY)
            & pl.any_horizontal(pl.col("first_bar").is_between(edge - NEAR, edge + NEAR) for edge in edges)
        )
    )
    clip = pl.format(
        f"the answer of {source} begins on {{}}, where a plan's history does: taken for clipped; "
        "is MASSIVE_PLAN the key's plan?",
        "first_bar",
    )
    found.append(_told(clipped, pl.col("first_bar"), clip))
    return pl.concat(found).sort("served_from").unique("unit_id", keep="last", maintain_order=True)


def _told(units: pl.DataFrame, since: pl.Expr, words: pl.Expr) -> pl.DataFrame:
    return units.with_columns(served_from=since, evidence=words).select(list(SERVED_SCHEMA))
