"""Which security printed under which ticker, and when: built from the vendor's dated ticker lists.

A list of one date is an observation of every security: it held that ticker on that date, or was absent. A security's
history is the runs of equal tickers between its observations. Where two observations differ, the day of change lies
between them and is asked of the vendor (`Boundary`). Identity is the composite FIGI, which survives renames; a
security without one is known by its ticker. A guess is never stored as a fact: `start_known` says how well each
interval's start is known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

EARLIEST = date(1900, 1, 1)
"""Stands for "nothing earlier is known"."""

MAX_VANISHED_SHARE = 0.10
"""A list that lacks more than this share of what the list before had is taken for a broken answer."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a dated list. Text fields are as the vendor gives them, None where it does not."""

    ticker: str
    composite_figi: str | None = None
    name: str | None = None
    equity_type: str | None = None
    primary_exchange: str | None = None
    cik: str | None = None
    share_class_figi: str | None = None

    @property
    def identity(self) -> str:
        """The key by which the security is recognised in other lists."""
        return self.composite_figi or f"ticker:{self.ticker}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Days under one ticker: [valid_from, valid_to), observed from `seen_from` to `seen_to` inclusive."""

    ticker: str
    valid_from: date
    valid_to: date | None
    start_known: str
    seen_from: date
    seen_to: date

    def covers(self, day: date) -> bool:
        """Whether the ticker is taken to be held on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class Security:
    """A security and its history, by date. `security_id` is None until it is stored."""

    identity: str
    intervals: tuple[Interval, ...]
    security_id: int | None = None
    delisted_on: date | None = None
    facts: Listed | None = None


@dataclass(frozen=True, slots=True)
class Boundary:
    """A question: on which day in (after, until] did `identity` begin to hold `ticker`, or stop holding it?"""

    ticker: str
    identity: str
    begins: bool
    after: date
    until: date


Resolver = Callable[[Boundary], date]
"""Answers a `Boundary`; a day in (after, until]."""


@dataclass(slots=True)
class ListingChanges:
    """What an observed list changes.

    Attributes:
        changed: securities whose history or facts differ, complete and ready to be stored.
        vanished: securities that an earlier list showed and this later one does not: to be confirmed as delisted.
    """

    changed: list[Security] = field(default_factory=list)
    vanished: list[Security] = field(default_factory=list)


class SuspiciousListError(ValueError):
    """The list lacks so much of the one before that it must be broken; nothing may be concluded from it."""


def observe_list(
    known: Iterable[Security], listed: Iterable[Listed], on: date, resolve: Resolver, *, lists: Sequence[date] = ()
) -> ListingChanges:
    """Take a dated list of active tickers into the known histories.

    Args:
        known: every stored security.
        listed: the list's rows.
        on: the date that the list speaks of.
        resolve: answers where a change lies between two observations.
        lists: dates of the lists that were taken in before, in any order.

    Raises:
        SuspiciousListError: more than `MAX_VANISHED_SHARE` of the securities that should be there are not.
    """
    before = {security.identity: security for security in known}
    holders = {s.intervals[-1].ticker: s.identity for s in before.values() if s.intervals[-1].valid_to is None}
    rows = {row.identity: row for row in (_adopt(row, before, holders) for row in listed)}
    earlier, later = max((d for d in lists if d < on), default=None), min((d for d in lists if d > on), default=None)
    after: dict[str, Security] = {}
    vanished: list[Security] = []
    for identity, row in rows.items():
        after[identity] = _present(before.get(identity), row, on, resolve, earlier, later)
    for identity, security in before.items():
        if identity not in rows:
            absent, gone = _absent(security, on)
            after[identity] = absent
            if gone:
                vanished.append(absent)
    current = sum(1 for security in before.values() if security.intervals[-1].valid_to is None)
    if len(vanished) > MAX_VANISHED_SHARE * current and len(vanished) > 5:
        raise SuspiciousListError(
            f"the list of {on} lacks {len(vanished)} of {current} listed securities "
            f"(accepted: at most {MAX_VANISHED_SHARE:.0%})"
        )
    _part_shared_tickers(after, resolve)
    changed = [security for identity, security in after.items() if security != before.get(identity)]
    return ListingChanges(changed, [after[security.identity] for security in vanished])


def close_delisted(security: Security, delisted_on: date) -> Security:
    """End a history: `delisted_on` is the first day on which the security no longer trades."""
    kept = [interval for interval in security.intervals if interval.valid_from < delisted_on]
    if not kept:
        return security
    last = replace(kept[-1], valid_to=delisted_on, seen_to=min(kept[-1].seen_to, delisted_on - timedelta(days=1)))
    return replace(security, intervals=(*kept[:-1], last), delisted_on=delisted_on)


def begin_at_first_bar(interval: Interval, first_bar: date) -> Interval | None:
    """The interval started at its first bar, or None where that start is already known.

    Only an interval whose earlier absence from a list is known may start later than thought: the vendor has no bar
    before, and its list says that the ticker was not there.
    """
    if interval.start_known != "absent_before" or not interval.covers(first_bar) or first_bar > interval.seen_from:
        return None
    return replace(interval, valid_from=first_bar, start_known="first_bar")


def _adopt(row: Listed, before: dict[str, Security], holders: dict[str, str]) -> Listed:
    """Keep the identity of a known ticker whose row comes without a FIGI: the vendor drops them at times."""
    holder = holders.get(row.ticker)
    if row.composite_figi or row.identity in before or holder is None or holder.startswith("ticker:"):
        return row
    return replace(row, composite_figi=holder)


def _present(
    security: Security | None, row: Listed, on: date, resolve: Resolver, earlier: date | None, later: date | None
) -> Security:
    if security is None:
        # Absent from the lists around this one: it began after the earlier and ended by the later of them.
        start, known = (earlier + timedelta(days=1), "absent_before") if earlier else (EARLIEST, "unknown")
        return Security(row.identity, (Interval(row.ticker, start, later, known, on, on),), facts=row)
    newest = on >= security.intervals[-1].seen_to
    history = _insert(list(security.intervals), row, on, resolve)
    return replace(security, intervals=tuple(history), facts=row if newest else security.facts)


def _insert(history: list[Interval], row: Listed, on: date, resolve: Resolver) -> list[Interval]:
    """Put the observation "held `row.ticker` on `on`" into a history."""
    for position, interval in enumerate(history):
        if interval.ticker == row.ticker and interval.covers(on):
            history[position] = replace(
                interval, seen_from=min(interval.seen_from, on), seen_to=max(interval.seen_to, on)
            )
            return history
    earlier = [interval for interval in history if interval.seen_to < on]
    later = [interval for interval in history if interval.seen_from > on]
    if later and later[0].ticker == row.ticker:
        later[0] = replace(later[0], valid_from=min(later[0].valid_from, on), seen_from=on, start_known="unknown")
        return earlier + later
    start, known, end = EARLIEST, "unknown", None
    if earlier:
        start = resolve(Boundary(row.ticker, row.identity, True, earlier[-1].seen_to, on))
        known = "vendor"
        earlier[-1] = replace(earlier[-1], valid_to=min(start, earlier[-1].valid_to or start))
    if later:
        end = resolve(Boundary(later[0].ticker, row.identity, True, on, later[0].seen_from))
        later[0] = replace(later[0], valid_from=end, start_known="vendor")
    return [*earlier, Interval(row.ticker, start, end, known, on, on), *later]


def _absent(security: Security, on: date) -> tuple[Security, bool]:
    """Put the observation "was not listed on `on`" into a history; also whether it has vanished since."""
    history = list(security.intervals)
    for position, interval in enumerate(history):
        if not interval.covers(on):
            continue
        if interval.seen_from > on:
            history[position] = replace(interval, valid_from=on + timedelta(days=1), start_known="absent_before")
            return replace(security, intervals=tuple(history)), False
        if interval.seen_to < on:
            return security, True
    return security, False


def _part_shared_tickers(securities: dict[str, Security], resolve: Resolver) -> None:
    """Where two securities claim one ticker on the same days, find the day on which it changed hands."""
    holders: dict[str, list[tuple[Interval, str]]] = {}
    for identity, security in securities.items():
        for interval in security.intervals:
            holders.setdefault(interval.ticker, []).append((interval, identity))
    for ticker, claims in holders.items():
        claims.sort(key=lambda claim: (claim[0].seen_from, claim[0].seen_to))
        for position in range(1, len(claims)):
            (former, former_id), (latter, latter_id) = claims[position - 1], claims[position]
            if former_id == latter_id or (former.valid_to is not None and former.valid_to <= latter.valid_from):
                continue
            day = resolve(Boundary(ticker, latter_id, True, former.seen_to, latter.seen_from))
            _replace_interval(securities, former_id, former, replace(former, valid_to=day))
            if latter.valid_from < day:
                parted = replace(latter, valid_from=day, start_known="vendor")
                _replace_interval(securities, latter_id, latter, parted)
                claims[position] = (parted, latter_id)


def _replace_interval(securities: dict[str, Security], identity: str, old: Interval, new: Interval) -> None:
    security = securities[identity]
    intervals = tuple(new if interval == old else interval for interval in security.intervals)
    securities[identity] = replace(security, intervals=intervals)
