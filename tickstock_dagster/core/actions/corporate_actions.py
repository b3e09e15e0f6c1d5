"""Validates a vendor's splits and dividends: folds repeats, sets contradictions aside, resolves securities."""

from dataclasses import dataclass

import polars as pl

from tickstock_dagster.core.intervals import covered

ACTION_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "action": pl.String,
    "kind": pl.String,
    "ex_date": pl.Date,
    "declared_on": pl.Date,
    "record_date": pl.Date,
    "pay_date": pl.Date,
    "split_from": pl.Float64,
    "split_to": pl.Float64,
    "cash_amount": pl.Float64,
    "currency": pl.String,
    "vendor_id": pl.String,
}
"""One corporate action of a known security, ready to be stored."""

SMALLEST, LARGEST = 1e-8, 1e9
"""Bounds of an amount and of either side of a ratio: stored with eight decimals, a smaller one would be 0."""

_NEEDED = {"split": "a ratio of two numbers above 0", "dividend": "an amount above 0 and its currency"}


@dataclass(frozen=True, slots=True)
class ValidatedActions:
    """The actions of a vendor's answer, sorted by what can be done with them.

    Attributes:
        actions: `ACTION_SCHEMA`, unique by security, action, ex-date and (for dividends) kind.
        refused: rows that cannot be stored, one line each saying why.
        unresolved: how many rows name a ticker that no security held on the ex-date.
        doubtful: (security_id, action, ex_date) of the refused rows: a stored version of these actions stays in force.
    """

    actions: pl.DataFrame
    refused: tuple[str, ...]
    unresolved: int
    doubtful: pl.DataFrame


def validate_actions(splits: pl.DataFrame, dividends: pl.DataFrame, intervals: pl.DataFrame) -> ValidatedActions:
    """Resolve the securities of a vendor's answer and validate its actions.

    The vendor repeats rows and sometimes gives two ratios for one day. One of several equal rows is kept. Contradicting
    splits are all refused, since a wrong ratio spoils a whole history. Dividends of one day and kind are added up: each
    of them is paid.

    Args:
        splits: `adapters.sources.protocol.SPLIT_SCHEMA`.
        dividends: `adapters.sources.protocol.DIVIDEND_SCHEMA`.
        intervals: `core.loading.coverage.INTERVAL_SCHEMA` of every security.
    """
    rows = pl.concat(
        [
            splits.with_columns(action=pl.lit("split")),
            dividends.with_columns(action=pl.lit("dividend")),
        ],
        how="diagonal",
    )
    resolved = _with_security(rows, intervals)
    unresolved = rows.height - resolved.height
    split_is_wrong = pl.any_horizontal(~_is_amount(name) for name in ("split_from", "split_to"))
    cash_is_wrong = ~_is_amount("cash_amount") | pl.col("currency").is_null()
    is_split = pl.col("action") == "split"
    wrong = pl.when(is_split).then(split_is_wrong).otherwise(cash_is_wrong)
    broken = resolved.filter(wrong)
    said = ["security_id", "action", "ex_date", "kind", "split_from", "split_to", "cash_amount", "currency"]
    # Sorted, so that the result does not depend on the vendor's order.
    sound = (
        resolved.filter(~wrong)
        .with_columns(pl.col("kind").fill_null("unknown"))
        .sort(*said, "vendor_id", "declared_on", "record_date", "pay_date", nulls_last=True)
        .unique(said, keep="first", maintain_order=True)
    )
    by_day = ["security_id", "action", "ex_date"]
    ratio = (pl.col("split_to") / pl.col("split_from")).round(9)
    contradicting = sound.filter(is_split & (ratio.n_unique().over(by_day) > 1))
    kept_splits = sound.filter(is_split & (ratio.n_unique().over(by_day) == 1)).unique(
        by_day, keep="first", maintain_order=True
    )
    kept_dividends = (
        sound.filter(~is_split)
        .group_by([*by_day, "kind", "currency"], maintain_order=True)
        .agg(
            pl.col("cash_amount").sum(),
            pl.col("ticker", "declared_on", "record_date", "pay_date", "vendor_id").first(),
        )
    )
    currencies = pl.col("currency").n_unique().over([*by_day, "kind"])
    mixed = kept_dividends.filter(currencies > 1)
    actions = pl.concat(
        [frame.select([name for name in ACTION_SCHEMA if name in frame.columns]) for frame in
         (pl.DataFrame(schema=ACTION_SCHEMA), kept_splits, kept_dividends.filter(currencies == 1))],
        how="diagonal",
    )  # fmt: skip
    refused = [
        *(f"{t} {d}: {a} without {_NEEDED[a]}" for t, d, a in broken.select("ticker", "ex_date", "action").rows()),
        *(f"{t} {d}: split {f:g} for {g:g} contradicts another" for t, d, f, g in contradicting.select(
            "ticker", "ex_date", "split_to", "split_from").rows()),
        *(f"{t} {d}: dividend in several currencies" for t, d in mixed.select("ticker", "ex_date").rows()),
    ]  # fmt: skip
    doubtful = pl.concat([rows.select(by_day) for rows in (broken, contradicting, mixed)]).unique(maintain_order=True)
    return ValidatedActions(actions.select(list(ACTION_SCHEMA)), tuple(refused), unresolved, doubtful)


def _with_security(rows: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Add each row's `security_id`; rows that match no security are left out.

    The vendor lists actions under a security's latest ticker, whatever ticker it had on the ex-date: those of FB stand
    under META. So a row belongs to the security that held the ticker last, if it was listed that day. Otherwise it
    belongs to the security that held the ticker on the day itself and has changed its ticker since.
    """
    latest = intervals.group_by("security_id").agg(pl.col("ticker").sort_by("valid_from").last().alias("latest"))
    listed = intervals.join(latest, on="security_id").select(
        "security_id", "valid_from", "valid_to", "latest", printed="ticker"
    )
    numbered = rows.with_row_index("place")
    claims = pl.concat(
        [numbered.join(listed, left_on="ticker", right_on=claim, coalesce=False) for claim in ("latest", "printed")]
    ).filter(covered("ex_date"))
    kept_it, held_it = pl.col("latest") == pl.col("ticker"), pl.col("printed") == pl.col("ticker")
    rank = pl.when(kept_it & held_it).then(0).when(kept_it).then(1).otherwise(2)
    owners = claims.sort("place", rank, "security_id").unique("place", keep="first", maintain_order=True)
    return owners.select(*rows.columns, "security_id")


def _is_amount(name: str) -> pl.Expr:
    """Whether a column holds a number within the bounds; NaN and null are not."""
    return pl.col(name).is_between(SMALLEST, LARGEST).fill_null(value=False)
