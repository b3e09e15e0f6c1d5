"""Membership of a universe as intervals, and how one determination changes them.

A determination gives the members from a session until the next determined session. Sessions may be determined in any
order; memberships on other days stay as they are. Reading and writing the intervals belongs in
`adapters.universes.membership_store`, choosing the members in `core.universes.rules`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.intervals import covers

ALWAYS = date(1900, 1, 1)
"""Session of seeds' determinations: they are members from the beginning."""


@dataclass(frozen=True, slots=True)
class Span:
    """One security is a member on the sessions of [valid_from, valid_to); `valid_to` None: still a member.

    Attributes:
        row: identity of the stored row; None for a span that is not stored yet.
    """

    security_id: int
    valid_from: date
    valid_to: date | None
    row: int | None = None

    def covers(self, session: date) -> bool:
        """Whether the security is a member on a session."""
        return covers(self.valid_from, self.valid_to, session)


@dataclass(frozen=True, slots=True)
class Revision:
    """The changes of a determination: stored spans that no longer hold, and spans that replace them."""

    retired: tuple[Span, ...]
    begun: tuple[Span, ...]


def members_on(spans: Iterable[Span], session: date) -> frozenset[int]:
    """Securities that are members on a session."""
    return frozenset(span.security_id for span in spans if span.covers(session))


def revise(current: Iterable[Span], session: date, until: date | None, members: Collection[int]) -> Revision:
    """The smallest revision after which exactly `members` are members on [session, until).

    Args:
        current: the universe's current spans; those of one security neither overlap nor touch.
        session: the determined session.
        until: the next determined session after it; None if there is none.
        members: the members on that span.

    Returns:
        The revision; it contains no security without a change.

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
    """The security's spans without [session, until), or with it, joined to touching spans."""
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
