"""The rows of one revision of a universe: memberships in two clocks, the log of changes, the projection, the event.

Each function writes one of them, as a set, inside the caller's transaction; `publish` writes the log and its event,
`revise_list` a list with both. `adapters.universes.membership_store`, `membership_import`, `list_edit` and `sync_store`
decide what to revise.

Longer than 250 lines because whatever is written of a universe's history is written here, and nowhere else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.events.envelope import Event, UniverseUpdated
from tickstock_dagster.core.events.universe_data import MemberChange
from tickstock_dagster.core.universes.memberships import ALWAYS, Revision, Span


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One line of the log: a security that joined (`added`) or left (`removed`) from a session on, or was `classified`.

    A change of a universe's settings has neither security nor ticker. The log has no session for what holds since
    `ALWAYS`.
    """

    session: date
    security_id: int | None
    ticker: str | None
    change: str
    reason: str
    before: Any = None
    after: Any = None


def lock_memberships(connection: psycopg.Connection[Any]) -> None:
    """Make other revisions of memberships wait until the end of the transaction; waits for those under way."""
    lock(connection, Lock.MEMBERSHIPS)


def read_spans(connection: psycopg.Connection[Any], universe: str) -> list[Span]:
    """The universe's current spans, unordered."""
    rows = connection.execute(statement("universes/membership_spans"), {"universe": universe})
    return [Span(*row) for row in rows]


def write_revision(connection: psycopg.Connection[Any], universe: str, revision: Revision, at: datetime) -> None:
    """Supersede the spans that no longer hold, then insert those that replace them.

    Args:
        connection: inside a transaction.
        universe: canonical name.
        revision: spans to end and to begin.
        at: aware; when the store learned of it.
    """
    if revision.retired:
        rows = [span.row for span in revision.retired]
        connection.execute(statement("universes/membership_retire"), {"rows": rows, "at": at})
    if revision.begun:
        columns = {
            "security_ids": [span.security_id for span in revision.begun],
            "starts": [span.valid_from for span in revision.begun],
            "ends": [span.valid_to for span in revision.begun],
        }
        connection.execute(statement("universes/membership_begin"), {"universe": universe, "at": at, **columns})


def tickers_on(connection: psycopg.Connection[Any], security_ids: Iterable[int], session: date) -> dict[int, str]:
    """The ticker of each security on a session, or the nearest one that it ever held."""
    values = {"security_ids": list(security_ids), "session": session}
    return dict(connection.execute(statement("universes/membership_tickers"), values).fetchall())


def write_changes(
    connection: psycopg.Connection[Any],
    universe: str,
    changes: Sequence[MembershipChange],
    *,
    task: str,
    rule_version: int | None,
    event: Event | None,
    run_id: str,
    at: datetime,
) -> None:
    """Log every change, with the event that reports it.

    Args:
        connection: inside a transaction.
        universe: canonical name.
        changes: one line of the log each.
        task: a synchronisation task, seed, import or set.
        rule_version: of the rule that decided; None where none did.
        event: the event that reports the changes; None where none does.
        run_id: the Dagster run, or cli.
        at: aware; when the changes were made.
    """
    columns = {
        "sessions": [None if change.session == ALWAYS else change.session for change in changes],
        "security_ids": [change.security_id for change in changes],
        "tickers": [change.ticker for change in changes],
        "changes": [change.change for change in changes],
        "reasons": [change.reason for change in changes],
        "befores": [_json(change.before) for change in changes],
        "afters": [_json(change.after) for change in changes],
    }
    head = {"universe": universe, "task": task, "rule_version": rule_version, "run_id": run_id, "at": at}
    connection.execute(statement("universes/changes_write"), {**head, **columns, "event_id": event and event.id})


