"""Gathering what the rules find, each row with its evidence, into one frame of findings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tickstock_dagster.core.judging.findings import FINDING_SCHEMA, Severity, Verdict

BAR = ("open", "high", "low", "close", "volume")
"""What every finding shows of the bar itself."""


@dataclass(slots=True)
class Found:
    """Findings so far.

    Attributes:
        wrong: whether each row of the judged frame counts for nothing.
        frames: the findings of each rule.
        spoken_for: by rule, rows of which another finding speaks already: they get none of that rule.
    """

    wrong: pl.Series
    frames: list[pl.DataFrame] = field(default_factory=list)
    spoken_for: Mapping[str, pl.Series] = field(default_factory=dict)

    def add(
        self,
        rule: str,
        rows: pl.DataFrame,
        *,
        verdict: pl.Expr | Verdict,
        cause: pl.Expr | str,
        value: pl.Expr,
        threshold: pl.Expr,
        evidence: Sequence[str | pl.Expr] = (),
        would_change: pl.Expr | str = "",
        settled_by: pl.Expr | None = None,
        severity: Severity = Severity.WARN,
    ) -> None:
        """Add the findings of one rule.

        Args:
            rule: its name.
            rows: of the judged frame, with its `row`.
            verdict: of each.
            cause: of each, in words.
            value: what was measured.
            threshold: what it is compared with.
            evidence: columns or named expressions that were looked at, beside the bar.
            would_change: what would change the verdict, in words.
            settled_by: the vendor's call that would settle it.
            severity: of the rule.
        """
        if rule in self.spoken_for:
            rows = rows.filter(~pl.col("row").is_in(self.spoken_for[rule].implode()))
        if rows.is_empty():
            return
        shown = pl.struct(*BAR, *evidence).struct.json_encode()
        none = pl.lit(None, dtype=pl.String)
        self.frames.append(
            rows.select(
                "row",
                "security_id",
                "session",
                "ticker",
                rule=pl.lit(rule),
                verdict=_text(verdict),
                severity=pl.lit(severity.value),
                cause=_text(cause),
                value=value.cast(pl.Float64),
                threshold=threshold.cast(pl.Float64),
                evidence=shown,
                would_change=_text(would_change),
                settled_by=none if settled_by is None else settled_by,
            )
        )

    def mark_wrong(self, rows: pl.DataFrame) -> None:
        """Let rows count for nothing from now on."""
        marked = self.wrong.to_numpy().copy()
        marked[rows["row"].to_numpy()] = True
        self.wrong = pl.Series("wrong", marked)

    def findings(self) -> pl.DataFrame:
        """All findings as `FINDING_SCHEMA`, by security, session and rule."""
        if not self.frames:
            return pl.DataFrame(schema=FINDING_SCHEMA)
        found = pl.concat(self.frames).unique(["security_id", "session", "rule"], keep="first", maintain_order=True)
        return found.sort("security_id", "session", "rule").select(list(FINDING_SCHEMA))


def verdict_of(explained: pl.Expr, wrong: pl.Expr | None = None) -> pl.Expr:
    """Explained where that holds, wrong where the other does, else suspicious."""
    rest = pl.lit(Verdict.SUSPICIOUS.value)
    if wrong is not None:
        rest = pl.when(wrong).then(pl.lit(Verdict.WRONG.value)).otherwise(rest)
    return pl.when(explained).then(pl.lit(Verdict.EXPLAINED.value)).otherwise(rest)


def first_of(reasons: Mapping[str, pl.Expr]) -> pl.Expr:
    """The words of the first condition that holds, in their order; null where none does."""
    chosen = pl.lit(None, dtype=pl.String)
    for words, holds in reversed(list(reasons.items())):
        chosen = pl.when(holds.fill_null(value=False)).then(pl.lit(words)).otherwise(chosen)
    return chosen


def choose(cases: Sequence[tuple[pl.Expr, pl.Expr]], otherwise: pl.Expr) -> pl.Expr:
    """The value of the first condition that holds, in their order."""
    chosen = otherwise
    for holds, value in reversed(cases):
        chosen = pl.when(holds).then(value).otherwise(chosen)
    return chosen


def vendor_call(path: str) -> pl.Expr:
    """A call of the vendor's with the row's ticker and session in the places `{ticker}` and `{session}` of its path."""
    places = {
        "{ticker}": pl.col("ticker").str.replace_all("/", "%2F").str.replace_all("+", "%2B", literal=True),
        "{session}": pl.col("session").cast(pl.String),
    }
    parts = re.split(r"(\{ticker\}|\{session\})", path)
    return pl.concat_str([places.get(part, pl.lit(part)) for part in parts])


def _text(given: pl.Expr | str) -> pl.Expr:
    return given if isinstance(given, pl.Expr) else pl.lit(str(given))
