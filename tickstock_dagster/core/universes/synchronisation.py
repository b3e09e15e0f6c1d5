"""The daily synchronisation of universes: what tasks propose, and how proposals become one plan.

The tasks are independent of each other: each proposes, none writes. Where several speak of one universe, the order of
`PRECEDENCE` decides. What each task proposes belongs in `core.universes.sync_tasks`, what stops a plan in
`core.universes.sync_guards`; staging and applying in `adapters.universes.sync_store`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from tickstock_dagster.core.events.universe_data import TaskName
from tickstock_dagster.core.universes.rules import Rule

PRECEDENCE: tuple[str, ...] = (
    "delisted_cleanup",
    "theme_rebalancing",
    "market_cap_recalculation",
    "ipo_universe_assignment",
    "etf_universe_maintenance",
)
"""Who is right where two tasks speak of one universe: a delisting is a fact, a whole evaluation says more than the
removal of single members."""

TASKS: tuple[str, ...] = get_args(TaskName)
"""The five tasks, in the order in which they are told of."""


@dataclass(frozen=True, slots=True)
class UniverseState:
    """A universe as a session finds it.

    Attributes:
        key: canonical name.
        type: theme, size, ipo, list, …
        category: a theme's name, else the type.
        dated: whether its members are determined by session; else it is a list.
        members: the security and ticker of every member on the session before; of a list, those that are known.
        rule: the one in force; None for lists.
        rule_version: its version.
        determined: whether its members were ever determined, for the session or an earlier one.
    """

    key: str
    type: str
    category: str | None
    dated: bool
    members: Mapping[int, str]
    rule: Rule | None = None
    rule_version: int | None = None
    determined: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """A member that is to leave. `certain`: it follows from the calendar or the rule's own time, not from an answer."""

    security_id: int
    ticker: str
    reason: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Classified:
    """A new listing with what it was classified by."""

    security_id: int
    ticker: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a task wants of one universe.

    Attributes:
        universe: canonical name.
        task: who proposes.
        members: all members, in order; None: only `departures` are proposed.
        joined: how many of them are new.
        departures: members that leave.
        rule_version: of the rule that decided.
        reasons: why, by security.
        evidence: per ticker looked at.
        classified: new listings among the members.
        figures: of a theme's candidates, by security: AUM, expense ratio, dollar volume; None where not known.
    """

    universe: str
    task: str
    members: tuple[int, ...] | None = None
    joined: int = 0
    departures: tuple[Departure, ...] = ()
    rule_version: int | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    classified: tuple[Classified, ...] = ()
    figures: Mapping[int, Sequence[float | None]] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """Members that join or leave, and new listings that are classified."""
        return self.joined + len(self.departures) + len(self.classified)


@dataclass(frozen=True, slots=True)
class StagedTask:
    """What one task left for a session: its proposals and how it went. `skipped` says why it had nothing to do."""

    task: str
    proposals: tuple[Proposal, ...]
    examined: int
    seconds: float
    skipped: str | None = None

    @property
    def changes(self) -> int:
        """Changes that it proposes."""
        return sum(proposal.changes for proposal in self.proposals)


@dataclass(frozen=True, slots=True)
class UniverseChange:
    """What a plan makes of one universe.

    Attributes:
        universe: as the session finds it.
        members: all members from now on, in order; None: it is a list, and only `departures` leave it.
        departures: members that leave.
        task: whose word it is.
        rule_version: of the rule that decided.
        reasons: why, by security.
        evidence: per ticker looked at.
        classified: new listings.
        metadata: the theme's figures.
    """

    universe: UniverseState
    members: tuple[int, ...] | None
    departures: tuple[Departure, ...]
    task: str
    rule_version: int | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    classified: tuple[Classified, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """All changes of a session.

    Attributes:
        changes: what is applied.
        metadata: the figures of the themes, by universe.
        emptied: what is not applied, since nobody would be left: no universe is empty.
    """

    changes: tuple[UniverseChange, ...]
    metadata: Mapping[str, Mapping[str, Any]]
    emptied: tuple[UniverseChange, ...] = ()

    @property
    def left_alone(self) -> dict[str, str]:
        """Why each of the universes that would become empty would."""
        return {one.universe.key: f"it would become empty: {one.departures[0].reason}" for one in self.emptied}


def merge(staged: Iterable[StagedTask], universes: Iterable[UniverseState]) -> SyncPlan:
    """One change per universe from the proposals of all tasks.

    The whole membership that stands first in `PRECEDENCE` holds, without the members of whom a task before it says
    that they leave. Where none is proposed, every proposed departure leaves. A universe that would become empty is
    left alone.

    Args:
        staged: what the tasks propose; universes that are not known are passed over.
        universes: as the session finds them.
    """
    by_universe: dict[str, list[Proposal]] = {}
    for task in staged:
        for proposal in task.proposals:
            by_universe.setdefault(proposal.universe, []).append(proposal)
    changes: list[UniverseChange] = []
    metadata: dict[str, Mapping[str, Any]] = {}
    emptied: list[UniverseChange] = []
    for universe in sorted(universes, key=lambda state: state.key):
        proposals = sorted(by_universe.get(universe.key, ()), key=lambda proposal: PRECEDENCE.index(proposal.task))
        change = _merged(universe, proposals)
        remaining = tuple(universe.members)
        if change:
            gone = {departure.security_id for departure in change.departures}
            kept = change.members if change.members is not None else tuple(m for m in remaining if m not in gone)
            if kept:
                changes.append(change)
                remaining = kept
            elif change.departures:
                emptied.append(change)
        for proposal in proposals:
            if proposal.figures:
                metadata[universe.key] = theme_metadata(remaining, proposal.figures)
    return SyncPlan(tuple(changes), metadata, tuple(emptied))


def _merged(universe: UniverseState, proposals: Sequence[Proposal]) -> UniverseChange | None:
    whole = next((proposal for proposal in proposals if proposal.members is not None), None)
    rank = PRECEDENCE.index(whole.task) if whole else len(PRECEDENCE)
    heard = [proposal for proposal in proposals if PRECEDENCE.index(proposal.task) < rank or proposal is whole]
    leaving: dict[int, tuple[Departure, str]] = {}
    for proposal in heard:
        for departure in proposal.departures:
            leaving.setdefault(departure.security_id, (departure, proposal.task))
    departures = tuple(found for found, _ in leaving.values() if found.security_id in universe.members)
    reasons = {found.security_id: found.reason for found in departures}
    if whole is None:
        if not departures:
            return None
        speaker = next(proposal for proposal in heard if proposal.departures)
        gone = set(reasons)
        members = tuple(member for member in universe.members if member not in gone) if universe.dated else None
        evidence = {**_left(departures), **{k: v for one in heard for k, v in one.evidence.items()}}
        return UniverseChange(universe, members, departures, speaker.task, speaker.rule_version, reasons, evidence)
    # A newcomer may be gone already, too: what stands before the evaluation is believed.
    before = {security for security, (_, task) in leaving.items() if task != whole.task}
    return UniverseChange(
        universe,
        tuple(member for member in whole.members or () if member not in before),
        departures,
        whole.task,
        whole.rule_version,
        {**whole.reasons, **reasons},
        {**whole.evidence, **_left(found for found in departures if found.security_id in before)},
        tuple(one for one in whole.classified if one.security_id not in before),
    )


def _left(departures: Iterable[Departure]) -> dict[str, Any]:
    return {one.ticker: {"rank": None, "decision": "left", "reason": one.reason, "facts": {}} for one in departures}


def theme_metadata(members: Iterable[int], figures: Mapping[int, Sequence[float | None]]) -> dict[str, Any]:
    """A theme's figures over its members: how many, AUM in USD, mean expense ratio, median dollar volume.

    Members of which a figure is not known do not count in it; it is null where none is.
    """
    chosen = list(members)
    rows = [figures[member] for member in chosen if member in figures]
    aum, ratios, volumes = ([row[place] for row in rows if row[place] is not None] for place in range(3))
    ordered = sorted(value for value in volumes if value is not None)
    middle = len(ordered) // 2
    median = None
    if ordered:
        median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {
        "members": len(chosen),
        "aum_usd": round(sum(value for value in aum if value is not None), 2) if aum else None,
        "mean_expense_ratio": round(sum(value for value in ratios if value is not None) / len(ratios), 8)
        if ratios
        else None,
        "median_adv_usd": round(median, 2) if median is not None else None,
    }
