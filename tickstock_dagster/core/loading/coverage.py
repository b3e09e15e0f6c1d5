"""Which bars are expected, and why an expected bar is absent.

Expected = sessions of the calendar ∩ days on which a tracked security is proven to be listed, from its first session
on. An expected cell is stored, or a gap with a reason explains it, or it was never requested. Cells with a *final*
reason (no_trade, halted) are no longer owed. Those with an *open* reason (any other), or with none, which is
never_asked, count as missing: an outage never looks complete.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import polars as pl

THIN_MEDIAN_VOLUME = 5_000.0
"""Shares a session. Below this median a session without any trade is ordinary; above it, the vendor lacks the bar."""

LONGEST_SILENCE = 10
"""Consecutive sessions without a bar that are ordinary for a thin name. More are a hole in the vendor's history."""

SETTLES_AFTER = timedelta(hours=19)
"""From the close until the vendor's next-morning corrections are in (11:00 ET). Until then stored bars are provisional
and absent ones late."""

FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=15), timedelta(hours=2)
"""Waits before a late bar is asked for again. `FIRST_RETRY` comes first; where no type's terms apply, the wait is a
quarter of the time since the close, within these bounds."""

MAX_ABSENT_SHARE = 0.05
"""An answer that lacks more than this share of a session's expected bars is no evidence about single securities."""


class GapReason(StrEnum):
    """Why an expected bar is not stored."""

    NO_TRADE = "no_trade"
    HALTED = "halted"
    VENDOR_LATE = "vendor_late"
    VENDOR_MISSING = "vendor_missing"
    NOT_ENTITLED = "not_entitled"
    QUARANTINED = "quarantined"
    IDENTITY_UNPROVEN = "identity_unproven"
    NEVER_ASKED = "never_asked"
    """Derived where there is no gap; never stored."""


FINAL_REASONS = frozenset({GapReason.NO_TRADE, GapReason.HALTED})

CELL_SCHEMA: dict[str, type[pl.DataType]] = {"security_id": pl.Int64, "session": pl.Date, "ticker": pl.String}
"""One (security, session), under the ticker printed that day."""

INTERVAL_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "start_known": pl.String,
    "seen_from": pl.Date,
    "expected_from": pl.Date,
    "expected_to": pl.Date,
}
"""Listing intervals: possible on [valid_from, valid_to), proven on [expected_from, expected_to) among these days."""

SPAN_SCHEMA: dict[str, type[pl.DataType]] = {"security_id": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date}
"""Days on which a security belongs to a selection, [valid_from, valid_to); `valid_to` is null where there is no end."""

GAP_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    **CELL_SCHEMA,
    "reason": pl.String,
    "evidence": pl.String,
    "retry_at": pl.Datetime("us", "UTC"),
}
"""One explained gap; `retry_at` is null for final reasons."""


