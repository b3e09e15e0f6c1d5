"""On which days it is proven that a ticker was a security's: identity between two looks is not assumed.

A *look* is a list that shows the security, or a day that the vendor states: the first one under a ticker, the last one
before a delisting. Two lists that show it long apart say nothing about the days between: the ticker may have been
another company's meanwhile, or the security may have printed under another (QQQ was QQQQ for six years). So a day is
proven

* between two looks at most `TERM` apart;
* from a list that lacks the security, or up to one, where the nearest look is at most `TERM` away from that list;
* within `TERM` of the first look where no list before it is known, and of the last where none after it is;
* within a stretch whose tickers the vendor states all together (`stated_from`, `stated_to`).

A row of another day is nobody's. Which evidence to ask for belongs in `adapters.securities.identity_sync`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

from tickstock_dagster.core.securities.listing_records import Interval, Security

DAY = timedelta(days=1)

TERM = timedelta(days=31)
"""Nobody gives a ticker up and takes it back, and no ticker has another holder, within so short a time."""

Span = tuple[date, date]
"""Days, the second one excluded."""


def unproven_spans(security: Security, lists: Sequence[date], first: date, last: date) -> list[Span]:
    """The days from `first` to `last` on which the security may have held a ticker and nothing proves it, ascending.

    Args:
        security: with its whole history.
        lists: dates of all lists that were taken in, ascending.
        first: first day in question.
        last: last day in question, included.
    """
    if _looks_prove(security, lists, first, last):
        return []
    possible = [
        (max(run.valid_from, first), min(run.valid_to or date.max, last + DAY))
        for run in security.intervals
        if run.valid_from <= last and (run.valid_to is None or run.valid_to > first)
    ]
    if not possible:
        return []
    return _without(possible, _united(_proven(security, lists)))


def _looks_prove(security: Security, lists: Sequence[date], first: date, last: date) -> bool:
    """Whether two looks at one interval, or its last look, prove all days in question: so it is for almost all.

    False says nothing.
    """
    run = security.intervals[-1]
    if run.valid_to is not None or run.valid_from > first or run.seen_from > first:
        return False
    if run.seen_to >= last:
        former = max(run.seen_from, lists[before - 1]) if (before := bisect_right(lists, first)) else run.seen_from
        after = bisect_left(lists, last)
        return (min(run.seen_to, lists[after]) if after < len(lists) else run.seen_to) - former <= TERM
    is_of_newest_list = not lists or lists[-1] <= run.seen_to
    return is_of_newest_list and run.seen_to <= first and last < run.seen_to + TERM


def _proven(security: Security, lists: Sequence[date]) -> Iterable[Span]:
    for run in security.intervals:
        is_delisted = run is security.intervals[-1] and security.delisted_on == run.valid_to
        yield from _proven_inside(run, _looks(run, lists), run.valid_to if is_delisted else None)
    yield from _proven_between(security.intervals, lists)


def _proven_inside(run: Interval, looks: Sequence[date], delisted_on: date | None) -> Iterable[Span]:
    """Days of one interval, up to its last look."""
    if run.stated_from is not None and run.stated_to is not None:
        yield run.stated_from, run.stated_to
    begins = looks[0]
    for former, latter in pairwise([*looks, delisted_on - DAY] if delisted_on else looks):
        if latter - former > TERM:
            yield begins, former + DAY
            begins = latter
    yield begins, delisted_on or looks[-1] + DAY
    if run.start_known == "unknown":
        yield max(run.valid_from, looks[0] - TERM), looks[0]
    elif looks[0] - run.valid_from < TERM:
        yield run.valid_from, looks[0]


def _proven_between(runs: Sequence[Interval], lists: Sequence[date]) -> Iterable[Span]:
    """Days after the last look of each interval."""
    for run, following in pairwise(runs):
        begins = _looks(following, lists)[0]
        if following.is_unresolved:
            continue
        if run.valid_to == following.valid_from and following.start_known == "vendor":
            if begins - run.seen_to <= TERM:
                yield run.seen_to, begins
        elif run.valid_to is not None and run.valid_to - run.seen_to <= TERM:
            yield run.seen_to, run.valid_to
    newest = runs[-1]
    position = bisect_right(lists, newest.seen_to)
    ends = newest.valid_to or (lists[position] if position < len(lists) else newest.seen_to + TERM)
    if ends - newest.seen_to <= TERM:
        yield newest.seen_to, ends


def _looks(run: Interval, lists: Sequence[date]) -> list[date]:
    """The days, at least one, on which a list or the vendor's statement shows the interval."""
    shown = {run.seen_from, run.seen_to, *lists[bisect_left(lists, run.seen_from) : bisect_right(lists, run.seen_to)]}
    if run.start_known == "vendor":
        shown.add(run.valid_from)
    return sorted(shown)


def _united(spans: Iterable[Span]) -> list[Span]:
    united: list[Span] = []
    for first, end in sorted(spans):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        elif first < end:
            united.append((first, end))
    return united


def _without(spans: Iterable[Span], known: Sequence[Span]) -> list[Span]:
    left = []
    for first, end in spans:
        begin = first
        for known_first, known_end in known:
            if known_end <= begin or known_first >= end:
                continue
            if begin < known_first:
                left.append((begin, known_first))
            begin = max(begin, known_end)
        if begin < end:
            left.append((begin, end))
    return left
