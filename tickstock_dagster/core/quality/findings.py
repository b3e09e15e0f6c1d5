"""What judging stored data finds: a finding, its verdict, its evidence, and what would change it.

A finding is of one rule, security, session and dataset: found once, whoever looks and however often. Looking again may
change its verdict, and says so. Which rules there are is in `core.quality.rules`.
"""

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
