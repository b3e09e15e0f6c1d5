"""What a file of bars shows about listings: which of its rows are of a known security, and which of a new one.

A file is evidence of its own tickers on its own days and of nothing else. It widens the sightings of the security that
holds the ticker on those days. It ends nobody's listing and moves no boundary that a list or a vendor has drawn: rows
under a ticker that nobody held then are stored apart, as a security of their own, until something proves whose they
are. Dated lists of a vendor belong in `core.securities.ticker_histories`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

DAY = timedelta(days=1)

FIRST_BAR = "first_bar"
"""`ticker_intervals.start_known` of a listing whose rows in a file are all that is known of its bounds."""


@dataclass(frozen=True, slots=True)
class FileSpan:
    """The first and the last session of a ticker's rows; `ends_on`: the first day after its declared end."""

    ticker: str
    first: date
    last: date
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class HeldInterval:
    """A stored listing interval; `security_id` 0 stands for one that is not stored yet.

    `on_lists`: whether a ticker list has shown the security, not only files.
    """

    security_id: int
    ticker: str
    valid_from: date
    valid_to: date | None
    start_known: str
    seen_from: date
    seen_to: date
    on_lists: bool


@dataclass(frozen=True, slots=True)
class FileListings:
    """What to store.

    Attributes:
        begun: intervals of new securities.
        widened: (stored interval, what it becomes).
        apart: tickers of which some rows belong to nobody known, though somebody holds the ticker on other days.
    """

    begun: tuple[HeldInterval, ...]
    widened: tuple[tuple[HeldInterval, HeldInterval], ...]
    apart: tuple[str, ...]


def place_spans(
    spans: Iterable[FileSpan],
    held: Mapping[str, Sequence[HeldInterval]],
    sessions_of: Callable[[str], Sequence[date]],
) -> FileListings:
    """Match a file's rows with securities.

    Args:
        spans: one for each ticker.
        held: the stored intervals under each ticker, by date.
        sessions_of: the sessions of a ticker's rows, ascending; asked only where somebody holds the ticker on a part of
            its span.
    """
    begun, widened, apart = [], [], []
    for span in spans:
        intervals = list(held.get(span.ticker, ()))
        left = [(span.first, span.last)]
        for number, interval in enumerate(intervals):
            before = intervals[number - 1] if number else None
            after = intervals[number + 1] if number + 1 < len(intervals) else None
            wider = _widened(interval, span, before, after)
            left = [part for piece in left for part in _outside(piece, wider)]
            if wider != interval:
                widened.append((interval, wider))
        if left and intervals:
            days = sessions_of(span.ticker)
            rows = [[day for day in days if first <= day <= last] for first, last in left]
            stretches = [(part[0], part[-1]) for part in rows if part]
        else:
            stretches = left
        for first, last in stretches:
            until = next((other.valid_from for other in intervals if other.valid_from > last), None)
            ends_on = min((day for day in (until, span.ends_on) if day is not None), default=None)
            begun.append(HeldInterval(0, span.ticker, first, ends_on, FIRST_BAR, first, last, on_lists=False))
        if stretches and intervals:
            apart.append(span.ticker)
    return FileListings(tuple(begun), tuple(widened), tuple(apart))


def _widened(
    interval: HeldInterval, span: FileSpan, before: HeldInterval | None, after: HeldInterval | None
) -> HeldInterval:
    """The interval with the file's sightings in it; one whose bounds are those of its rows also grows to the file's."""
    # A declared listing has the start that was declared: rows before it are somebody else's, and its end stays.
    if not interval.on_lists and interval.start_known == FIRST_BAR:
        floor = before.valid_to if before else None
        if span.first < interval.valid_from and (floor is None or floor <= span.first):
            interval = replace(interval, valid_from=span.first)
        if interval.valid_to is not None and span.last >= interval.valid_to and after is None:
            interval = replace(interval, valid_to=None)
        if span.ends_on is not None and interval.valid_to is None and interval.seen_to <= span.last:
            interval = replace(interval, valid_to=span.ends_on)
    first = max(span.first, interval.valid_from)
    last = span.last if interval.valid_to is None else min(span.last, interval.valid_to - DAY)
    if first > last:
        return interval
    return replace(interval, seen_from=min(interval.seen_from, first), seen_to=max(interval.seen_to, last))


def _outside(piece: tuple[date, date], interval: HeldInterval) -> list[tuple[date, date]]:
    """The days of a stretch that do not lie in the interval."""
    first, last = piece
    parts = []
    if first < interval.valid_from:
        parts.append((first, min(last, interval.valid_from - DAY)))
    if interval.valid_to is not None and last >= interval.valid_to:
        parts.append((max(first, interval.valid_to), last))
    return parts


def overlap(one: HeldInterval, other: HeldInterval) -> bool:
    """Whether two intervals share a day."""
    return (one.valid_to is None or other.valid_from < one.valid_to) and (
        other.valid_to is None or one.valid_from < other.valid_to
    )
