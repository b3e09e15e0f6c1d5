"""Which security printed under which ticker, and when: built from the vendor's dated ticker lists.

A list of one date is an observation of every security: the security held that ticker on that date, or was absent. Lists
may come in any order, and again. This module takes in a whole list; `core.securities.list_rows` matches each row with
its security, and `core.securities.security_history` updates one security. A guess is never stored as a fact:
`start_known` says how well each interval's start is known, `gone_on` whether its end is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from tickstock_dagster.core.securities.list_rows import OwnedRow, own_rows
from tickstock_dagster.core.securities.listing_records import (
    EARLIEST,
    Boundary,
    Interval,
    Listed,
    Resolver,
    Security,
)
from tickstock_dagster.core.securities.security_history import DATES_DISAGREE, DAY, History

__all__ = [
    "EARLIEST",
    "Boundary",
    "Interval",
    "Listed",
    "ListingChanges",
    "Resolver",
    "Security",
    "SuspiciousListError",
    "close_delisted",
    "observe_list",
]

MAX_VANISHED_SHARE = 0.10
"""A list that lacks more than this share of the securities of the list before counts as a broken answer. Each year
between the two lists allows for this share again."""

FEW_VANISHED = 5
"""Number of securities that may always vanish."""


@dataclass(slots=True)
class ListingChanges:
    """What an observed list changes.

    Attributes:
        changed: securities with another history or other facts, complete and ready to store.
        vanished: securities of an earlier list that this later one lacks; the vendor has yet to confirm the delisting.
        known: every security as known with the list, the changed ones among them.
    """

    changed: list[Security] = field(default_factory=list)
    vanished: list[Security] = field(default_factory=list)
    known: list[Security] = field(default_factory=list)


class SuspiciousListError(ValueError):
    """The list lacks so much of the one before that it must be broken; it is no evidence of anything."""


def observe_list(
    known: Iterable[Security], listed: Iterable[Listed], on: date, resolve: Resolver, *, lists: Sequence[date] = ()
) -> ListingChanges:
    """Add a dated list of active tickers to the known histories.

    Afterwards no ticker names two securities on one day, no security has two tickers, and the history still contains
    every sighting of every list so far. For a date that was taken in before, the first reading stands and new rows are
    added.

    Args:
        known: every stored security.
        listed: the list's rows.
        on: the list's date.
        resolve: finds the day of a change between two sightings.
        lists: dates of the lists that were taken in before, in any order.

    Raises:
        SuspiciousListError: the list lacks more than `MAX_VANISHED_SHARE` of the expected securities; `resolve` was not
            called.
    """
    before = {security.identity: security for security in known}
    read_before = on in lists or any(
        on in (run.seen_from, run.seen_to) for security in before.values() for run in security.intervals
    )
    rows = own_rows(listed, before, on, read_before=read_before)
    present = {owned.known_as for owned in rows if owned.known_as}
    _refuse_broken(before, present, on)
    history = History(on, sorted({*lists, on}), resolve, _holders(before.values()))
    after: dict[str, Security] = {}
    vanished: list[str] = []
    taken = set() if read_before else {owned.row.ticker for owned in rows}
    for identity, security in before.items():
        if identity not in present:
            held = next((run.ticker for run in security.intervals if run.covers(on)), None)
            after[identity], gone = history.absent(security, ticker_taken=held in taken)
            if gone:
                vanished.append(identity)
    for owned in rows:
        seen = _seen(history, before, owned)
        after[seen.identity] = seen
    _part_tickers(after, history)
    after = {identity: history.bracketed(security) for identity, security in after.items()}
    changed = [security for identity, security in after.items() if security != before.get(identity)]
    return ListingChanges(changed, [after[identity] for identity in vanished], list(after.values()))


def close_delisted(security: Security, delisted_on: date) -> Security:
    """End a history: `delisted_on` is the first day on which the security no longer trades.

    A sighting outweighs the vendor's date. A date shortly before the last sighting moves to the day after it; a date
    long before belongs to an earlier listing and changes nothing.
    """
    last = security.intervals[-1]
    if last.seen_to - delisted_on > DATES_DISAGREE:
        return security
    ends_on = max(delisted_on, last.seen_to + DAY)
    closed = replace(last, valid_to=min(last.valid_to or ends_on, ends_on), gone_on=None)
    return replace(security, intervals=(*security.intervals[:-1], closed), delisted_on=ends_on)


def _seen(history: History, before: Mapping[str, Security], owned: OwnedRow) -> Security:
    if owned.known_as is None:
        return history.first_seen(owned.row)
    return history.seen(replace(before[owned.known_as], identity=owned.row.identity), owned.row)


def _refuse_broken(before: Mapping[str, Security], present: set[str], on: date) -> None:
    due = {
        security.identity: min(run.seen_to, on)
        for security in before.values()
        for run in security.intervals
        if run.seen_from < on and run.covers(on)
    }
    missing = len(due.keys() - present)
    last_seen = max((seen for seen in due.values() if seen < on), default=on)
    share = 1 - (1 - MAX_VANISHED_SHARE) ** (1 + (on - last_seen).days / 365)
    if missing > FEW_VANISHED and missing > share * len(due):
        raise SuspiciousListError(
            f"the list of {on} lacks {missing} of {len(due)} listed securities (accepted: at most {share:.0%})"
        )


def _holders(securities: Iterable[Security]) -> dict[str, list[tuple[str, Interval]]]:
    holders: dict[str, list[tuple[str, Interval]]] = defaultdict(list)
    for security in securities:
        for run in security.intervals:
            holders[run.ticker].append((security.identity, run))
    return holders


def _part_tickers(after: dict[str, Security], history: History) -> None:
    """Where two securities claim one ticker on the same days, find the day on which it changed hands."""
    for claims in _holders(after.values()).values():
        if len(claims) > 1:
            claims.sort(key=lambda claim: claim[1].seen_from)
            for (former_id, former), (latter_id, latter) in pairwise(claims):
                if former_id != latter_id:
                    _part(after, history, (former_id, former.seen_from), (latter_id, latter.seen_from))


def _part(after: dict[str, Security], history: History, first: tuple[str, date], second: tuple[str, date]) -> None:
    """Part two neighbouring claims, each named by its security and its first sighting."""
    place, former = _run(after[first[0]], first[1])
    position, latter = _run(after[second[0]], second[1])
    if former.valid_to is not None and former.valid_to <= latter.valid_from and not latter.is_unresolved:
        return
    if latter.start_known not in ("vendor", "first_bar") or latter.valid_from <= former.seen_to:
        own = after[second[0]].intervals[position - 1].seen_to if position else former.seen_to
        day = history.ask(latter.ticker, second[0], max(former.seen_to, own), latter.seen_from)
        if day is None:  # the days between are nobody's until it is known
            _set(after, second[0], position, replace(latter, valid_from=latter.seen_from, start_known="unknown"))
            _set(after, first[0], place, replace(former, valid_to=former.seen_to + DAY))
            return
        again = latter.is_unresolved
        latter = replace(latter, valid_from=day if again else max(day, latter.valid_from), start_known="vendor")
        _set(after, second[0], position, latter)
        if again and after[first[0]].delisted_on is None:
            former = replace(former, valid_to=None)
    ends = min(former.valid_to or latter.valid_from, latter.valid_from)
    _set(after, first[0], place, replace(former, valid_to=ends))


def _run(security: Security, seen_from: date) -> tuple[int, Interval]:
    return next((number, run) for number, run in enumerate(security.intervals) if run.seen_from == seen_from)


def _set(after: dict[str, Security], identity: str, position: int, run: Interval) -> None:
    runs = after[identity].intervals
    after[identity] = replace(after[identity], intervals=(*runs[:position], run, *runs[position + 1 :]))
