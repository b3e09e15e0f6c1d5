"""Applying determinations: the members of a universe from a session on, in the caller's transaction.

A determination writes memberships in two clocks, its own row with the evidence, one line of the log per security that
joined or left, the projection in `cache_entries`, and one event per universe whose members changed; seeds have no
event. Reading belongs in `adapters.universes.membership_reading` (this module re-exports its functions), importing
intervals in `adapters.universes.membership_import`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg

from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_reading import (
    MEMBER_SCHEMA,
    Explanation,
    current_spans,
    determined_sessions,
    explain,
    members_on,
    resolve_universe,
)
from tickstock_dagster.adapters.universes.membership_rows import (
    MembershipChange,
    determined_time,
    lock_memberships,
    member_changes,
    publish,
    read_spans,
    tickers_on,
    write_changes,
    write_determination,
    write_projection,
    write_revision,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.universe_data import UniverseUpdated
from tickstock_dagster.core.universes.memberships import ALWAYS, revise
from tickstock_dagster.core.universes.memberships import members_on as members_of

__all__ = [
    "MEMBER_SCHEMA",
    "Determination",
    "Explanation",
    "apply_determinations",
    "current_spans",
    "determined_sessions",
    "explain",
    "members_on",
    "resolve_universe",
]


@dataclass(frozen=True, slots=True)
class Determination:
    """The members of a universe from a session on, until the next session that is determined.

    Attributes:
        universe: canonical name of a dated universe.
        session: the first session; `ALWAYS` for seeds, which no event reports.
        members: securities, in the order in which people see them and loads ask for them.
        task: a synchronisation task, seed, import, or set.
        rule_version: of the rule that decided; None for lists.
        reasons: why, by security, including those that leave.
        evidence: by evaluated ticker: rank, decision, reason, facts.
    """

    universe: str
    session: date
    members: tuple[int, ...]
    task: str
    rule_version: int | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


def apply_determinations(
    connection: psycopg.Connection[Any], determinations: Sequence[Determination], *, run_id: str, now: datetime
) -> tuple[UniverseUpdated, ...]:
    """Revise memberships by determinations, in their order, in the caller's transaction.

    Revising processes wait for one another. A session that was determined before with the same members, rule version
    and evidence stays untouched, so that the same call again writes nothing.

    Args:
        connection: inside a transaction, as `adapters.postgres.database.transaction` gives it.
        determinations: of dated universes; several of one universe take effect one after the other.
        run_id: the Dagster run, or cli.
        now: aware; a moment not later than the newest stored one counts as the moment right after that.

    Returns:
        The published events: one per determination that changed members, but for seeds.

    Raises:
        BadInputError: a universe is not known, is a list, or would become empty; the caller must then roll back.
    """
    lock_memberships(connection)
    published = [_apply(connection, determination, run_id, now) for determination in determinations]
    return tuple(data for data in published if data)


def _apply(
    connection: psycopg.Connection[Any], wanted: Determination, run_id: str, now: datetime
) -> UniverseUpdated | None:
    if not wanted.members:
        raise BadInputError("members", "()", f"at least one: {wanted.universe} would become empty on {wanted.session}")
    values = {"universe": wanted.universe, "session": wanted.session, "rule_version": wanted.rule_version}
    asked = {**values, "evidence": json.dumps(wanted.evidence), "now": now}
    row = connection.execute(statement("universes/membership_state"), asked).fetchone()
    if row is None or row[0] != "dated":
        raise BadInputError("universe", wanted.universe, "a universe whose members are determined by session")
    _membership, until, times, same, at = row
    spans = read_spans(connection, wanted.universe)
    revision = revise(spans, wanted.session, until, wanted.members)
    if same and not (revision.retired or revision.begun):
        return None
    before, after = members_of(spans, wanted.session), frozenset(wanted.members)
    tickers = tickers_on(connection, before | after, wanted.session)
    write_revision(connection, wanted.universe, revision, at)
    changes = _changes(connection, wanted, before, tickers)
    write_determination(
        connection,
        {**values, "at": at, "task": wanted.task, "members": len(after), "run_id": run_id},
        wanted.evidence,
    )
    if until is None:
        shown = [tickers[security_id] for security_id in dict.fromkeys(wanted.members)]
        write_projection(connection, wanted.universe, shown, changed=bool(changes), at=at)
    if not changes:
        return None
    if wanted.session == ALWAYS:
        log = {"task": wanted.task, "rule_version": wanted.rule_version, "run_id": run_id, "at": at}
        write_changes(connection, wanted.universe, changes, event=None, **log)
        return None
    data = UniverseUpdated(
        universe=wanted.universe,
        session=wanted.session,
        added=member_changes(changes, "added"),
        removed=member_changes(changes, "removed"),
        members=len(after),
        task=wanted.task,
        rule_version=wanted.rule_version,
        run_id=run_id,
    )
    publish(connection, data, changes, dedupe_key=determined_time(wanted.session, times + 1), at=at)
    return data


def _changes(
    connection: psycopg.Connection[Any], wanted: Determination, before: frozenset[int], tickers: Mapping[int, str]
) -> list[MembershipChange]:
    """Those that joined, in order, then those that left, with their evidence at the previous determination and now."""
    joined = [security_id for security_id in dict.fromkeys(wanted.members) if security_id not in before]
    left = sorted(before - frozenset(wanted.members), key=lambda security_id: tickers[security_id])
    if not joined and not left:
        return []
    values = {"universe": wanted.universe, "session": wanted.session}
    row = connection.execute(statement("universes/determination_evidence"), values).fetchone()
    earlier: Mapping[str, Any] = row[0] if row else {}
    return [
        MembershipChange(
            wanted.session,
            security_id,
            ticker := tickers[security_id],
            change,
            wanted.reasons.get(security_id, f"determined by {wanted.task}"),
            before=earlier.get(ticker),
            after=wanted.evidence.get(ticker),
        )
        for change, found in (("added", joined), ("removed", left))
        for security_id in found
    ]