def log_tracking(
    connection: psycopg.Connection[Any],
    universe: str,
    former: tuple[bool, date | None] | None,
    *,
    reason: str,
    run_id: str,
    now: datetime,
) -> None:
    """Log that a universe is tracked, or is not any more, where that has changed; no event, as its members have not.

    Args:
        connection: inside the transaction of the change, after it.
        universe: canonical name.
        former: whether it was tracked and from which session on, before the change; None where it is new.
        reason: why.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    row = connection.execute(statement("universes/universe_tracked"), {"universe": universe}).fetchone()
    before, after = former or (False, None), row or (False, None)
    if before[0] == after[0]:
        return
    settings = [{"track": tracked, "track_from": begins and str(begins)} for tracked, begins in (before, after)]
    session = library_calendar(MARKET).latest_closed_session(now)
    change = MembershipChange(session, None, None, "settings", reason, *settings)
    write_changes(connection, universe, [change], task="set", rule_version=None, event=None, run_id=run_id, at=now)


def write_projection(
    connection: psycopg.Connection[Any], universe: str, tickers: Sequence[str], *, changed: bool, at: datetime
) -> None:
    """Write the newest session's members into `cache_entries`; the same members again change nothing.

    Args:
        connection: inside a transaction.
        universe: canonical name.
        tickers: of the members, in their order.
        changed: whether members joined or left, so that the time of the last update moves.
        at: aware; when the members changed.
    """
    values = {"universe": universe, "value": json.dumps(list(tickers)), "changed": changed, "at": at}
    connection.execute(statement("universes/universe_project"), values)


def publish(
    connection: psycopg.Connection[Any],
    data: UniverseUpdated,
    changes: Sequence[MembershipChange],
    *,
    dedupe_key: str,
    at: datetime,
) -> None:
    """Write the event into the outbox, and log every change with it.

    Args:
        connection: inside the transaction of the change.
        data: the securities that joined and left.
        changes: the same, one line of the log each.
        dedupe_key: the event's identity among those of the universe.
        at: aware; the event's time.
    """
    event = Event.of(data, time=at, dedupe_key=dedupe_key)
    write_events(connection, [event])
    write_changes(
        connection,
        data.universe,
        changes,
        task=data.task,
        rule_version=data.rule_version,
        event=event,
        run_id=data.run_id or "cli",
        at=at,
    )


def determined_time(session: date, time: int) -> str:
    """The event's identity: the session, and how often it was determined for the universe, this time included."""
    return f"{session}#{time}"


def member_changes(changes: Iterable[MembershipChange], kind: str) -> tuple[MemberChange, ...]:
    """The changes of one kind (`added` or `removed`), as an event states them."""
    return tuple(
        MemberChange(symbol=one.ticker, reason=one.reason) for one in changes if one.change == kind and one.ticker
    )


def locked_list(connection: psycopg.Connection[Any], universe: str) -> tuple[str, list[str]]:
    """A universe's membership (static or dated) and tickers, locked until the end of the transaction."""
    row = connection.execute(statement("universes/universe_list_lock"), {"universe": universe}).fetchone()
    assert row is not None  # noqa: S101  # it was found by its name, and none is ever deleted
    return row[0], list(row[1])


def revise_list(
    connection: psycopg.Connection[Any],
    universe: str,
    members: Sequence[str],
    changes: Sequence[MembershipChange],
    *,
    session: date,
    task: str,
    run_id: str,
    dedupe_key: str,
    at: datetime,
) -> UniverseUpdated | None:
    """Replace the members of a list, with the log and the event.

    Args:
        connection: inside the transaction that locked the list.
        universe: canonical name.
        members: all tickers, in their order.
        changes: those that joined and left; without any, only the order changed, and no event is published.
        session: the first session with the new members.
        task: a synchronisation task, or set.
        run_id: the Dagster run, or cli.
        dedupe_key: the event's identity among those of the universe.
        at: aware; when the members changed.

    Returns:
        The published event; None where only the order changed.
    """
    values = {"universe": universe, "value": json.dumps(list(members)), "now": at}
    connection.execute(statement("universes/universe_list_replace"), values)
    if not changes:
        return None
    data = UniverseUpdated(
        universe=universe,
        session=session,
        added=member_changes(changes, "added"),
        removed=member_changes(changes, "removed"),
        members=len(members),
        task=task,
        rule_version=None,
        run_id=run_id,
    )
    publish(connection, data, changes, dedupe_key=dedupe_key, at=at)
    return data


def write_determination(
    connection: psycopg.Connection[Any], values: Mapping[str, Any], evidence: Mapping[str, Any]
) -> None:
    """Record that a session's members were determined, and the evidence."""
    connection.execute(statement("universes/determination_write"), {**values, "evidence": json.dumps(evidence)})


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
