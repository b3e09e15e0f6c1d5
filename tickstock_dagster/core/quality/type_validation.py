"""Whether a symbol keeps the validation rules of its equity type: passes, fails or unknown, and why.

A figure that is not known breaks nothing: the verdict is then unknown, unless another rule is broken. Dollar volume
decides about trading where a type states it, since shares say little about a fund at 500 dollars; their figure is kept
beside it. A type without rules passes everything. Storing verdicts belongs in `adapters.securities.equity_type_store`,
what they do to universes in `core.universes.rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tickstock_dagster.core.securities.equity_types import EquityType, ValidationRules

OTHER = "OTHER"
"""The type whose rules hold for securities of a type that the store does not know."""


class Verdict(StrEnum):
    """What the rules say of a symbol."""

    PASSES = "passes"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a symbol; None where it is not known.

    Attributes:
        aum_usd: assets under management, US dollars.
        adv20_usd: US dollars a session, mean over 20 sessions.
        adv20_shares: shares a session, mean over 20 sessions.
        expense_ratio: a fraction of assets a year.
    """

    aum_usd: float | None = None
    adv20_usd: float | None = None
    adv20_shares: float | None = None
    expense_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """A verdict, and why: every broken rule with its numbers, or the figures that are missing, or what holds."""

    verdict: Verdict
    reason: str


def validate(rules: ValidationRules, figures: Figures) -> Validation:
    """Apply the rules of a type to the figures of one symbol."""
    broken, missing, held = [], [], []
    for name, value, limit, is_maximum in _asked(rules, figures):
        if value is None:
            missing.append(name)
        elif (value > limit) if is_maximum else (value < limit):
            broken.append(f"{name} {_number(value)} is {'above' if is_maximum else 'below'} {_number(limit)}")
        else:
            held.append(f"{name} {_number(value)}")
    if broken:
        return Validation(Verdict.FAILS, "; ".join(broken))
    if missing:
        return Validation(Verdict.UNKNOWN, f"not known: {', '.join(missing)}")
    return Validation(Verdict.PASSES, "; ".join(held) or "its type has no rules")


def type_of(code: str | None, types: Mapping[str, EquityType]) -> EquityType:
    """The type whose rules hold for a security with this code of the vendor's."""
    return types.get(code or OTHER) or types[OTHER]


def _asked(rules: ValidationRules, figures: Figures) -> list[tuple[str, float | None, float, bool]]:
    """Each rule that is stated: the figure's name, its value, the limit, and whether that is a maximum."""
    stated = [
        ("aum_usd", figures.aum_usd, rules.aum_minimum, False),
        ("adv20_usd", figures.adv20_usd, rules.dollar_volume_threshold, False),
        ("expense_ratio", figures.expense_ratio, rules.expense_ratio_max, True),
    ]
    if rules.dollar_volume_threshold is None:
        stated.append(("adv20_shares", figures.adv20_shares, rules.volume_threshold, False))
    return [(name, value, limit, is_maximum) for name, value, limit, is_maximum in stated if limit is not None]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.6g}"
