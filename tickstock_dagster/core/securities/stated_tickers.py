"""All tickers of one security as a vendor or a file states them: a chain of tickers, each with its first day.

Such a chain proves every day that it covers, tickers included that no list shows (A → B → A is the same at both ends).
What contradicts a sighting of a list is no proof: then nothing is changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from tickstock_dagster.core.securities.listing_records import Interval, Security

DAY = timedelta(days=1)


def state_tickers(
    known: Iterable[Security],
    security: Security,
    chain: Sequence[tuple[str, date]],
    until: date,
    *,
    reaches_back_to: date = date.min,
) -> list[Security] | None:
    """Give a security the intervals of a chain, and bound those of other holders of its tickers by it.

    Args:
        known: every security.
        security: whose tickers are stated; one of `known`, or a new one with any interval of the chain's last ticker.
        chain: each ticker with the first day under it, by day, at least one.
        until: the day on which the chain was stated: it says nothing of later ones.
        reaches_back_to: a first day up to this one is where the source begins, not where the listing does.

    Returns:
        The changed securities; empty where nothing changes. None where the chain contradicts a sighting.
    """
    links = [link for number, link in enumerate(chain) if number == 0 or link[0] != chain[number - 1][0]]
    if not links or any(day >= later for (_, day), (_, later) in pairwise(links)):
        return None
    runs = _runs_of(security, links, until, reaches_back_to)
    if runs is None:
        return None
    changed = [] if runs == security.intervals else [replace(security, intervals=runs)]
    for other in known:
        if other.identity == security.identity:
            continue
        bounded = _bounded_by(other, runs)
        if bounded is None:
            return None
        if bounded != other:
            changed.append(bounded)
    return changed


def _runs_of(
    security: Security, links: Sequence[tuple[str, date]], until: date, reaches_back_to: date
) -> tuple[Interval, ...] | None:
    oldest, newest = security.intervals[0], security.intervals[-1]
    ends = newest.valid_to if newest.ticker == links[-1][0] else security.delisted_on
    bounds = [*(day for _, day in links[1:]), ends]
    runs = []
    for number, ((ticker, begins), end) in enumerate(zip(links, bounds, strict=True)):
        if end is not None and end <= begins:
            return None
        sighted = sorted(
            day
            for run in security.intervals
            for day in (run.seen_from, run.seen_to)
            if run.ticker == ticker and (number == 0 or begins <= day) and (end is None or day < end)
        )
        start, start_known = begins, "vendor"
        # What is known of a later link under the same ticker says nothing of the first one.
        is_oldest = number == 0 and oldest.ticker == ticker and (end is None or oldest.valid_from < end)
        if is_oldest and (begins <= reaches_back_to or begins > oldest.seen_from):
            start, start_known = oldest.valid_from, oldest.start_known
        elif is_oldest and oldest.start_known in ("absent_before", "first_bar"):
            start = max(begins, oldest.valid_from)  # a list of the day before lacks it, or no bar is older
        # A chain says when a ticker began, not that it is still listed: another link, a sighting or a delisting does.
        is_last = number == len(links) - 1
        lasts = None if is_last and end != security.delisted_on else end
        shown = sighted or [begins, lasts - DAY if lasts else begins]
        gone_on = newest.gone_on if is_last and newest.ticker == ticker and lasts is None else None
        stated = (max(begins, start), min(lasts or shown[-1] + DAY, until + DAY))
        runs.append(Interval(ticker, start, end, start_known, shown[0], shown[-1], gone_on, *stated))
    for run in security.intervals:
        for day in (run.seen_from, run.seen_to):
            if not any(stated.ticker == run.ticker and stated.covers(day) for stated in runs):
                return None
    return tuple(runs)


def _bounded_by(other: Security, stated: Sequence[Interval]) -> Security | None:
    """Another security without the stated days of its tickers; None where a list shows it on one of them."""
    runs = []
    for run in other.intervals:
        for holder in stated:
            if holder.ticker != run.ticker or not _overlap(run, holder):
                continue
            end = holder.valid_to or date.max
            if run.seen_to < holder.valid_from:
                run = replace(run, valid_to=holder.valid_from)  # noqa: PLW2901
            elif run.seen_from >= end:
                run = replace(run, valid_from=end, start_known="absent_before")  # noqa: PLW2901
            elif holder.start_known != "vendor" and run.seen_to < holder.seen_from:
                continue
            else:
                return None
        runs.append(run)
    return replace(other, intervals=tuple(runs))


def _overlap(one: Interval, other: Interval) -> bool:
    return one.valid_from < (other.valid_to or date.max) and other.valid_from < (one.valid_to or date.max)
