"""Validates a vendor's splits and dividends: resolves securities, sets broken rows aside, folds repeats."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.repeats import fold
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
    "close_before": pl.Float64,
    "vendor_id": pl.String,
}
"""One corporate action of a known security, ready to be stored."""

_TOLD = {name: dtype for name, dtype in ACTION_SCHEMA.items() if name != "security_id"} | {"on_day": pl.Boolean}

DOUBTFUL_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "action": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
}
"""An action about which rows were refused; `kind` is null where all dividends of the day are in doubt."""

UNRESOLVED_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "action": pl.String,
    "ex_date": pl.Date,
    "vendor_id": pl.String,
}
"""A row whose ticker no security held on its ex-date; unique."""

SMALLEST, LARGEST = 1e-8, 1e9
"""Bounds of an amount and of either side of a ratio: stored with eight decimals, a smaller one would be 0."""

MOVED_WITHIN_DAYS = 31
"""One id on two ex-dates so near to each other is one action that was moved, told twice."""

_NEEDED = {"split": "a ratio of two numbers above 0", "dividend": "an amount above 0 and its currency"}
_NOTHING = {"split": "split of 1 for 1 changes nothing", "dividend": "dividend of 0 changes nothing"}
_BY_DAY = ["security_id", "action", "ex_date"]


@dataclass(frozen=True, slots=True)
class ValidatedActions:
    """The actions of a vendor's answer, sorted by what can be done with them.

    Attributes:
        actions: `ACTION_SCHEMA`, unique by security, action, ex-date and (for dividends) kind.
        refused: rows that cannot be stored, one line each saying why.
        repeats: rows that say again what another says, or that were added up: one line for each action.
        ignored: rows that change nothing (a split 1 for 1, a dividend of 0), one line each.
        unresolved: `UNRESOLVED_SCHEMA`.
        doubtful: `DOUBTFUL_SCHEMA`, of the refused rows: a stored version of these actions stays in force, unless
            `actions` has one.
    """

    actions: pl.DataFrame
    refused: tuple[str, ...]
    repeats: tuple[str, ...]
    ignored: tuple[str, ...]
    unresolved: pl.DataFrame
    doubtful: pl.DataFrame


def validate_actions(splits: pl.DataFrame, dividends: pl.DataFrame, intervals: pl.DataFrame) -> ValidatedActions:
    """Resolve the securities of a vendor's answer and validate its actions, by the rules of `core.actions.repeats`.

    A row that changes nothing contradicts nothing: it counts as if it had not come.

    Args:
        splits: `adapters.sources.protocol.SPLIT_SCHEMA`; with `on_day`, the ticker is that of the ex-date.
        dividends: `adapters.sources.protocol.DIVIDEND_SCHEMA`, and `on_day` as well; with `close_before`, the close
            that each is a share of, in the shares of the ex-date.
        intervals: `core.loading.coverage.INTERVAL_SCHEMA` of every security.
    """
    rows = pl.concat(
        [
            pl.DataFrame(schema=_TOLD),
            splits.with_columns(action=pl.lit("split")),
            dividends.with_columns(action=pl.lit("dividend")),
        ],
        how="diagonal",
    )
    odd, rows = rows.filter(~_IS_TICKER).sort("action", "ticker"), rows.filter(_IS_TICKER).with_columns(_PLAIN)
    dateless = rows.filter(pl.col("ex_date").is_null()).sort("action", "ticker")
    resolved, unresolved = _with_security(rows.filter(pl.col("ex_date").is_not_null()), intervals)
    nothing = _ordered(resolved.filter(_CHANGES_NOTHING))
    broken = _ordered(resolved.filter(~_CHANGES_NOTHING & _IS_BROKEN))
    sound = resolved.filter(~_CHANGES_NOTHING & ~_IS_BROKEN).with_columns(pl.col("kind").fill_null("unknown"))
    moved, rest = _told_on_two_days(_ordered(_reduced(sound)))
    doubts = [_doubt(row) for row in (*broken.to_dicts(), *moved.to_dicts())]
    refused = [f"{t!a}: {a} of a text that is no ticker" for t, a in odd.select("ticker", "action").rows()]
    refused += [f"{t}: {a} without an ex-date" for t, a in dateless.select("ticker", "action").rows()]
    refused += [f"{_name(row)}: {row['action']} without {_NEEDED[row['action']]}" for row in broken.to_dicts()]
    refused += [f"{_name(row)}: {row['action']} of two days under one id" for row in moved.to_dicts()]
    actions, repeats = list[dict[str, Any]](), list[str]()
    several = pl.len().over(*_BY_DAY, _KIND_OF_KEY) > 1
    for _, group in rest.filter(several).group_by(*_BY_DAY, _KIND_OF_KEY.alias("key"), maintain_order=True):
        folded = fold(group.select(rest.columns).to_dicts())
        actions += folded.kept
        repeats += folded.repeats
        refused += [f"{_name(row)}: {words}" for row, words in folded.refused]
        doubts += [_doubt(row) for row, _ in folded.refused]
    found = pl.concat([rest.filter(~several), pl.DataFrame(actions, schema=rest.schema)])
    return ValidatedActions(
        actions=_ordered(found).select(list(ACTION_SCHEMA)),
        refused=tuple(refused),
        repeats=tuple(repeats),
        ignored=tuple(f"{_name(row)}: {_NOTHING[row['action']]}" for row in nothing.to_dicts()),
        unresolved=unresolved.select(list(UNRESOLVED_SCHEMA)).unique(maintain_order=True),
        doubtful=pl.DataFrame(doubts, schema=DOUBTFUL_SCHEMA, orient="row").unique(maintain_order=True),
    )


def _with_security(rows: pl.DataFrame, intervals: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with their `security_id`, and the rows that match no security.

    The vendor lists actions under a security's latest ticker, whatever ticker it had on the ex-date: those of FB stand
    under META. So a row belongs to the security that held the ticker last, if it was listed that day. Otherwise it
    belongs to the security that held the ticker on the day itself and has changed its ticker since. With `on_day`, only
    the day's holder counts.
    `sql/statements/actions/reopened.sql` says the same.
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
    claims = claims.filter(held_it | ~pl.col("on_day").fill_null(value=False))
    rank = pl.when(kept_it & held_it).then(0).when(kept_it).then(1).otherwise(2)
    owners = claims.sort("place", rank, "security_id").unique("place", keep="first", maintain_order=True)
    return owners.select(*rows.columns, "security_id"), numbered.join(owners, on="place", how="anti").drop("place")


def _is_amount(name: str) -> pl.Expr:
    """Whether a column holds a number within the bounds; NaN and null are not."""
    return pl.col(name).is_between(SMALLEST, LARGEST).fill_null(value=False)


_IS_TICKER = pl.col("ticker").str.contains(r"^[!-~]{1,30}$").fill_null(value=False)
_PLAIN = [
    pl.when(pl.col(name).str.contains(r"^[ -~]{1,100}$")).then(pl.col(name)).alias(name)
    for name in ("kind", "vendor_id")
]
"""Texts with other than printable ASCII are left out: an answer can hold anything, NUL included."""

_IS_SPLIT = pl.col("action") == "split"
_KIND_OF_KEY = pl.when(_IS_SPLIT).then(pl.lit("")).otherwise(pl.col("kind"))
"""A day has one split, and a dividend of each kind."""

_IS_RATIO = _is_amount("split_from") & _is_amount("split_to")
_IS_BROKEN = (
    pl.when(_IS_SPLIT)
    .then(~_IS_RATIO)
    .otherwise(~_is_amount("cash_amount") | ~pl.col("currency").str.contains("^[A-Za-z]{3}$").fill_null(value=False))
)
_CHANGES_NOTHING = (
    pl.when(_IS_SPLIT)
    .then(_IS_RATIO & (pl.col("split_from") == pl.col("split_to")))
    .otherwise(pl.col("cash_amount") == 0)
    .fill_null(value=False)
)


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    """In an order that does not depend on the vendor's: splits first."""
    others = [name for name in ACTION_SCHEMA if name not in ("action", "security_id", "ex_date")]
    columns = ["action", "security_id", "ex_date", *others]
    return rows.sort(columns, descending=[True, *[False] * (len(columns) - 1)], nulls_last=True)


