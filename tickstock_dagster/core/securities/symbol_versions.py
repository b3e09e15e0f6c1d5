"""Folds daily ticker lists into versions: one row for as long as nothing changes.

A version says that every observed list from `seen_from` to `seen_to` showed these facts of the security. Lists may come
in any order, and again; when a date is folded again, the later reading stands. Pure: lists in, changed rows out.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """A list's facts about one security. Text fields are as the vendor gives them, None where they are missing."""

    ticker: str
    name: str | None = None
    equity_type: str | None = None
    primary_exchange: str | None = None
    cik: str | None = None
    share_class_figi: str | None = None


@dataclass(frozen=True, slots=True)
class SymbolVersion:
    """The facts of one security over the lists from `seen_from` to `seen_to`, inclusive."""

    security_id: int
    seen_from: date
    seen_to: date
    facts: SymbolFacts

    @property
    def key(self) -> tuple[int, date]:
        """Its primary key."""
        return self.security_id, self.seen_from


@dataclass(slots=True)
class VersionChanges:
    """What folding a list changes: rows to write (new, or with another end or other facts) and keys to delete."""

    written: list[SymbolVersion] = field(default_factory=list)
    deleted: list[tuple[int, date]] = field(default_factory=list)
    begun: int = 0
    changed: int = 0
    gone: int = 0


def fold_list(
    versions: Iterable[SymbolVersion], rows: Mapping[int, SymbolFacts], on: date, lists: Sequence[date]
) -> VersionChanges:
    """Fold the list of one date into the versions.

    Afterwards reading `on` gives exactly `rows`, and reading any other observed date gives what it gave before.

    Args:
        versions: every stored version, or at least those that reach from the list before to the list after `on`.
        rows: the list, by security.
        on: the list's date.
        lists: dates of all lists folded before, in any order; `on` may be among them.

    Returns:
        The changes. Compared with the list before: `begun` counts new securities, `changed` those with other facts,
        `gone` those that this list lacks.
    """
    observed = sorted({*lists, on})
    place = bisect_left(observed, on)
    before = observed[place - 1] if place else None
    after = observed[place + 1] if place + 1 < len(observed) else None
    known: dict[int, list[SymbolVersion]] = defaultdict(list)
    for version in versions:
        known[version.security_id].append(version)
    changes = VersionChanges()
    for security_id in sorted({*known, *rows}):
        old = sorted(known.get(security_id, []), key=lambda version: version.seen_from)
        facts = rows.get(security_id)
        _count(changes, old, facts, before)
        covering = next((version for version in old if version.seen_from <= on <= version.seen_to), None)
        if (covering.facts if covering else None) == facts:
            continue
        new = _without(old, on, before, after)
        if facts is not None:
            new = _with(new, SymbolVersion(security_id, on, on, facts), before, after)
        stored = {version.key: version for version in old}
        changes.written += [version for version in new if stored.get(version.key) != version]
        changes.deleted += sorted(stored.keys() - {version.key for version in new})
    return changes


def _without(old: Sequence[SymbolVersion], on: date, before: date | None, after: date | None) -> list[SymbolVersion]:
    """The versions with `on` taken out of the one that covers it."""
    left = []
    for version in old:
        if not version.seen_from <= on <= version.seen_to:
            left.append(version)
            continue
        if version.seen_from < on:
            left.append(replace(version, seen_to=max(version.seen_from, before or version.seen_from)))
        if version.seen_to > on:
            left.append(replace(version, seen_from=min(version.seen_to, after or version.seen_to)))
    return left


def _with(
    versions: Sequence[SymbolVersion], new: SymbolVersion, before: date | None, after: date | None
) -> list[SymbolVersion]:
    """The versions with a new one, joined to neighbours with the same facts on the lists before and after."""
    rest = []
    first, last = new.seen_from, new.seen_to
    for version in versions:
        if version.facts == new.facts and version.seen_to == before:
            first = version.seen_from
        elif version.facts == new.facts and version.seen_from == after:
            last = version.seen_to
        else:
            rest.append(version)
    return sorted([*rest, replace(new, seen_from=first, seen_to=last)], key=lambda version: version.seen_from)


def _count(
    changes: VersionChanges, old: Sequence[SymbolVersion], facts: SymbolFacts | None, before: date | None
) -> None:
    earlier = next(
        (version.facts for version in old if before is not None and version.seen_from <= before <= version.seen_to),
        None,
    )
    if facts is None or earlier is None:
        changes.begun += facts is not None
        changes.gone += earlier is not None
    elif earlier != facts:
        changes.changed += 1
