"""Turns a universe given as intervals into spans, after validation, and finds the sessions at which members change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.memberships import ALWAYS, Revision, Span


@dataclass(frozen=True, slots=True)
class GivenInterval:
    """One line of an import: a member on [valid_from, valid_to); `valid_to` None: no end. `line` counts from 1."""

    security_id: int
    valid_from: date
    valid_to: date | None
    line: int


def spans_of(intervals: Iterable[GivenInterval]) -> list[Span]:
    """The spans of the intervals; touching ones of one security become one.

    Raises:
        BadInputError: an interval is empty, or two of one security overlap; the message names the lines.
    """
    spans: list[Span] = []
    before: GivenInterval | None = None
    for given in sorted(intervals, key=lambda one: (one.security_id, one.valid_from, one.line)):
        if given.valid_to is not None and given.valid_to <= given.valid_from:
            days = f"{given.valid_from} to {given.valid_to}"
            raise BadInputError(f"interval in line {given.line}", days, "an end after the start")
        if before is None or before.security_id != given.security_id:
            spans.append(Span(given.security_id, given.valid_from, given.valid_to))
        elif before.valid_to is None or before.valid_to > given.valid_from:
            first, second = sorted((before.line, given.line))
            since = "the start" if given.valid_from == ALWAYS else given.valid_from
            days = f"{since} to {given.valid_to or 'now'}"
            raise BadInputError(
                f"interval in line {given.line}", days, f"no overlap of one security: lines {first} and {second}"
            )
        elif before.valid_to == given.valid_from:
            spans[-1] = Span(given.security_id, spans[-1].valid_from, given.valid_to)
        else:
            spans.append(Span(given.security_id, given.valid_from, given.valid_to))
        before = given
    return spans


def replace(current: Iterable[Span], wanted: Iterable[Span]) -> Revision:
    """The revision after which exactly the wanted spans hold."""
    held = {(span.security_id, span.valid_from, span.valid_to): span for span in current}
    named = {(span.security_id, span.valid_from, span.valid_to): span for span in wanted}
    return Revision(
        tuple(span for key, span in held.items() if key not in named),
        tuple(span for key, span in named.items() if key not in held),
    )


def counts_at(spans: Sequence[Span], sessions: Sequence[date]) -> list[int]:
    """Number of members on each of `sessions` (ascending)."""
    steps: dict[date, int] = {}
    for span in spans:
        steps[span.valid_from] = steps.get(span.valid_from, 0) + 1
        if span.valid_to is not None:
            steps[span.valid_to] = steps.get(span.valid_to, 0) - 1
    days = sorted(steps)
    counts, place, members = [], 0, 0
    for session in sessions:
        while place < len(days) and days[place] <= session:
            members += steps[days[place]]
            place += 1
        counts.append(members)
    return counts


def boundaries(spans: Iterable[Span]) -> list[date]:
    """Sessions at which a membership begins or ends, ascending."""
    return sorted({day for span in spans for day in (span.valid_from, span.valid_to) if day is not None})
