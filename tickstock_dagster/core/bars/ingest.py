"""Validates answers: which rows become stored bars, which are quarantined, and which cells are still absent.

Pure: frames in, frames out. `adapters.bars.loader` asks the source, `adapters.bars.store` writes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tickstock_dagster.core.bars.daily_bars import ODD, validate_bars
from tickstock_dagster.core.intervals import covered
from tickstock_dagster.core.loading.coverage import MAX_ABSENT_SHARE, SETTLES_AFTER

FEW = 2
"""Up to this many absent bars of one session never make its answer suspicious, however few were expected."""

LONGEST_CLOSURE = timedelta(days=7)
"""No market here was ever closed for longer: a listing's first possible session lies within it."""

SESSION_TABLE: dict[str, type[pl.DataType] | pl.DataType] = {"session": pl.Date, "closes_at": pl.Datetime("us", "UTC")}


@dataclass(frozen=True, slots=True)
class ValidatedAnswers:
    """The rows of answers: storable ones, quarantined ones, and tickers that match no security.

    Attributes:
        bars: `core.bars.columns.STAGED_BAR_COLUMNS` plus `unit_id`; good rows of known securities.
        rejected: `BAR_SCHEMA` plus `unit_id`, `security_id` (null where unknown) and `reason`.
        unresolved: tickers of good rows that no security held on that session, ascending.
    """

    bars: pl.DataFrame
    rejected: pl.DataFrame
    unresolved: tuple[str, ...]


def validate_answers(
    answers: pl.DataFrame,
    intervals: pl.DataFrame,
    sessions: pl.DataFrame,
    *,
    market: str,
    now: datetime,
    unproven: pl.DataFrame | None = None,
    requested: Collection[int] = (),
) -> ValidatedAnswers:
    """Split the rows of answers into bars to store, rows to quarantine, and rows that match no security.

    Args:
        answers: `BAR_SCHEMA` plus `unit_id`; and `core.bars.daily_bars.ODD` where a row could not be read as sent.
        intervals: `core.loading.coverage.INTERVAL_SCHEMA` of every security, or of those asked for.
        sessions: `SESSION_TABLE` of the calendar over the answers' span.
        market: MIC of the calendar, named in reasons.
        now: aware; decides whether a bar is provisional.
        unproven: (security_id, unproven_from, unproven_to) of days on which nothing proves whose a ticker was: rows of
            these days belong to no security.
        requested: securities whose rows of such days are quarantined; rows of others, for which nobody looked for a
            proof, are left out.
    """
    dated = answers.join(sessions, on="session", how="left")
    off_calendar = dated.filter(pl.col("closes_at").is_null() & pl.col("session").is_not_null())
    validated = validate_bars(dated.filter(pl.col("closes_at").is_not_null() | pl.col("session").is_null()))
    rejected = pl.concat(
        [validated.rejected, _with_reason(off_calendar, f"the date is not a session of {market}")],
        how="diagonal",
    )
    good, doubtful = _set_aside(_with_security(validated.good, intervals), unproven)
    rejected_of = _set_aside(_with_security(rejected, intervals), unproven)[0]
    left_out = ~pl.col("held_by").is_in(list(requested))
    nobodys = [good.filter(pl.col("security_id").is_null())["ticker"], doubtful.filter(left_out)["ticker"]]
    unresolved = pl.concat(nobodys).unique().sort()
    doubtful = doubtful.filter(~left_out).drop("held_by")
    settled = (pl.lit(now) - pl.col("closes_at")) >= SETTLES_AFTER
    bars = good.filter(pl.col("security_id").is_not_null()).with_columns(
        pl.col("volume").cast(pl.Int64),
        status=pl.when(settled).then(pl.lit("final")).otherwise(pl.lit("provisional")),
    )
    return ValidatedAnswers(bars, pl.concat([rejected_of, doubtful], how="diagonal"), tuple(unresolved))


