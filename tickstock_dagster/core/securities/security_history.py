"""One security's history under dated lists: sightings, absences, and the bounds that follow from them.

A sighting is a fact. An absence is weak evidence, since lists have holes: it means that a first listing began later,
and it may mean a delisting, but it never removes days between two sightings. Where neighbouring intervals meet, the day
of the change lies between the last sighting of one and the first of the next; the vendor is asked for it. So bounds may
be too wide, but never too narrow, which nobody would notice.

The bounds are the outer ends of two brackets. A list that lacks the security and a later one that has it bound its
first day, so that it is *proven* to be listed from its first sighting on only; a bar in the bracket, a first bar after
an answer that reaches further back, or a day that the vendor states narrows the bracket. In the same way a list that
has it and later ones that lack it bound its last day, unless the vendor states a delisting. Bars are expected between
the inner ends, and asked for, where that costs no call more, between the outer ones. Nothing is expected less because
nobody looked: where no list lacks the security, it is expected on every day before its first sighting and after its
last. A single list soon after the last sighting may have a hole: the security is expected for `HOLES_LAST` more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from tickstock_dagster.core.securities.listing_records import EARLIEST, Boundary, Interval, Listed, Resolver, Security

DAY = timedelta(days=1)

DATES_DISAGREE = timedelta(days=7)
"""A vendor's delisting date and its lists may differ by this much about one event."""

HOLES_LAST = timedelta(days=7)
"""A list up to this long after the last sighting of a security does not show that its listing has ended."""

_BY_ABSENCE = ("absent_before", "first_bar")
"""Values of `start_known` at the start of a listing; the start of a further ticker has `vendor`."""


