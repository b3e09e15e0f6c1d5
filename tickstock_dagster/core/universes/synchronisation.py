"""The daily synchronisation of universes: what tasks propose, and how proposals become one plan.

The tasks are independent of each other: each proposes, none writes. Where several have proposals for one universe, the
order of `PRECEDENCE` decides. The tasks' proposals belong in `core.universes.sync_tasks`, the guards that stop a plan
in `core.universes.sync_guards`, staging and applying in `adapters.universes.sync_store`.

Longer than 250 lines because the plan's values and the merging that makes it are one vocabulary.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
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
"""Which task wins where two have proposals for one universe: a delisting is a fact, and a whole evaluation outweighs
the removal of single members."""

TASKS: tuple[str, ...] = get_args(TaskName)
"""The five tasks, in the order in which they are reported."""


@dataclass(frozen=True, slots=True)
class UniverseState:
    """A universe before a session's synchronisation.

    Attributes:
        key: canonical name.
        type: theme, size, ipo, list, …
        category: a theme's name, else the type.
        dated: whether it has members by session; otherwise it is a list.
        members: ticker by security of every member on the session before, or as a person determined the session
            itself (a rule set, a file imported); for a list, of its known members.
        rule: the rule in force; None for lists.
        rule_version: version of the rule.
        determined: whether members were ever determined, for this session or an earlier one.
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
    """A proposed departure. `certain`: it follows from time alone, not from a vendor's answer."""

    security_id: int
    ticker: str
    reason: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Classified:
    """A new listing with the facts that classify it."""

    security_id: int
    ticker: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A task's proposal for one universe.

    Attributes:
        universe: canonical name.
        task: the proposing task.
        members: all members, in order; None where the task proposes `departures` only.
        joined: number of new members.
        departures: members that leave.
        rule_version: version of the rule that decided.
        reasons: reason by security.
        evidence: evidence by ticker.
        classified: new listings among the members.
        figures: AUM in USD, expense ratio and dollar volume of a theme's candidates, by security; None where unknown.
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
        """Number of joining and leaving members and of classified new listings."""
        return self.joined + len(self.departures) + len(self.classified)


@dataclass(frozen=True, slots=True)
class StagedTask:
    """One task's proposals for a session, and how the task went. `skipped` says why it had nothing to do."""

    task: str
    proposals: tuple[Proposal, ...]
    examined: int
    seconds: float
    skipped: str | None = None

    @property
    def changes(self) -> int:
        """Number of proposed changes."""
        return sum(proposal.changes for proposal in self.proposals)


@dataclass(frozen=True, slots=True)
class UniverseChange:
    """A plan's change to one universe.

    Attributes:
        universe: the universe before the synchronisation.
        members: all members from now on, in order; None for a list, which only `departures` leave.
        departures: members that leave.
        task: the task that decided.
        rule_version: version of the rule that decided.
        reasons: reason by security.
        evidence: evidence by ticker.
        classified: new listings among the members.
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
        changes: changes to apply.
        metadata: figures of the themes, by universe.
        emptied: changes that are not applied because they would leave a universe empty.
    """

    changes: tuple[UniverseChange, ...]
    metadata: Mapping[str, Mapping[str, Any]]
    emptied: tuple[UniverseChange, ...] = ()

    @property
    def left_alone(self) -> dict[str, str]:
        """The universes that a change would empty, each with the reason."""
        return {one.universe.key: f"it would become empty: {one.departures[0].reason}" for one in self.emptied}


def merge(staged: Iterable[StagedTask], universes: Iterable[UniverseState]) -> SyncPlan:
    """Merge the proposals of all tasks into one change per universe.

    The whole membership that comes first in `PRECEDENCE` holds, without members whose departure a task before it
    proposes. Where no task proposes a whole membership, every proposed departure leaves. A universe that would become
    empty stays as it is.

    Args:
        staged: the tasks' proposals; those for unknown universes are ignored.
        universes: the universes before the synchronisation.
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
    # A newcomer may be delisted too: tasks before the evaluation take precedence over it.
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

    A figure leaves out members without a known value; it is null where no member has one.
    """
    chosen = list(members)
    rows = [figures[member] for member in chosen if member in figures]
    aum, ratios, volumes = ([value for row in rows if (value := row[place]) is not None] for place in range(3))
    return {
        "members": len(chosen),
        "aum_usd": round(sum(aum), 2) if aum else None,
        "mean_expense_ratio": round(sum(ratios) / len(ratios), 8) if ratios else None,
        "median_adv_usd": round(median(volumes), 2) if volumes else None,
    }