def _with_reason(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    """The rows with a reason, after what is odd about each."""
    if ODD not in rows.columns:
        return rows.with_columns(reason=pl.lit(reason))
    words = pl.concat_str([pl.col(ODD), pl.lit(reason)], separator="; ", ignore_nulls=True)
    return rows.with_columns(reason=words).drop(ODD)


def _set_aside(rows: pl.DataFrame, unproven: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of days on which their security is proven, and the others without it and with the reason."""
    if unproven is None or unproven.is_empty() or rows.is_empty():
        return rows, rows.clear().with_columns(held_by=pl.col("security_id"))
    numbered = rows.with_row_index("position")
    found = (
        numbered.select("position", "security_id", "session")
        .join(unproven, on="security_id")
        .filter((pl.col("session") >= pl.col("unproven_from")) & (pl.col("session") < pl.col("unproven_to")))
        .select("position", "unproven_from", "unproven_to")
    )
    doubtful = numbered.join(found, on="position").with_columns(
        reason=pl.format("whose the ticker was is not proven from {} to before {}", "unproven_from", "unproven_to"),
        held_by=pl.col("security_id"),
        security_id=pl.lit(None, dtype=pl.Int64),
    )
    kept = numbered.join(found.select("position"), on="position", how="anti", maintain_order="left")
    return kept.drop("position"), doubtful.drop("position", "unproven_from", "unproven_to")


def _with_security(rows: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Add the `security_id` that held the row's ticker on its session; null where none did."""
    holders = intervals.select("ticker", "security_id", "valid_from", "valid_to")
    held = pl.when(covered("session")).then(pl.col("security_id"))
    if not holders["ticker"].is_duplicated().any():
        joined = rows.join(holders, on="ticker", how="left", maintain_order="left")
        return joined.with_columns(security_id=held).drop("valid_from", "valid_to")
    ordered = rows.with_row_index("position").sort("session", nulls_last=True)
    dated, dateless = ordered.filter(pl.col("session").is_not_null()), ordered.filter(pl.col("session").is_null())
    joined = dated.join_asof(
        holders.sort("valid_from"),
        left_on="session",
        right_on="valid_from",
        by="ticker",
        check_sortedness=False,
        coalesce=False,
    ).with_columns(security_id=held)
    return (
        pl.concat([joined.drop("valid_from", "valid_to"), dateless], how="diagonal").sort("position").drop("position")
    )


def absent_cells(
    asked: pl.DataFrame, bars: pl.DataFrame, sessions: pl.DataFrame, expected: pl.DataFrame
) -> pl.DataFrame:
    """Expected cells that were asked for and for which no good bar came.

    Args:
        asked: `CELL_SCHEMA` plus `kind` (range or grouped).
        bars: good bars with `security_id` and `session`.
        sessions: `SESSION_TABLE`.
        expected: (session, expected): how many bars the load expects of each session, stored ones included. So asking
            again for the last three of 500 does not make an answer suspicious.

    Returns:
        `asked` plus `closes_at` and `suspicious`: the grouped answer lacks so many bars that it is no evidence about
        single securities.
    """
    found = bars.select("security_id", "session").with_columns(found=pl.lit(value=True))
    rows = asked.join(found, on=["security_id", "session"], how="left").with_columns(absent=pl.col("found").is_null())
    rows = rows.join(expected, on="session", how="left")
    due = pl.col("kind") == "grouped"
    lacking = (pl.col("absent") & due).sum().over("session")
    whole = pl.max_horizontal(due.sum().over("session"), pl.col("expected"))
    suspicious = (pl.col("kind") == "grouped") & (lacking > FEW) & (lacking > MAX_ABSENT_SHARE * whole)
    return (
        rows.with_columns(suspicious=suspicious)
        .filter("absent")
        .drop("found", "absent", "expected")
        .join(sessions, on="session", how="left")
    )


def first_bars(bars: pl.DataFrame, intervals: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Listings whose start is now known: the answer covers it, and the first bar is later than the list allowed.

    Args:
        bars: rows of range answers, good and broken: a broken row also shows that the security traded.
        intervals: `INTERVAL_SCHEMA`.
        asked: the cells that were asked for; a start is known only where the first possible session is among them.

    Returns:
        (security_id, valid_from, first_bar) of each such interval with `first_bar > valid_from`.
    """
    open_starts = intervals.filter(pl.col("start_known") == "absent_before")
    if open_starts.is_empty() or bars.is_empty():
        return pl.DataFrame(schema={"security_id": pl.Int64, "valid_from": pl.Date, "first_bar": pl.Date})
    first_asked = _first_inside(open_starts, asked, "first_asked")
    first_bar = _first_inside(open_starts, bars, "first_bar")
    return (
        open_starts.join(first_bar, on=["security_id", "valid_from"])
        .join(first_asked, on=["security_id", "valid_from"])
        .filter(
            (pl.col("first_bar") > pl.col("valid_from"))
            & (pl.col("first_asked") < pl.col("first_bar"))
            & (pl.col("first_asked") - pl.col("valid_from") <= LONGEST_CLOSURE)
            & (pl.col("first_bar") <= pl.col("seen_from"))
        )
        .select("security_id", "valid_from", "first_bar")
        .sort("security_id")
    )


def _first_inside(intervals: pl.DataFrame, cells: pl.DataFrame, name: str) -> pl.DataFrame:
    """(security_id, valid_from, `name`): the first session of an interval's cells; a security may be listed twice."""
    return (
        cells.select("security_id", "ticker", "session")
        .join(intervals, on=["security_id", "ticker"])
        .filter(covered("session"))
        .group_by("security_id", "valid_from")
        .agg(pl.col("session").min().alias(name))
    )