def _reduced(rows: pl.DataFrame) -> pl.DataFrame:
    """Ratios of whole numbers in lowest terms: 2 for 1 where the vendor says 4 for 2."""
    whole = rows.filter((pl.col("split_from") % 1 == 0) & (pl.col("split_to") % 1 == 0))
    rest = rows.filter(~((pl.col("split_from") % 1 == 0) & (pl.col("split_to") % 1 == 0)).fill_null(value=False))
    sides = [whole[name].cast(pl.Int64).to_numpy() for name in ("split_from", "split_to")]
    common = pl.Series(np.gcd(*sides), dtype=pl.Float64)
    return pl.concat([rest, whole.with_columns(pl.col("split_from", "split_to") / common)])


def _told_on_two_days(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that say the same of two days under one id, and the others.

    The former row of a moved action still stands: whether it was moved, and from which day, cannot be known.
    """
    same = ["security_id", "action", "vendor_id", "split_from", "split_to", "cash_amount", "currency"]
    days = pl.col("ex_date")
    apart = (days.max() - days.min()).over(same).dt.total_days()
    moved = pl.col("vendor_id").is_not_null() & (days.n_unique().over(same) == 2) & (apart <= MOVED_WITHIN_DAYS)
    return rows.filter(moved), rows.filter(~moved)


def _name(row: dict[str, Any]) -> str:
    return f"{row['ticker']} {row['ex_date']}"


def _doubt(row: dict[str, Any]) -> tuple[Any, ...]:
    kind = row["kind"] if row["action"] == "dividend" else None
    return (row["security_id"], row["action"], row["ex_date"], kind)
