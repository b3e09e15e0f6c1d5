"""Securities that left the market before any stored list: from the vendor's list of delisted securities.

Such a row counts as one sighting, on the day before the delisting. The start of the ticker is unknown; its end is the
row's date. `core.securities.ticker_histories` takes in dated lists.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from tickstock_dagster.core.securities.listing_records import EARLIEST, Interval, Listed, Security


def learn_delisted(known: Iterable[Security], rows: Sequence[tuple[Listed, date]]) -> tuple[list[Security], list[str]]:
    """Add a list of delisted securities to the known ones.

    Sightings divide a ticker's days among its holders: an earlier holder's end bounds the next one's start.

    Args:
        known: every security.
        rows: each with the first day on which the security no longer traded.

    Returns:
        New and changed securities, ready to store; and the tickers of rows that contradict a sighting of another
        security. Those rows are left out.
    """
    securities = {security.identity: security for security in known}
    holders: dict[str, list[tuple[Interval, str]]] = defaultdict(list)
    for identity, security in securities.items():
        for interval in security.intervals:
            holders[interval.ticker].append((interval, identity))
    changed: dict[str, Security] = {}
    contradicted: list[str] = []
    for row, ended in sorted(rows, key=lambda pair: (pair[0].ticker, pair[1], pair[0].identity)):
        if row.identity in securities:
            continue
        last = ended - timedelta(days=1)
        others = sorted(holders[row.ticker], key=lambda held: held[0].seen_from)
        before = [interval for interval, _ in others if interval.seen_to < last]
        after = [(interval, identity) for interval, identity in others if interval.seen_from >= ended]
        begins = max(
            (interval.valid_to or interval.seen_to + timedelta(days=1) for interval in before), default=EARLIEST
        )
        if len(before) + len(after) < len(others) or begins > last:
            contradicted.append(row.ticker)
            continue
        for interval, identity in after:
            if interval.valid_from < ended:
                _begin_later(securities, changed, holders, identity, interval, ended)
        mine = Interval(row.ticker, begins, ended, "unknown" if begins == EARLIEST else "absent_before", last, last)
        security = Security(row.identity, (mine,), None, ended, row)
        securities[row.identity] = changed[row.identity] = security
        holders[row.ticker].append((mine, row.identity))
    return list(changed.values()), contradicted


def _begin_later(
    securities: dict[str, Security],
    changed: dict[str, Security],
    holders: dict[str, list[tuple[Interval, str]]],
    identity: str,
    interval: Interval,
    start: date,
) -> None:
    """Move an interval's start to the day on which the ticker's former holder gave it up."""
    later = replace(interval, valid_from=start, start_known="absent_before")
    owner = securities[identity]
    runs = tuple(later if run == interval else run for run in owner.intervals)
    securities[identity] = changed[identity] = replace(owner, intervals=runs)
    holders[interval.ticker] = [
        (later, identity) if held == (interval, identity) else held for held in holders[interval.ticker]
    ]
