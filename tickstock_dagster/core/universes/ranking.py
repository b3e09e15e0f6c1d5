"""Chooses the largest of the securities that a rule admits: issuers ranked by a fact, with a band around the count.

The rule's part is `core.universes.rule_parts.Top`; `core.universes.rules` decides which securities are admitted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tickstock_dagster.core.universes.rule_parts import Top

CLASS_STAYS = 1.1
"""An issuer's other class replaces the member only when it trades this many times as much."""


@dataclass(slots=True)
class Assessment:
    """A rule's assessment of one security: failed conditions, unknown facts, rank, whether it is a member, and why."""

    security_id: int
    ticker: str | None
    incumbent: bool
    facts: dict[str, Any] = field(default_factory=dict)
    pinned: bool = False
    fails: str | None = None
    unknown: str | None = None
    rank: int | None = None
    member: bool = False
    reason: str = ""

    @property
    def decision(self) -> str:
        """Joined, stays, kept (a fact is unknown), left or refused."""
        if self.member:
            return "joined" if not self.incumbent else "kept" if self.unknown else "stays"
        return "left" if self.incumbent else "refused"


@dataclass(slots=True)
class _Group:
    """The share classes of one issuer: their sum counts, and one of them represents the issuer."""

    classes: list[Assessment]
    size: float | None
    complete: bool
    rank: int | None = None

    @property
    def incumbent(self) -> bool:
        return any(one.incumbent for one in self.classes)

    def chosen(self) -> Assessment:
        def traded(one: Assessment) -> float:
            return one.facts["adv20_usd"] or 0.0

        best = min(self.classes, key=lambda one: (-traded(one), one.ticker or ""))
        holders = [one for one in self.classes if one.incumbent]
        if not holders:
            return best
        holder = min(holders, key=lambda one: (-traded(one), one.ticker or ""))
        # An unknown volume is no reason to replace the holder.
        known = holder.facts["adv20_usd"] is not None
        clearly_more = traded(best) > 0 and traded(best) >= CLASS_STAYS * traded(holder)
        return best if known and clearly_more else holder


def choose(top: Top, places: int, eligible: list[Assessment]) -> None:
    """Rank the issuers of eligible securities, keep as many as there are places, and drop the others."""
    groups = _groups(top, eligible)
    ranked = sorted(
        (group for group in groups if group.size is not None),
        key=lambda group: (-(group.size or 0.0), min(one.security_id for one in group.classes)),
    )
    for rank, group in enumerate(ranked, start=1):
        group.rank = rank
    # An incumbent with an unknown fact keeps its place, however low its known part ranks.
    doubtful = [group for group in groups if group.incumbent and not group.complete and _beyond(group, top)]
    kept = doubtful[:places]
    sure = [group for group in ranked if group not in kept]
    enter_at = top.enter_at - (top.count - places)
    entering = [group for group in sure if not group.incumbent and (group.rank or 0) <= enter_at]
    staying = [group for group in sure if group.incumbent and (group.rank or 0) <= top.stays_until]
    members = [*kept, *sorted([*entering, *staying], key=_by_rank)]
    chosen = members[:places]
    taken = {id(group) for group in members}
    chosen += [group for group in sure if id(group) not in taken][: places - len(chosen)]
    _settle(top, groups, {id(group) for group in chosen})


def _groups(top: Top, eligible: Iterable[Assessment]) -> list[_Group]:
    classes: dict[str | int, list[Assessment]] = {}
    for one in eligible:
        issuer = one.facts[top.group_by] if top.group_by else None
        classes.setdefault(issuer or one.security_id, []).append(one)
    groups = []
    for members in classes.values():
        sizes = [one.facts[top.by] for one in members]
        known = [size for size in sizes if size is not None]
        groups.append(_Group(members, sum(known) if known else None, complete=len(known) == len(sizes)))
    return groups


def _settle(top: Top, groups: Iterable[_Group], chosen: set[int]) -> None:
    """Record the decision on each class."""
    for group in groups:
        member = group.chosen()
        for one in group.classes:
            one.rank = group.rank
            one.member = id(group) in chosen and one is member
            one.reason = _why(top, group, one, member, in_front=id(group) in chosen)


def _why(top: Top, group: _Group, one: Assessment, member: Assessment, *, in_front: bool) -> str:
    place = f"rank {group.rank} of {top.count} by {top.by}"
    if (group.rank or 0) > top.count:
        place = f"rank {group.rank} by {top.by} for {top.count} places"
    if group.rank is None or (in_front and _beyond(group, top)):
        one.unknown = top.by
        return f"kept: {top.by} is not known" if one.member else f"not admitted: {top.by} is not known"
    if in_front and one is not member:
        return f"{place}: {member.ticker} is the issuer's most traded class"
    if not in_front:
        return f"{place}: members stay up to rank {top.stays_until}" if one.incumbent else place
    if one.incumbent and group.rank > top.count:
        return f"{place}: stays up to rank {top.stays_until}"
    return f"kept: {one.unknown} is not known; {place}" if one.unknown else place


def _beyond(group: _Group, top: Top) -> bool:
    return group.rank is None or group.rank > top.stays_until


def _by_rank(group: _Group) -> int:
    return group.rank or 0
