"""What people decide about findings: releasing one (the row is right) or confirming it (the row is wrong).

A release puts a bar that was set aside back exactly as it was; a confirmation sets it aside, or keeps it out. Both are
remembered with who, why and on which bar: another bar is judged again. Rules decide in `adapters.quality.findings`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, read_findings, set_aside
from tickstock_dagster.adapters.quality.reports import score_again
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.data import OUTSIDE
from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.printable import plain_reason
from tickstock_dagster.core.quality.alerts import finding_event
from tickstock_dagster.core.quality.lifecycle import STALE, Bar, Finding, How, Key, State, Step, StoredFinding

_VERDICTS = {State.RELEASED: Verdict.EXPLAINED, State.CONFIRMED: Verdict.WRONG}
_HOW = {State.RELEASED: How.RELEASED, State.CONFIRMED: How.CONFIRMED}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a decision changed.

    Attributes:
        findings: the findings that were decided: of a released bar all that called it wrong; none where the same was
            decided before.
        bar_put_back: the bar is stored again as it was.
        bar_set_aside: the bar has left the store.
    """

    findings: tuple[Finding, ...]
    bar_put_back: bool = False
    bar_set_aside: bool = False


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Who decides what, when, in which transaction."""

    connection: psycopg.Connection[Any]
    state: State
    market: str
    by: str
    why: str
    run_id: str
    now: datetime
    held: tuple[int, Bar] | None
    """Number and values of the cell's newest bar that was set aside."""


def decide(engine: sa.Engine, key: Key, state: State, *, by: str, why: str, run_id: str, now: datetime) -> Decision:
    """Release or confirm a finding, in one transaction with its bar, its history, its scores and its event.

    Args:
        engine: the store's.
        key: the finding.
        state: released or confirmed.
        by: who decides.
        why: the reason, in that person's words.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: no reason, or no name; the finding was about another bar than the stored one, or is to be
            confirmed though it is withdrawn or about bars that are missing; nothing was written.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    why, by = plain_reason(why), plain_reason(by, "by")
    _refuse_missing_bars(key, state)
    with transaction(engine) as connection:
        lock(connection, Lock.BARS)
        [exchange] = connection.execute(statement("quality/exchange_of"), {"security_id": key.security_id}).fetchone()  # type: ignore[misc]  # every security has a row
        market = exchange if exchange in ABROAD else MARKET
        cell = {"security_id": key.security_id, "session": key.session}
        held = connection.execute(statement("quality/bar_held"), cell).fetchone()
        deciding = _Deciding(connection, state, market, by, why, run_id, now, held)
        found = _of_cell(connection, key)
        known = next((one for one in found if one.finding.key == key), None)
        if known is None:
            raise BadInputError("finding", key, "a finding that `tickstock quality list` shows")
        if known.state is state and known.is_settled:
            return Decision(())
        _refuse_other_bars(deciding, known)
        decision = _released(deciding, known, found) if state is State.RELEASED else _confirmed(deciding, known)
        score_again(connection, key.security_id, key.session)
    return decision


def _refuse_other_bars(deciding: _Deciding, known: StoredFinding) -> None:
    key = known.finding.key
    name = f"{known.finding.ticker} {key.session} {key.rule}"
    if deciding.state is State.CONFIRMED and known.withdrawn:
        raise BadInputError(
            "finding", name, "one that stands: this one was withdrawn, its rule does not find it any more"
        )
    if deciding.held and known.bar is not None and known.bar != deciding.held[1]:
        raise BadInputError(
            "finding", name, "one about the stored bar: this one was about a bar that has been replaced"
        )


def _released(deciding: _Deciding, known: StoredFinding, of_cell: Sequence[StoredFinding]) -> Decision:
    """The row is right: all that called it wrong is released with it, since half a row cannot be right."""
    key, held, back = known.finding.key, deciding.held, False
    if held:
        deciding.connection.execute(statement("quality/adjusts"))
        values = {"quarantine_id": held[0], "now": deciding.now}
        back = deciding.connection.execute(statement("quality/bar_back"), values).fetchone() == (1,)
        span = {"security_ids": [key.security_id], "first": key.session, "last": key.session}
        deciding.connection.execute(statement("bars/adjust"), span)
    others = [one for one in of_cell if held and one.finding.verdict is Verdict.WRONG and one.finding.key != key]
    bar = held[1] if held and back else known.bar
    steps = [_decided(deciding, one, bar) for one in (known, *others)]
    return Decision(tuple(step.finding for step in steps), bar_put_back=back)


def _confirmed(deciding: _Deciding, known: StoredFinding) -> Decision:
    """The row is wrong: it is set aside, if it is stored."""
    step = _decided(deciding, known, known.bar or (deciding.held and deciding.held[1]))
    wrong = replace(step.finding, evidence={**step.finding.evidence, **(known.bar or {})})
    moved = set_aside(deciding.connection, [wrong], run_id=deciding.run_id, now=deciding.now)
    return Decision((step.finding,), bar_set_aside=bool(moved))


def _decided(deciding: _Deciding, known: StoredFinding, bar: Bar | None) -> Step:
    """Write one decided finding with its line of history and its event."""
    cause = f"{deciding.state} by {deciding.by}: {deciding.why}"
    finding = replace(known.finding, verdict=_VERDICTS[deciding.state], cause=cause)
    step = Step(finding, known.finding.verdict, _HOW[deciding.state], known.alerted_as)
    key = finding.key
    facts = {
        "security_id": key.security_id,
        "session": key.session,
        "rule": key.rule,
        "dataset": key.dataset,
        "verdict": str(finding.verdict),
        "cause": cause,
    }
    decided = facts | {
        "state": str(deciding.state),
        "by": deciding.by,
        "why": deciding.why,
        "bar": None if bar is None else json.dumps(bar),
        "alerts": step.alerts,
        "now": deciding.now,
    }
    deciding.connection.execute(statement("quality/finding_decide"), decided)
    line = facts | {
        "session": str(key.session),
        "was": str(known.finding.verdict),
        "how": str(step.how),
        "value": finding.value,
        "threshold": finding.threshold,
        "evidence": finding.evidence,
    }
    history = {"rows": json.dumps([line]), "given_by": deciding.by, "now": deciding.now}
    row = deciding.connection.execute(statement("quality/verdicts_write"), history).fetchone()
    if step.alerts and row is not None:
        run = None if deciding.run_id in OUTSIDE else deciding.run_id
        event = finding_event(
            finding, known.alerted_as, market=deciding.market, number=row[-1], run_id=run, now=deciding.now
        )
        write_events(deciding.connection, [event])
    return step


def _of_cell(connection: psycopg.Connection[Any], key: Key) -> list[StoredFinding]:
    """All findings about one bar."""
    return read_findings(connection, Scope(key.session, key.session, RULES, [key.security_id], key.dataset))


def _refuse_missing_bars(key: Key, state: State) -> None:
    """Refuse to confirm that bars are missing: there is no row to set aside, and they are owed in any case."""
    if key.rule == STALE and state is State.CONFIRMED:
        raise BadInputError(
            "finding",
            f"{key.session} {key.rule}",
            "one about a bar: where bars are missing there is none to set aside, and they stay owed. `tickstock load` "
            "asks for them, and `tickstock quality release` accepts that they are missing",
        )
