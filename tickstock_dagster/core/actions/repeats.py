"""What several rows about one action mean: a repeat, several payments, or a contradiction.

The vendor repeats rows, under one id or several, under a former ticker, with a ratio in other numbers; and it sends
rows that cannot all be true. One of several equal rows is kept. Rows that contradict each other are all refused: which
one is right cannot be known from them, and a stored version stays in force meanwhile. Nothing is added up or left out
without a line that says so.

Two rows for one split contradict each other if their ratios differ; a label such as forward_split does not count.

Two rows for a dividend of one security, ex-date and kind are

| | the same amount | another amount |
|---|---|---|
| under one id | a repeat | a contradiction |
| declared and paid on other days, both known, other id | two payments | two payments |
| a special, supplemental or irregular one, other id | a repeat | two payments: a fund pays its gains in parts |
| else | a repeat | a contradiction: a security pays one recurring dividend on an ex-date |

Payments are added up: what is stored is the cash of an ex-date and kind. Dividends of one kind in several currencies
contradict each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

Row = dict[str, Any]

SAME = 1e-6
"""Ratios and amounts nearer to each other than this are one, rounded differently."""

PARTIAL = frozenset({"special", "supplemental", "irregular"})
"""Kinds of dividends of which a security may pay several on one day."""

_REPEAT, _SEPARATE, _CONTRADICTION = "repeat", "separate", "contradiction"
_DATES = ("declared_on", "record_date", "pay_date")


@dataclass(slots=True)
class Folded:
    """What became of rows: those that stand, the repeats in words, the contradicting rows with what is wrong."""

    kept: list[Row] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    refused: list[tuple[Row, str]] = field(default_factory=list)


def fold(rows: Sequence[Row]) -> Folded:
    """Fold all rows about one action.

    Args:
        rows: as `core.actions.corporate_actions.ACTION_SCHEMA`, of one security, action, ex-date and, for dividends,
            kind; sound, and in an order that does not depend on the vendor's.
    """
    if len(rows) == 1:
        return Folded(kept=[rows[0]])
    return _fold_splits(rows) if rows[0]["action"] == "split" else _fold_dividends(rows)


def _fold_splits(rows: Sequence[Row]) -> Folded:
    ratios = [row["split_to"] / row["split_from"] for row in rows]
    if not _equal(min(ratios), max(ratios)):
        return Folded(refused=[(row, f"{_split(row)} contradicts another") for row in rows])
    kept = min(rows, key=lambda row: (not _whole(row), row["split_from"]))
    others = sorted({_split(row) for row in rows} - {_split(kept)})
    also = f", also as {', '.join(others)}" if others else ""
    return Folded(kept=[kept], repeats=[f"{_named(kept)}: {_split(kept)} came {len(rows)} times{also}"])


def _fold_dividends(rows: Sequence[Row]) -> Folded:
    currencies = sorted({row["currency"] for row in rows})
    if len(currencies) > 1:
        return Folded(refused=[(row, f"dividend in several currencies, {', '.join(currencies)}") for row in rows])
    relations = {_relation(one, other) for one, other in combinations(rows, 2)}
    if _CONTRADICTION in relations:
        return Folded(refused=[(row, f"{_dividend(row)} contradicts another") for row in rows])
    payments: list[Row] = []
    repeated: dict[int, list[Row]] = {}
    for row in rows:
        same = next((at for at, paid in enumerate(payments) if _relation(paid, row) == _REPEAT), None)
        if same is None:
            payments.append(row)
        else:
            repeated.setdefault(same, []).append(row)
    folded = Folded(kept=[payments[0] | {"cash_amount": round(sum(row["cash_amount"] for row in payments), 8)}])
    for place, others in repeated.items():
        folded.repeats.append(f"{_named(payments[place])}: {_times(payments[place], others)}")
    if len(payments) > 1:
        parts = " + ".join(f"{row['cash_amount']:g}" for row in payments)
        folded.repeats.append(f"{_named(rows[0])}: {rows[0]['kind']} dividends of one day are added up: {parts}")
    return folded


def _relation(one: Row, other: Row) -> str:
    """What two dividends of one kind and currency are to each other."""
    equal = _equal(one["cash_amount"], other["cash_amount"])
    identified = one["vendor_id"] is not None and other["vendor_id"] is not None
    if identified and one["vendor_id"] == other["vendor_id"]:
        return _REPEAT if equal else _CONTRADICTION
    if identified and all(_differ(one[name], other[name]) for name in ("declared_on", "pay_date")):
        return _SEPARATE
    if equal:
        return _REPEAT
    return _SEPARATE if identified and one["kind"] in PARTIAL else _CONTRADICTION


def _times(kept: Row, others: Sequence[Row]) -> str:
    """How often a dividend came, and where its dates differ."""
    told = {name: {str(row[name]) for row in (kept, *others) if row[name] is not None} for name in _DATES}
    differing = [f"{name} {', '.join(sorted(days))}" for name, days in told.items() if len(days) > 1]
    also = f", with {'; '.join(differing)}" if differing else ""
    return f"{_dividend(kept)} came {len(others) + 1} times{also}"


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other))


def _whole(row: Row) -> bool:
    return bool(float(row["split_from"]).is_integer() and float(row["split_to"]).is_integer())


def _named(row: Row) -> str:
    return f"{row['ticker']} {row['ex_date']}"


def _split(row: Row) -> str:
    return f"split {row['split_to']:g} for {row['split_from']:g}"


def _dividend(row: Row) -> str:
    return f"{row['kind']} dividend of {row['cash_amount']:g} {row['currency']}"