@dataclass(frozen=True, slots=True)
class History:
    """Histories as a list of date `on` shows them.

    Attributes:
        on: the list's date.
        lists: dates of all lists, this one included, ascending.
        resolve: finds the day of a change between two sightings.
        holders: identity and interval of each ticker's holders before this list.
    """

    on: date
    lists: Sequence[date]
    resolve: Resolver
    holders: Mapping[str, Iterable[tuple[str, Interval]]]

    def first_seen(self, row: Listed) -> Security:
        """A new security, bounded by the list before and by the next list, which both lack it."""
        run = Interval(row.ticker, EARLIEST, self._next_list(), "unknown", self.on, self.on)
        return Security(row.identity, self._bounded(row.identity, [run], None), facts=row)

    def seen(self, security: Security, row: Listed) -> Security:
        """The security held `row.ticker` on the list's date."""
        if self.on >= security.intervals[-1].seen_to:
            security = replace(security, facts=row.completed(security.facts))
        for position, run in enumerate(security.intervals):
            if run.ticker == row.ticker and run.covers(self.on):
                if run.spans(self.on):
                    return self._resolved(security)
                wider = replace(run, seen_from=min(run.seen_from, self.on), seen_to=max(run.seen_to, self.on))
                runs = (*security.intervals[:position], wider, *security.intervals[position + 1 :])
                return self._resolved(replace(security, intervals=runs))
        return self._inserted(security, row.ticker)

    def _resolved(self, security: Security) -> Security:
        """The security with the days of its changes, if some could not be asked for before."""
        if not any(run.is_unresolved for run in security.intervals):
            return security
        runs = self._bounded(security.identity, security.intervals, security.delisted_on)
        return replace(security, intervals=runs)

    def absent(self, security: Security, *, ticker_taken: bool) -> tuple[Security, bool]:
        """The list lacks the security. Also returns whether it has vanished, so that a delisting needs confirmation.

        Args:
            security: as known before.
            ticker_taken: whether the list shows its ticker of that day with another security.
        """
        runs = security.intervals
        position = next((number for number, run in enumerate(runs) if run.covers(self.on)), None)
        if position is None:
            return security, False
        run, is_last = runs[position], position == len(runs) - 1
        if run.seen_from > self.on and run.start_known in ("unknown", "absent_before"):
            later = self._start_by_lists(run, floor=runs[position - 1].valid_to if position else None)
            return replace(security, intervals=(*runs[:position], later, *runs[position + 1 :])), False
        if ticker_taken and run.seen_from < self.on < run.seen_to:
            parts = self._bounded(security.identity, self._cut(runs), security.delisted_on)
            return replace(security, intervals=parts), False
        return security, is_last and run.seen_to < self.on and security.delisted_on is None

    def bracketed(self, security: Security) -> Security:
        """The security with the list after its last sighting that bounds its last day, where there is one."""
        last, gone_on = security.intervals[-1], None
        if security.delisted_on is None:
            absent = last.seen_to if last.valid_to is not None else last.seen_to + HOLES_LAST
            position = bisect_right(self.lists, absent)
            gone_on = self.lists[position] if position < len(self.lists) else None
        if len(security.intervals) == 1 and last.gone_on == gone_on:
            return security
        earlier = tuple(
            replace(run, gone_on=None) if _meets(run, following) else self._ended_before(run)
            for run, following in pairwise(security.intervals)
        )
        return replace(security, intervals=(*earlier, replace(last, gone_on=gone_on)))

    def _ended_before(self, run: Interval) -> Interval:
        """An interval before another listing, whose end only absence from a list may have shown."""
        if run.gone_on is None or run.gone_on > run.seen_to:
            return run
        position = bisect_right(self.lists, run.seen_to)
        gone_on = self.lists[position] if position < len(self.lists) else None
        return replace(run, gone_on=gone_on if gone_on and run.valid_to and gone_on <= run.valid_to else None)

    def ask(self, ticker: str, identity: str, after: date, until: date) -> date | None:
        """The day on which the security began to hold the ticker.

        Args:
            ticker: the ticker.
            identity: the security.
            after: last day on which it did not hold the ticker.
            until: first day on which a list shows that it does.

        Returns:
            A day in (after, until]; None where the source could not be asked.
        """
        day = self.resolve(Boundary(ticker, identity, True, after, until))
        return None if day is None else min(max(day, after + DAY), until)

    def _inserted(self, security: Security, ticker: str) -> Security:
        """A sighting outside all intervals: widen a neighbour of the same ticker, or insert an interval."""
        on, delisted_on = self.on, security.delisted_on
        runs = self._cut(security.intervals)
        former, latter = [run for run in runs if run.seen_to < on], [run for run in runs if run.seen_from > on]
        new = Interval(ticker, EARLIEST, None, "unknown", on, on)
        ended_on = None
        if former and latter and latter[0].start_known in _BY_ABSENCE:
            ended_on = former[-1].valid_to
        elif former and not latter:
            ended_on = delisted_on
        if ended_on is not None and on >= ended_on:
            if latter or on - ended_on > DATES_DISAGREE:
                new = replace(new, valid_from=ended_on, start_known="absent_before")  # listed again
            if not latter:
                delisted_on = None
        elif ended_on is not None:
            new = replace(new, valid_to=ended_on)
        listed_again = new.start_known == "absent_before"
        if former and not listed_again and self._continues(security, former[-1], new):
            former[-1] = replace(former[-1], seen_to=on)
        elif latter and (listed_again or ended_on is None) and self._continues(security, latter[0], new):
            start_known = latter[0].start_known if listed_again or not former else "unknown"
            if start_known != "absent_before" and latter[0].valid_from > on:
                start_known = "unknown"
            latter[0] = replace(latter[0], seen_from=on, start_known="absent_before" if listed_again else start_known)
        else:
            if latter and (listed_again or ended_on is None):
                known = latter[0].start_known in ("vendor", "first_bar") and latter[0].valid_from > on
                latter[0] = replace(latter[0], start_known="vendor" if known else "unknown")
            former.append(new)
        if not latter:
            former[-1] = replace(former[-1], valid_to=delisted_on or self._next_list())
        bounded = self._bounded(security.identity, [*former, *latter], delisted_on)
        return replace(security, intervals=bounded, delisted_on=delisted_on)

    def _cut(self, runs: Iterable[Interval]) -> list[Interval]:
        """Split the interval with sightings before and after the list's date."""
        parts: list[Interval] = []
        for run in runs:
            if not run.seen_from < self.on < run.seen_to:
                parts.append(run)
                continue
            before = self.lists[bisect_left(self.lists, self.on) - 1]
            after = self.lists[bisect_right(self.lists, self.on) % len(self.lists)]
            before = before if run.seen_from <= before < self.on else run.seen_from
            after = after if self.on < after <= run.seen_to else run.seen_to
            parts.append(replace(run, seen_to=before, valid_to=self.on))
            parts.append(replace(run, valid_from=self.on + DAY, start_known="unknown", seen_from=after))
        return parts

    def _continues(self, security: Security, run: Interval, new: Interval) -> bool:
        """Whether two sightings under one ticker are one interval: no other security had the ticker between them."""
        first, last = min(run.seen_to, new.seen_from), max(run.seen_from, new.seen_to)
        return run.ticker == new.ticker and not any(
            identity != security.identity and other.seen_from < last and other.seen_to > first
            for identity, other in self.holders.get(run.ticker, ())
        )

    def _bounded(self, identity: str, runs: Sequence[Interval], delisted_on: date | None) -> tuple[Interval, ...]:
        """Give each interval its start and end; asks the vendor only for bounds that no longer fit the sightings."""
        bounded: list[Interval] = []
        for run in runs:
            prior = bounded[-1] if bounded else None
            if prior is None:
                run = run if run.is_unresolved else self._start_by_lists(run, floor=None)  # noqa: PLW2901
            elif run.start_known in _BY_ABSENCE and prior.valid_to is not None:
                run = self._start_by_lists(run, floor=prior.valid_to)  # noqa: PLW2901
            else:
                if run.start_known != "vendor" or not prior.seen_to < run.valid_from <= run.seen_from:
                    start = self.ask(run.ticker, identity, prior.seen_to, run.seen_from)
                    known = "vendor" if start else "unknown"
                    run = replace(run, valid_from=start or run.seen_from, start_known=known)  # noqa: PLW2901
                bounded[-1] = replace(prior, valid_to=run.valid_from)
            bounded.append(run)
        last = bounded[-1]
        end = delisted_on or last.valid_to
        bounded[-1] = replace(last, valid_to=end if end is not None and end > last.seen_to else None)
        return tuple(bounded)

    def _start_by_lists(self, run: Interval, floor: date | None) -> Interval:
        """The earliest possible start of a listing: after the newest list that lacks it, not before `floor`."""
        if run.start_known in ("first_bar", "vendor") and (floor or EARLIEST) <= run.valid_from <= run.seen_from:
            return run
        position = bisect_left(self.lists, run.seen_from)
        earliest = max(self.lists[position - 1] + DAY if position else EARLIEST, floor or EARLIEST)
        known = "absent_before" if earliest > EARLIEST else "unknown"
        return replace(run, valid_from=min(earliest, run.seen_from), start_known=known)

    def _next_list(self) -> date | None:
        position = bisect_right(self.lists, self.on)
        return self.lists[position] if position < len(self.lists) else None


def _meets(run: Interval, following: Interval) -> bool:
    """Whether the day on which one ticker followed the other is known, or asked of the vendor."""
    return following.start_known not in _BY_ABSENCE and run.valid_to == following.valid_from
