"""The facts by which universes choose their members: one row per security that is listed on a session.

Defines each fact's name, type, unit and the bounds of values in rules. Reading the facts from the store belongs in
`adapters.universes.facts`, applying rules to them in `core.universes.rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from tickstock_dagster.core.errors import BadInputError, choices

Kind = Literal["number", "text", "list", "date"]
"""Decides which operators a condition on a fact may use."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One column of `FACT_SCHEMA`.

    Attributes:
        dtype: its polars type.
        kind: decides the operators of conditions.
        unit: in words, for messages and documentation.
        bounds: least and greatest value of a number in a rule; a value outside is in the wrong unit (percent for a
            fraction, millions for dollars).
    """

    dtype: type[pl.DataType] | pl.DataType
    kind: Kind
    unit: str
    bounds: tuple[float, float] | None = None


FACTS: dict[str, Fact] = {
    "security_id": Fact(pl.Int64, "number", "surrogate identity", (1, 2**62)),
    "ticker": Fact(pl.String, "text", "as printed on the session"),
    "name": Fact(pl.String, "text", "as the vendor gives it"),
    "equity_type": Fact(pl.String, "text", "the vendor's type code: CS, ADRC, ETF, …"),
    "primary_exchange": Fact(pl.String, "text", "MIC of the listing venue"),
    "sector": Fact(pl.String, "text", "sector derived from SIC"),
    "cik": Fact(pl.String, "text", "SEC Central Index Key of the issuer"),
    "list_date": Fact(pl.Date, "date", "first trading date"),
    "listed_days": Fact(pl.Int64, "number", "calendar days from the first trading date to the session", (0, 100_000)),
    "close": Fact(pl.Float64, "number", "USD, raw close of the session or of one of the 5 before it", (0, 1e7)),
    "shares": Fact(pl.Float64, "number", "shares outstanding as known then, in the session's shares", (1, 1e12)),
    "market_cap": Fact(pl.Float64, "number", "USD, close × shares", (10_000, 1e14)),
    "adv20_usd": Fact(pl.Float64, "number", "USD a session, mean over the last 20 sessions' bars", (0, 1e12)),
    "adv20_shares": Fact(
        pl.Float64, "number", "shares of the session's day, mean over the last 20 sessions' bars", (0, 1e11)
    ),
    "bars20": Fact(pl.Int64, "number", "how many of the last 20 sessions have a bar", (0, 20)),
    "etf_type": Fact(pl.String, "text", "class of an ETF"),
    "themes": Fact(pl.List(pl.String), "list", "themes for which an ETF may be chosen"),
    "aum_usd": Fact(pl.Float64, "number", "USD, assets under management", (10_000, 5e12)),
    "expense_ratio": Fact(pl.Float64, "number", "yearly cost as a fraction: 0.0075 is 0.75 %", (0, 0.2)),
    "underlying_index": Fact(pl.String, "text", "index that an ETF tracks"),
    "correlation_reference": Fact(pl.String, "text", "ticker against which its correlation is watched"),
    "validation": Fact(pl.String, "text", "whether the rules of its type hold: passes, fails or unknown"),
    "validation_reason": Fact(pl.String, "text", "why, with the numbers"),
}
"""Every fact, in column order. Unknown values are null."""

FACT_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {name: fact.dtype for name, fact in FACTS.items()}
"""Facts of a session: one row per security that is listed on it."""

NAMES_SECURITIES = frozenset({"security_id", "ticker", "name", "validation_reason"})
"""Facts that name a security, or say in words what another fact says; rules cannot use them."""

FAILS = "fails"
"""The value of the fact `validation` that keeps a security out of universes with a rule."""


def fact_named(name: str) -> Fact:
    """The fact with a name that a rule gives.

    Raises:
        BadInputError: there is no such fact; the message names the existing ones.
    """
    asked = [known for known in FACTS if known not in NAMES_SECURITIES]
    if name not in asked:
        raise BadInputError("field", name, choices(name, asked, limit=len(asked)))
    return FACTS[name]


def as_evidence(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The named facts of one row in JSON types; unknown ones are null."""
    return {field: value.isoformat() if isinstance(value := row[field], date) else _plain(value) for field in fields}


def _plain(value: Any) -> Any:
    # Twelve digits survive being read back and written again unchanged.
    if isinstance(value, float):
        return float(f"{value:.12g}")
    return list(value) if isinstance(value, pl.Series) else value
