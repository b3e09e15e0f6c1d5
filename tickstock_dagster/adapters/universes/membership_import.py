"""Importing a universe from intervals: the start and end of each membership, from a file.

The intervals replace the universe's members. Every session at which one begins or ends counts as determined, so that
later determinations and imports fit together. The caller reads the file and finds securities by ticker.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import (
    MembershipChange,
    determined_time,
    lock_memberships,
    publish,
    read_spans,
    tickers_on,
    write_changes,
    write_projection,
    write_revision,
)
from tickstock_dagster.adapters.universes.store import refuse_alias
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.universe_data import MemberChange, UniverseUpdated
from tickstock_dagster.core.universes.membership_intervals import (
    GivenInterval,
    boundaries,
    counts_at,
    replace,
    spans_of,
)
from tickstock_dagster.core.universes.memberships import ALWAYS, Revision, Span, members_on

__all__ = ["GivenInterval", "Imported", "import_intervals"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed.

    Attributes:
        begun: intervals that are new.
        retired: intervals that no longer hold.
        members: members from the newest session on.
        published: the event, where the members of the newest session changed.
    """

    begun: int
    retired: int
    members: int
    published: UniverseUpdated | None = None


def import_intervals(
    connection: psycopg.Connection[Any],
    universe: str,
    rows: Sequence[GivenInterval],
    *,
    title: str,
    reason: str,
    run_id: str,
    now: datetime,
    task: str = "import",
) -> Imported:
    """Make a dated universe from intervals, or replace its members with them, in the caller's transaction.

    Reads as of an earlier moment still answer what was known then. The same intervals again change nothing.

    Args:
        connection: inside a transaction.
        universe: canonical name; made if missing.
        rows: the intervals; those of one security may touch, not overlap.
        title: shown to people; used where the universe is new.
        reason: why, for the log and the event.
        run_id: the Dagster run, or cli.
        now: aware.
        task: for the log.

    Raises:
        BadInputError: intervals overlap or are empty (names both lines), no member is left at the end, the universe is
            a list, or its name is an alias of another one.
    """
    spans = spans_of(rows)
    days = boundaries(spans)
    if not spans or not members_on(spans, days[-1]):
        raise BadInputError(
            "intervals", f"{len(rows)} lines", f"at least one interval without an end: {universe} would be empty"
        )
    lock_memberships(connection)
    refuse_alias(connection, universe)
    _make(connection, universe, title, now)
    current = read_spans(connection, universe)
    newest = days[-1]
    asked = {"universe": universe, "newest": newest, "now": now}
    row = connection.execute(statement("universes/universe_import_state"), asked).fetchone()
    if row is None or row[0] != "dated":
        raise BadInputError("universe", universe, "a new name, or a universe whose members are determined by session")
    _membership, determined, times, at = row
    revision = replace(current, spans)
    if not revision.begun and not revision.retired:
        return Imported(0, 0, len(members_on(spans, newest)))
    sessions = sorted({*days, *determined})
    before, after = members_on(current, sessions[-1]), members_on(spans, sessions[-1])
    tickers = tickers_on(connection, {span.security_id for span in [*current, *spans]}, sessions[-1])
    write_revision(connection, universe, revision, at)
    head = {"task": task, "run_id": run_id, "at": at}
    changed = sessions[-1] if before != after else None
    counts = {"sessions": sessions, "counts": counts_at(spans, sessions), "changed": changed}
    connection.execute(statement("universes/determination_boundaries"), {"universe": universe, **head, **counts})
    shown = sorted(tickers[security_id] for security_id in after)
    write_projection(connection, universe, shown, changed=bool(changed), at=at)
    changes = _changes(revision, tickers, reason)
    published = None
    if changed:
        published = UniverseUpdated(
            universe=universe,
            # Members since the start have no first session: consumers are told the one on which they learn of them.
            session=library_calendar(MARKET).latest_closed_session(now) if changed == ALWAYS else changed,
            added=_member_changes(after - before, tickers, reason),
            removed=_member_changes(before - after, tickers, reason),
            members=len(after),
            task=task,
            run_id=run_id,
        )
        publish(connection, published, changes, dedupe_key=determined_time(changed, times + 1), at=at)
    else:
        write_changes(connection, universe, changes, rule_version=None, event=None, **head)
    return Imported(len(revision.begun), len(revision.retired), len(after), published)


def _make(connection: psycopg.Connection[Any], universe: str, title: str, now: datetime) -> None:
    values = {
        "key": universe,
        "type": "list",
        "name": title,
        "value": json.dumps([]),
        "category": "imported",
        "metadata": json.dumps({"title": title}),
        "membership": "dated",
        "aliases": [],
        "now": now,
    }
    connection.execute(statement("universes/universe_create"), values)


def _changes(revision: Revision, tickers: dict[int, str], reason: str) -> list[MembershipChange]:
    """The log's changes: memberships that begin, that end, and that the import withdraws entirely."""
    held = {(span.security_id, span.valid_from) for span in revision.retired}
    named = {(span.security_id, span.valid_from) for span in revision.begun}
    ends = {(span.security_id, span.valid_to) for span in revision.retired}

    def change(span: Span, kind: str, why: str) -> MembershipChange:
        session = span.valid_from if kind == "added" or span.valid_to is None else span.valid_to
        return MembershipChange(session, span.security_id, tickers[span.security_id], kind, why)

    changes = []
    for span in sorted(revision.begun, key=lambda one: (one.valid_from, tickers[one.security_id])):
        if (span.security_id, span.valid_from) not in held:
            changes.append(change(span, "added", reason))
        if span.valid_to is not None and (span.security_id, span.valid_to) not in ends:
            changes.append(change(span, "removed", reason))
    withdrawn = [span for span in revision.retired if (span.security_id, span.valid_from) not in named]
    for span in withdrawn:
        since = "the start" if span.valid_from == ALWAYS else span.valid_from
        why = f"withdrawn: {since} to {span.valid_to or 'now'}; {reason}"
        changes.append(MembershipChange(span.valid_from, span.security_id, tickers[span.security_id], "removed", why))
    return changes


def _member_changes(security_ids: frozenset[int], tickers: dict[int, str], reason: str) -> tuple[MemberChange, ...]:
    return tuple(MemberChange(symbol=ticker, reason=reason) for ticker in sorted(tickers[one] for one in security_ids))
