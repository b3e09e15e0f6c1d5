"""Completeness by universe, ETF theme and equity type: counts of cells, the order of groups, and a table for people.

`core.loading.coverage` decides what is expected, stored or explained; `adapters.loading.completeness` reads it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from tickstock_dagster.core.intervals import covered
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, Completeness, GapReason
from tickstock_dagster.core.markdown import markdown_table

STATE_SCHEMA: dict[str, type[pl.DataType]] = {**CELL_SCHEMA, "state": pl.String, "reason": pl.String}
"""An expected cell and its state: stored, final (no longer owed) or open (missing); the reason is null where stored."""

GROUP_SPAN_SCHEMA: dict[str, type[pl.DataType]] = {
    "kind": pl.String,
    "name": pl.String,
    "security_id": pl.Int64,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}
"""Days, [valid_from, valid_to), on which a listed security belongs to a group; spans may overlap."""


class GroupKind(StrEnum):
    """What symbols are grouped by."""

    UNIVERSE = "universe"
    THEME = "theme"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class GroupCompleteness:
    """The state of one group on one session.

    Attributes:
        kind: what the group is.
        name: the universe's key, the theme, or the vendor's type code (`unknown` where there is none).
        members: securities of the group that were listed.
        state: completeness of its members; for a type, of those that are tracked.
        tracked: whether its bars count for alerts, retries and the objective. Others are reported alone.
        frequency: realtime or eod for a type where it is known, else None.
    """

    kind: GroupKind
    name: str
    members: int
    state: Completeness
    tracked: bool = True
    frequency: str | None = None

    @property
    def label(self) -> str:
        """The name for people, with what sets the group apart."""
        notes = [self.frequency] if self.frequency else []
        notes += [] if self.tracked else ["not tracked"]
        return f"{self.name} ({', '.join(notes)})" if notes else self.name

    @property
    def ratio(self) -> float | None:
        """Bars stored per bar owed, 0 to 1; None where no bar of the group is expected: it is not complete."""
        return self.state.ratio if self.state.expected else None

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; the session is a date."""
        return {
            "session": self.state.session,
            "name": self.name,
            "tracked": self.tracked,
            "members": self.members,
            "expected": self.state.expected,
            "stored": self.state.stored,
            "explained": self.state.final,
            "missing": self.state.missing,
            "completeness": None if self.ratio is None else round(self.ratio, 6),
            **({"update_frequency": self.frequency} if self.kind is GroupKind.TYPE else {}),
        }


def with_reasons(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells without a state are open: they were never requested. Takes and returns `STATE_SCHEMA`."""
    unknown = pl.col("state").is_null()
    return cells.with_columns(
        state=pl.col("state").fill_null("open"),
        reason=pl.when(unknown).then(pl.lit(GapReason.NEVER_ASKED.value)).otherwise(pl.col("reason")),
    )


def session_states(cells: pl.DataFrame) -> list[Completeness]:
    """The state of each session among expected cells (`STATE_SCHEMA`), ascending."""
    rows = (
        cells.group_by("session")
        .agg(
            pl.len().alias("expected"),
            (pl.col("state") == "stored").sum().alias("stored"),
            (pl.col("state") == "final").sum().alias("final"),
        )
        .sort("session")
    )
    return [
        Completeness(session, total, stored, final, total - stored - final)
        for session, total, stored, final in rows.iter_rows()
    ]


def states_of_counts(counts: pl.DataFrame, lacking: pl.DataFrame) -> list[Completeness]:
    """The state of each session, from counts and the cells without a bar alone.

    Args:
        counts: (session, expected), ascending.
        lacking: `STATE_SCHEMA`, the expected cells that are not stored.
    """
    final = pl.col("state") == "final"
    by_session = lacking.group_by("session").agg(pl.len().alias("absent"), final.sum().alias("final"))
    rows = counts.join(by_session, on="session", how="left", maintain_order="left").fill_null(0)
    return [
        Completeness(session, total, total - absent, final, absent - final)
        for session, total, absent, final in rows.select("session", "expected", "absent", "final").iter_rows()
    ]


def reasons(cells: pl.DataFrame) -> dict[str, int]:
    """How many of some cells (`STATE_SCHEMA`) have no bar, by reason, the most frequent first."""
    counts = cells.drop_nulls("reason").group_by("reason").agg(pl.len().alias("cells"))
    return dict(counts.sort("cells", "reason", descending=[True, False]).iter_rows())


def group_completeness(
    cells: pl.DataFrame,
    spans: pl.DataFrame,
    frequencies: Mapping[str, str] | None = None,
    *,
    untracked: Collection[str] = (),
) -> list[GroupCompleteness]:
    """Count each group's cells on each session, in one pass.

    Args:
        cells: `STATE_SCHEMA`, every expected cell of some sessions once.
        spans: `GROUP_SPAN_SCHEMA`.
        frequencies: equity type → realtime or eod.
        untracked: names of groups that are not tracked.

    Returns:
        By session (newest first), then kind; tracked ones first, then the worst: the lowest ratio, the most missing,
        the name. Groups without expected bars come last.
    """
    days = cells.lazy().select("session").unique()
    states = cells.lazy().select("security_id", "session", "state")
    rows = (
        spans.lazy()
        .join(days, how="cross")
        .filter(covered("session"))
        .select("kind", "name", "security_id", "session")
        .unique()
        .join(states, on=["security_id", "session"], how="left")
        .group_by("session", "kind", "name")
        .agg(
            pl.len().alias("members"),
            pl.col("state").count().alias("expected"),
            (pl.col("state") == "stored").sum().alias("stored"),
            (pl.col("state") == "final").sum().alias("final"),
        )
        .collect()
    )
    known = frequencies or {}
    groups = [
        GroupCompleteness(
            GroupKind(kind),
            name,
            members,
            Completeness(session, expected, stored, final, expected - stored - final),
            name not in untracked,
            known.get(name) if kind == GroupKind.TYPE else None,
        )
        for session, kind, name, members, expected, stored, final in rows.iter_rows()
    ]
    order = list(GroupKind)
    return sorted(groups, key=lambda g: (-g.state.session.toordinal(), order.index(g.kind), _badness(g)))


def worst_groups(groups: Sequence[GroupCompleteness], limit: int) -> list[GroupCompleteness]:
    """At most `limit` groups with expected bars, of all kinds and sessions, the worst first."""
    return sorted((group for group in groups if group.state.expected), key=_badness)[:limit]


def groups_table(groups: Sequence[GroupCompleteness], limit: int = 12) -> str:
    """A markdown table of the worst groups, at most `limit` rows; a last line says how many groups were left out."""
    head = ["by", "group", "members", "expected", "stored", "explained", "missing", "complete"]
    rows = []
    for group in worst_groups(groups, limit):
        state = group.state
        name = group.label
        counts = (group.members, state.expected, state.stored, state.final, state.missing)
        rows.append((group.kind, name, *counts, f"{state.ratio:.2%}"))
    left = sum(1 for group in groups if group.state.expected) - limit
    return markdown_table(head, rows, right=head[2:]) + (
        f"\n\n{left} further groups are at least as complete as the last one." if left > 0 else ""
    )


def _badness(group: GroupCompleteness) -> tuple[bool, bool, float, int, str]:
    return (not group.state.expected, not group.tracked, group.state.ratio, -group.state.missing, group.name)
