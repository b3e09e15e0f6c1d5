"""Membership of a universe as intervals: what one determination changes about them.

A determination says who is a member from a session on, until the next session that is determined. Sessions may be
determined in any order. Whatever was said about other days stays. Reading and writing the intervals belongs in
`adapters.universes.membership_store`, and finding the members in `core.universes.rules`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.intervals import covers

ALWAYS = date(1900, 1, 1)
"""Session at which seeds are determined: they were members for as long as we know."""


@dataclass(frozen=True, slots=True)
class Span:
    """One security is a member on the sessions of [valid_from, valid_to); `valid_to` None: it still is.

    Attributes:
        row: identity of the stored row; None for one that is not stored yet.
    """

    security_id: int
    valid_from: date
    valid_to: date | None
    row: int | None = None

    def covers(self, session: date) -> bool:
        """Whether it is a member on that session."""
        return covers(self.valid_from, self.valid_to, session)


@dataclass(frozen=True, slots=True)
class Revision:
    """What a determination changes: stored spans that no longer hold, and spans that hold instead."""

    retired: tuple[Span, ...]
    begun: tuple[Span, ...]


def members_on(spans: Iterable[Span], session: date) -> frozenset[int]:
    """Securities that are members on a session."""
    return frozenset(span.security_id for span in spans if span.covers(session))


def revise(current: Iterable[Span], session: date, until: date | None, members: Collection[int]) -> Revision:
    """What has to change for exactly `members` to be members on [session, until), and nothing else to be different.

    Args:
        current: the universe's current spans; those of one security neither overlap nor touch.
        session: the determined session.
        until: the next determined session after it; None if there is none.
        members: securities that are members.

    Returns:
        The smallest revision: a security about which nothing changes does not appear.

    Raises:
        BadInputError: `until` is not after `session`.
    """
    if until is not None and until <= session:
        raise BadInputError("until", until, f"a session after {session}")
    wanted, held = frozenset(members), dict[int, list[Span]]()
    for span in current:
        held.setdefault(span.security_id, []).append(span)
    retired: list[Span] = []
    begun: list[Span] = []
    for security_id in sorted(held.keys() | wanted):
        old = held.get(security_id, [])
        if _holds(old, session, until, member=security_id in wanted):
            continue
        new = _changed(old, security_id, session, until, member=security_id in wanted)
        stays = {(span.valid_from, span.valid_to) for span in old} & {(span.valid_from, span.valid_to) for span in new}
        retired += [span for span in old if (span.valid_from, span.valid_to) not in stays]
        begun += [span for span in new if (span.valid_from, span.valid_to) not in stays]
    return Revision(tuple(retired), tuple(begun))


def _holds(old: list[Span], session: date, until: date | None, *, member: bool) -> bool:
    if member:
        return any(span.covers(session) and not _ends_before(span.valid_to, until) for span in old)
    return not any(
        _before(span.valid_from, until) and (span.valid_to is None or span.valid_to > session) for span in old
    )


def _changed(old: list[Span], security_id: int, session: date, until: date | None, *, member: bool) -> list[Span]:
    """The security's spans with [session, until) taken out, or put in and joined to what touches it."""
    pieces: list[tuple[date, date | None]] = []
    for span in old:
        if span.valid_from < session:
            cut = session if span.valid_to is None or span.valid_to > session else span.valid_to
            pieces.append((span.valid_from, cut))
        if until is not None and (span.valid_to is None or span.valid_to > until):
            pieces.append((max(span.valid_from, until), span.valid_to))
    if member:
        pieces.append((session, until))
    joined: list[tuple[date, date | None]] = []
    for start, end in sorted(pieces, key=lambda piece: piece[0]):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [Span(security_id, start, end) for start, end in joined]


def _ends_before(end: date | None, until: date | None) -> bool:
    return end is not None and (until is None or end < until)


def _before(day: date, until: date | None) -> bool:
    return until is None or day < until
