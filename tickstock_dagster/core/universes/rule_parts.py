"""The parts of a universe's rule: versioned data, validated when written.

A rule names its candidates, the conditions that they must satisfy, and, where it wants the largest, how many and by
which fact. An unknown fact neither admits a newcomer nor drops an incumbent. `core.universes.facts` defines the facts;
`core.universes.rules` applies a rule to them, and re-exports the parts: import them from there.

Longer than 250 lines because a rule is valid only as a whole: its conditions are checked against each other.
"""

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.printable import is_plain
from tickstock_dagster.core.universes.facts import FACTS, Fact, fact_named

Operator = Literal[">", ">=", "<", "<=", "==", "in", "contains"]

OPERATORS: dict[str, tuple[Operator, ...]] = {
    "number": (">", ">=", "<", "<=", "=="),
    "date": (">", ">=", "<", "<=", "=="),
    "text": ("==", "in"),
    "list": ("contains",),
}
"""The operators of each kind of fact."""

KEEP = 1.1
"""Multiple of the count up to which an incumbent's rank lets it stay, unless the rule says otherwise."""

LARGEST_COUNT = 20_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    @model_validator(mode="after")
    def _can_be_stored_and_shown(self) -> Self:
        """Refuse texts with control characters; a NUL could not even be stored."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and not is_plain(text):
                    raise BadInputError(name, text, "text of printable characters")
        return self


class Condition(_Part):
    """One condition on a fact, such as `aum_usd > 1000000000`.

    Attributes:
        field: name in `core.universes.facts.FACTS`.
        op: an operator of that fact's kind, `OPERATORS`.
        value: a number in the fact's unit; a text; for `in` a list of texts; for a date a text such as 2026-11-20.

    Raises:
        BadInputError: an unknown field or operator, or an invalid value; the message names what is accepted.
    """

    field: str
    op: str
    value: float | str | tuple[str, ...]

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        fact = fact_named(self.field)
        accepted = OPERATORS[fact.kind]
        if self.op not in accepted:
            raise BadInputError(f"operator of {self.field}", self.op, f"accepted: {', '.join(accepted)}")
        if fact.kind == "number":
            self._is_a_plausible_number(fact)
        elif fact.kind == "date":
            self._is_a_date()
        elif (self.op == "in") != isinstance(self.value, tuple) or not self.value or isinstance(self.value, float):
            wanted = "a list of at least one text" if self.op == "in" else "a text"
            raise BadInputError(f"value of {self.field} {self.op}", self.value, wanted)
        return self

    def _is_a_plausible_number(self, fact: Fact) -> None:
        low, high = fact.bounds or (-math.inf, math.inf)
        if not isinstance(self.value, float) or not (low <= self.value <= high or self.value == 0):
            accepted = f"a number from {low:,.10g} to {high:,.10g} ({fact.unit})"
            raise BadInputError(f"value of {self.field} {self.op}", self.value, accepted)

    def _is_a_date(self) -> None:
        try:
            date.fromisoformat(self.value if isinstance(self.value, str) else "")
        except ValueError:
            raise BadInputError(f"value of {self.field} {self.op}", self.value, "a date such as 2026-11-20") from None

    def text(self) -> str:
        """The condition in words: `aum_usd > 1,000,000,000`."""
        value = f"{self.value:,.10g}" if isinstance(self.value, float) else self.value
        return f"{self.field} {self.op} {', '.join(value) if isinstance(value, tuple) else value}"

    def expression(self) -> pl.Expr:
        """Whether the condition holds, over `FACT_SCHEMA`; null where the fact is unknown."""
        column = pl.col(self.field)
        if isinstance(self.value, tuple):
            return column.is_in(list(self.value))
        if self.op == "contains":
            return column.list.contains(self.value)
        is_date = FACTS[self.field].kind == "date"
        value = pl.lit(date.fromisoformat(str(self.value)) if is_date else self.value)
        compared = {
            ">": column.gt,
            ">=": column.ge,
            "<": column.lt,
            "<=": column.le,
            "==": column.eq,
        }
        return compared[self.op](value)


class Top(_Part):
    """The largest by a fact: a fixed number, counted by issuer, with a band of ranks in which members do not change.

    A newcomer always enters at a rank ≤ `enter_at`, and an incumbent stays while its rank ≤ `stays_until`. Remaining
    places go to the next largest; surplus members leave from the bottom. So the count is exact, no newcomer enters from
    below it, and securities that swap ranks inside the band do not change the members.

    Attributes:
        by: a number among the facts.
        count: how many members.
        group_by: `cik` ranks an issuer's share classes together, by their sum; None ranks every security by itself.
        keep_until: rank up to which an incumbent stays; by default 1.1 × count.

    Raises:
        BadInputError: `by` is not a number, or `count` or `keep_until` is out of bounds.
    """

    by: str
    count: int
    group_by: Literal["cik"] | None = None
    keep_until: int | None = None

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if fact_named(self.by).kind != "number":
            numbers = [name for name, fact in FACTS.items() if fact.kind == "number" and name != "security_id"]
            raise BadInputError("top.by", self.by, choices(self.by, numbers))
        if not 1 <= self.count <= LARGEST_COUNT:
            raise BadInputError("top.count", self.count, f"a number from 1 to {LARGEST_COUNT:,}")
        if self.keep_until is not None and not self.count <= self.keep_until <= 2 * self.count:
            accepted = f"a rank from {self.count:,} (the count) to {2 * self.count:,} (twice the count)"
            raise BadInputError("top.keep_until", self.keep_until, accepted)
        return self

    @property
    def stays_until(self) -> int:
        """Rank up to which an incumbent stays."""
        return math.floor(self.count * KEEP) if self.keep_until is None else self.keep_until

    @property
    def enter_at(self) -> int:
        """Rank up to which a newcomer always enters: as far above the count as `stays_until` is below it."""
        return 2 * self.count - self.stays_until


class Rule(_Part):
    """Who belongs to a universe.

    Attributes:
        title: one line for people.
        candidates: which securities are considered; all must hold. A newcomer with an unknown one is not considered.
        conditions: what a candidate must satisfy; all must hold.
        top: keeps the largest candidates only; None keeps all.
        pinned: tickers that are members whenever they are listed, whatever the rest says; `top` counts them.

    Raises:
        BadInputError: a part is invalid, or there are neither candidates nor pinned tickers.
    """

    title: str = Field(min_length=1)
    candidates: tuple[Condition, ...] = ()
    conditions: tuple[Condition, ...] = ()
    top: Top | None = None
    pinned: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.candidates and not self.pinned:
            raise BadInputError("candidates", "()", "at least one condition that names candidates, or pinned tickers")
        if len(set(self.pinned)) != len(self.pinned) or "" in self.pinned:
            raise BadInputError("pinned", ", ".join(self.pinned), "tickers, each once")
        if self.top and len(self.pinned) > self.top.count:
            raise BadInputError("pinned", f"{len(self.pinned)} tickers", f"at most the count of {self.top.count}")
        for condition in (*self.candidates, *self.conditions):
            self._can_hold_beside_the_others(condition)
        return self

    def _can_hold_beside_the_others(self, condition: Condition) -> None:
        for other in (*self.candidates, *self.conditions):
            if other.field != condition.field or FACTS[condition.field].kind not in ("number", "date"):
                continue
            if condition.op in (">", ">=") and other.op in ("<", "<=", "=="):
                meets = condition.op == ">=" and other.op != "<"
                low, high = condition.value, other.value
                if low > high or (low == high and not meets):  # type: ignore[operator]  # both are of the field's kind
                    raise BadInputError(condition.text(), other.text(), "bounds with values between them")

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the facts that the rule uses, each once, in order of use."""
        asked = [condition.field for condition in (*self.candidates, *self.conditions)]
        if self.top:
            asked += [self.top.by, *([self.top.group_by, "adv20_usd"] if self.top.group_by else [])]
        return tuple(dict.fromkeys(asked))

    @classmethod
    def from_json(cls, data: str | Mapping[str, Any]) -> Self:
        """Read a rule that `to_json` or a person wrote.

        Args:
            data: a JSON text, or the object parsed from one.

        Raises:
            BadInputError: the rule is invalid; the message names the part, its value and what is accepted.
        """
        try:
            return cls.model_validate_json(data if isinstance(data, str) else json.dumps(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"] if part not in ("float", "str", "tuple[str, ...]"))
            accepted = _ACCEPTED.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
            raise BadInputError(place or "rule", first["input"], accepted) from None

    def to_json(self) -> dict[str, JsonValue]:
        """As a JSON object, without default values."""
        written: dict[str, JsonValue] = _plain(self.model_dump(mode="json", exclude_defaults=True))
        return written

    def liquidity_filter(self) -> dict[str, JsonValue] | None:
        """The conditions in the form of `cache_entries.liquidity_filter`; None without conditions.

        The names are those that the SQL function `get_etf_universe` filters by, in the facts' units:
        `{"aum_min": 1000000000, "adv_usd_min": 5000000, "expense_ratio_max": 0.0075}`. They are for readers; the rule
        decides.
        """
        sides = {">": "_min", ">=": "_min", "<": "_max", "<=": "_max"}
        found = {
            _SHORT.get(condition.field, condition.field) + sides.get(condition.op, ""): condition.value
            for condition in self.conditions
        }
        return _plain(found) or None


_SHORT = {"aum_usd": "aum", "adv20_usd": "adv_usd", "adv20_shares": "adv_shares"}


def _plain(value: Any) -> Any:
    """Whole numbers without a point, and lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_ACCEPTED = {
    "extra_forbidden": "no such field",
    "missing": "a required field",
    "literal_error": "cik, or nothing",
    "json_invalid": "a JSON object",
}
