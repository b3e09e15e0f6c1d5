"""Applies a universe's rule to the facts of a session: which securities are members, and why.

A security that fails the rules of its equity type (fact `validation`) is no member, as if it broke a condition of the
universe's own; a rule's pinned tickers are. Where the verdict is unknown, the universe's conditions decide alone.

The parts of a rule are in `core.universes.rule_parts`. An evaluation is a proposal and writes nothing.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from tickstock_dagster.core.universes.facts import FAILS, as_evidence
from tickstock_dagster.core.universes.ranking import Assessment, choose
from tickstock_dagster.core.universes.rule_parts import Condition, Rule, Top

__all__ = ["ASSESSMENT_SCHEMA", "Condition", "Evaluation", "Member", "Rule", "Top", "evaluate"]

EVIDENCE_REFUSED = 2_000
"""Number of refused securities that an evaluation's evidence names at most."""

ASSESSMENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "rank": pl.Int64,
    "member": pl.Boolean,
    "decision": pl.String,
    "reason": pl.String,
    "facts": pl.String,
}
"""One row per considered security, members first.

`decision` is joined, stays, kept (a fact is unknown), left or refused; `facts` is JSON.
"""


class Member(NamedTuple):
    """A member. `rank` counts from 1 by the rule's `top`; None without a rank."""

    security_id: int
    ticker: str
    rank: int | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The members by a rule, and the assessment of every considered security.

    Attributes:
        members: in order: pinned ones, then by rank, else by ticker.
        assessments: `ASSESSMENT_SCHEMA`, members first.
    """

    members: tuple[Member, ...]
    assessments: pl.DataFrame

    def reasons(self) -> dict[int, str]:
        """Why each considered security is a member or not."""
        return dict(self.assessments.select("security_id", "reason").iter_rows())

    def evidence(self) -> dict[str, Any]:
        """Rank, decision, reason and the facts used, by ticker, in JSON types.

        Covers all present and former members and the first `EVIDENCE_REFUSED` refused securities in order (by rank).
        Where the rule ranks, it names no more refused securities than members: those far from the count need no daily
        row.
        """
        rows = self.assessments.filter(pl.col("ticker").is_not_null())
        refused = rows.filter(pl.col("decision") == "refused")
        ranked = refused["rank"].is_not_null().any()
        few = refused.head(min(EVIDENCE_REFUSED, len(self.members)) if ranked else EVIDENCE_REFUSED)
        return {
            row["ticker"]: {
                "rank": row["rank"],
                "decision": row["decision"],
                "reason": row["reason"],
                "facts": json.loads(row["facts"]),
            }
            for row in pl.concat([rows.filter(pl.col("decision") != "refused"), few]).iter_rows(named=True)
        }


def evaluate(rule: Rule, facts: pl.DataFrame, incumbents: frozenset[int]) -> Evaluation:
    """Assess every candidate and every incumbent.

    Args:
        rule: the universe's rule.
        facts: `FACT_SCHEMA` of the session.
        incumbents: securities that are members before the session.

    Returns:
        The members, and why; an incumbent without facts is not listed, and leaves.
    """
    assessments = _assess(rule, facts, incumbents)
    eligible = []
    for one in assessments:
        if one.pinned:
            one.member, one.unknown, one.reason = True, None, "pinned by the rule"
        elif one.fails or (one.unknown and not one.incumbent):
            one.reason = one.fails or f"not admitted: {one.unknown} is not known"
        else:
            one.member = True
            one.reason = f"kept: {one.unknown} is not known" if one.unknown else _all_hold(rule)
            eligible.append(one)
    if rule.top:
        choose(rule.top, rule.top.count - sum(one.pinned for one in assessments), eligible)
    pins = {ticker: place for place, ticker in enumerate(rule.pinned)}
    assessments.sort(
        key=lambda one: (
            not one.member,
            pins.get(one.ticker or "", len(pins)),
            one.rank is None,
            one.rank or 0,
            one.ticker is None,
            one.ticker or "",
            one.security_id,
        )
    )
    return Evaluation(
        tuple(Member(one.security_id, one.ticker or "", one.rank) for one in assessments if one.member),
        _frame(assessments, rule.fields),
    )


def _assess(rule: Rule, facts: pl.DataFrame, incumbents: frozenset[int]) -> list[Assessment]:
    candidates = [condition.expression().alias(f"?{place}") for place, condition in enumerate(rule.candidates)]
    conditions = [
        condition.expression().alias(f"?{place}")
        for place, condition in enumerate(rule.conditions, start=len(candidates))
    ]
    every: tuple[Condition, ...] = (*rule.candidates, *rule.conditions)
    held = pl.col("security_id").is_in(list(incumbents))
    looked_at = held | pl.col("ticker").is_in(list(rule.pinned))
    if candidates:
        looked_at = looked_at | pl.all_horizontal(f"?{place}" for place in range(len(candidates))).fill_null(
            value=False
        )
    rows = facts.with_columns(candidates + conditions).filter(looked_at).sort("security_id")
    found = []
    for row in rows.iter_rows(named=True):
        verdicts = [row[f"?{place}"] for place in range(len(every))]
        broken = [condition for condition, verdict in zip(every, verdicts, strict=True) if verdict is False]
        why = [f"not {one.text()}: {_text(row[one.field])}" for one in broken]
        if row["validation"] == FAILS:
            why.append(f"fails the rules of its type: {row['validation_reason']}")
        unknown = [condition.field for condition, verdict in zip(every, verdicts, strict=True) if verdict is None]
        found.append(
            Assessment(
                row["security_id"],
                row["ticker"],
                row["security_id"] in incumbents,
                facts=row,
                pinned=row["ticker"] in rule.pinned,
                fails="; ".join(why) or None,
                unknown=", ".join(dict.fromkeys(unknown)) or None,
            )
        )
    absent = incumbents - {one.security_id for one in found}
    found += [Assessment(security_id, None, incumbent=True, fails="not listed") for security_id in sorted(absent)]
    return found


# -- words ------------------------------------------------------------------------------------------------------------


def _all_hold(rule: Rule) -> str:
    return "; ".join(condition.text() for condition in (*rule.candidates, *rule.conditions)) or "pinned by the rule"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.10g}"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _frame(assessments: list[Assessment], fields: tuple[str, ...]) -> pl.DataFrame:
    rows = [
        (
            one.security_id,
            one.ticker,
            one.rank,
            one.member,
            one.decision,
            one.reason,
            json.dumps(as_evidence(one.facts, fields) if one.facts else {}),
        )
        for one in assessments
    ]
    return pl.DataFrame(rows, schema=ASSESSMENT_SCHEMA, orient="row")