RETRY_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "answers": pl.Int64,
    "max_retries": pl.Int64,
    "backoff_multiplier": pl.Float64,
}
"""A cell, how many good answers have lacked its bar, and the retry terms of its type."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """The state of one session: expected = stored + final + missing; `missing` includes every open reason."""

    session: date
    expected: int
    stored: int
    final: int
    missing: int

    @property
    def ratio(self) -> float:
        """Bars stored per bar owed, stored / (expected − final); 1.0 where nothing is expected."""
        due = self.expected - self.final
        return self.stored / due if due > 0 else 1.0


def absence_evidence(source: str) -> str:
    """Start of the evidence of an absence in a good answer of the source."""
    return f"{source}'s answer"


def explain_absences(
    absent: pl.DataFrame,
    usual_volume: pl.DataFrame,
    rejected: pl.DataFrame,
    *,
    now: datetime,
    asked: str,
    terms: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Explain why each absent cell of a good answer has no bar.

    Args:
        absent: `CELL_SCHEMA` plus `closes_at` (UTC) and `suspicious` (bool: the answer lacked so many bars that it is
            no evidence about single securities).
        usual_volume: (security_id, median_volume): shares a session over the nearest stored sessions; securities may
            be missing.
        rejected: (ticker, session, reason) of quarantined rows.
        now: aware.
        asked: names the answer in the evidence, as `absence_evidence` does.
        terms: `RETRY_SCHEMA`. A late bar is due for a retry after 15 minutes, then after waits that grow by
            `backoff_multiplier`, `max_retries` times in all, and finally when the vendor's corrections are in. Cells
            without terms, and cells of a suspicious answer, wait a quarter of the time since the close, from 15 minutes
            to 2 hours.

    Returns:
        `GAP_SCHEMA`, one row per absent cell.
    """
    broken = rejected.group_by("ticker", "session").agg(pl.col("reason").first().alias("broken"))
    known = pl.DataFrame(schema=RETRY_SCHEMA) if terms is None else terms
    rows = (
        _with_silence(absent)
        .join(usual_volume, on="security_id", how="left")
        .join(broken, on=["ticker", "session"], how="left")
        .join(known, on=["security_id", "session"], how="left")
    )
    age = pl.lit(now) - pl.col("closes_at")
    late = age < SETTLES_AFTER
    thin = (pl.col("median_volume") < THIN_MEDIAN_VOLUME) & (pl.col("silence") <= LONGEST_SILENCE)
    young = age < timedelta(days=30)
    reason = (
        pl.when(pl.col("broken").is_not_null())
        .then(pl.lit(GapReason.QUARANTINED.value))
        .when(thin & ~pl.col("suspicious"))
        .then(pl.lit(GapReason.NO_TRADE.value))
        .when(late)
        .then(pl.lit(GapReason.VENDOR_LATE.value))
        .otherwise(pl.lit(GapReason.VENDOR_MISSING.value))
    )
    volume = pl.col("median_volume").round(0).cast(pl.Int64).cast(pl.String)
    evidence = (
        pl.when(reason == GapReason.QUARANTINED.value)
        .then(pl.lit("its row was quarantined: ") + pl.col("broken"))
        .when(reason == GapReason.NO_TRADE.value)
        .then(pl.lit(f"{asked} has no bar; it trades thinly, a median of ") + volume + " shares")
        .when(pl.col("suspicious"))
        .then(pl.lit(f"{asked} lacks more than {MAX_ABSENT_SHARE:.0%} of the expected bars"))
        .when(pl.col("median_volume").is_null())
        .then(pl.lit(f"{asked} has no bar; its usual volume is not known"))
        .when(pl.col("median_volume") < THIN_MEDIAN_VOLUME)
        .then(pl.lit(f"{asked} has no bar, nor for ") + pl.col("silence").cast(pl.String) + " sessions in a row")
        .otherwise(pl.lit(f"{asked} has no bar, though its median volume is ") + volume + " shares")
    )
    wait = (
        pl.when(pl.col("reason") == GapReason.VENDOR_LATE.value)
        .then(_next_retry(now))
        .when(pl.col("reason") == GapReason.NO_TRADE.value)
        .then(None)
        .when(young)
        .then(pl.lit(now + timedelta(days=1)))
        .otherwise(pl.lit(now + timedelta(days=30)))
    )
    return (
        rows.with_columns(reason=reason, evidence=evidence)
        .with_columns(retry_at=wait.cast(pl.Datetime("us", "UTC")))
        .select(list(GAP_SCHEMA))
    )


def _next_retry(now: datetime) -> pl.Expr:
    """When to ask for a late bar again, on its type's terms; for rows with `RETRY_SCHEMA` and `closes_at`."""
    age, settles_at = pl.lit(now) - pl.col("closes_at"), pl.col("closes_at") + SETTLES_AFTER
    backed_off = pl.max_horizontal(pl.lit(FIRST_RETRY), pl.min_horizontal(age / 4, pl.lit(LONGEST_RETRY)))
    seconds = FIRST_RETRY.total_seconds() * pl.col("backoff_multiplier").pow(pl.col("answers"))
    # The power may be huge; no wait lasts longer than until the vendor's corrections are in.
    wait = pl.duration(seconds=seconds.clip(upper_bound=SETTLES_AFTER.total_seconds()).cast(pl.Int64))
    again = pl.min_horizontal(pl.lit(now) + wait, settles_at)
    return (
        pl.when(pl.col("answers").is_null() | pl.col("suspicious"))
        .then(pl.lit(now) + backed_off)
        .when(pl.col("answers") < pl.col("max_retries"))
        .then(again)
        .otherwise(settles_at)
    )


def _with_silence(absent: pl.DataFrame) -> pl.DataFrame:
    """Add `silence`: how many absent cells of the security follow one another, weekday by weekday, around each cell."""
    before = pl.col("session").shift().over("security_id")
    begins = before.is_null() | (pl.business_day_count(before, "session") > 1)
    return (
        absent.sort("security_id", "session")
        .with_columns(island=begins.cast(pl.Int64).cum_sum())
        .with_columns(silence=pl.len().over("island"))
        .drop("island")
    )
