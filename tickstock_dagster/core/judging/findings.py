"""What judging stored data finds: a finding, its verdict, its evidence, and what would change it.

A finding is of one rule, security, session and dataset: found once, whoever looks and however often. Looking again may
change its verdict, and says so. The rules' thresholds are in `core.judging.thresholds`, the predicates in the modules
of their families.
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Verdict(StrEnum):
    """What a finding comes to."""

    EXPLAINED = "explained"
    """Something that is known accounts for it: the row is right."""
    SUSPICIOUS = "suspicious"
    """Nothing that is known accounts for it; the row stays where it is until somebody or something settles it."""
    WRONG = "wrong"
    """The row contradicts itself or its neighbours: it goes to quarantine, and its bar stays owed."""


class Severity(StrEnum):
    """How much hangs on a finding: `ERROR` holds back what is downstream, `WARN` does not."""

    ERROR = "error"
    WARN = "warn"


FINDING_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "rule": pl.String,
    "verdict": pl.String,
    "severity": pl.String,
    "cause": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "evidence": pl.String,
    "would_change": pl.String,
    "settled_by": pl.String,
}
"""One row per finding: `security_id`, `session` and `rule` are its key within a dataset.

`ticker` as printed on the session; `cause` in words, short: what accounts for it, or what it looks like; `value` is
what was measured, in the rule's unit, and `threshold` what it is compared with; `evidence` a JSON object with the
numbers and rows that were looked at; `would_change` says in words what would change the verdict; `settled_by` is the
vendor's call that would settle it, null where none would."""


class Family(StrEnum):
    """What a rule is about."""

    PRICE = "price"
    VOLUME = "volume"
    FRESHNESS = "freshness"
    STRUCTURE = "structure"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: as stored and published.
        family: what it is about.
        title: in words, what it finds.
        unit: of a finding's value and threshold.
    """

    name: str
    family: Family
    title: str
    unit: str


_RULES = (
    Rule("price_move", Family.PRICE, "close far from the previous close", "share of the previous close"),
    Rule("open_gap", Family.PRICE, "open far from the previous close", "share of the previous close"),
    Rule("day_range", Family.PRICE, "high far above the low", "share of the low"),
    Rule("reference_gap", Family.PRICE, "fund far from what it is compared with", "standard deviations"),
    Rule("volume_spike", Family.VOLUME, "volume far above the usual one", "multiple of the expected volume"),
    Rule("volume_drought", Family.VOLUME, "volume far below the usual one", "multiple of the expected volume"),
    Rule("no_volume", Family.VOLUME, "no share traded, though some do on every session", "shares"),
    Rule("data_stale", Family.FRESHNESS, "bars missing on several sessions in a row", "sessions"),
    Rule(
        "bar_order",
        Family.STRUCTURE,
        "a bar's own fields are missing or contradict one another",
        "share of the bar's middle",
    ),
    Rule("copied_bar", Family.STRUCTURE, "the bar of another session again", "copies on the session"),
    Rule("frozen_close", Family.STRUCTURE, "the same close too often in a row", "sessions"),
    Rule("scale_break", Family.STRUCTURE, "prices off by a power of ten", "multiple of the previous close"),
    Rule("lone_extreme", Family.STRUCTURE, "a high or low that stands alone", "multiple of the body"),
    Rule("lone_bar", Family.STRUCTURE, "a bar apart from both neighbours", "standard deviations"),
    Rule("session_break", Family.STRUCTURE, "a whole session off at once", "multiple of the usual level"),
    Rule("sources_differ", Family.SOURCE, "sources disagree about a bar", "share of the stored value"),
)

RULES = {rule.name: rule for rule in _RULES}
"""Every rule by its name."""
