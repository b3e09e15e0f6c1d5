"""Storing findings: new ones, changed verdicts, their history, bars set aside and events, all in one transaction.

What becomes of a finding is decided in `core.quality.lifecycle`; decisions of people belong in
`adapters.quality.decisions`.

Longer than 250 lines because a finding, its history, its event and its bar are written as one.
"""

import json
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.events.data import OUTSIDE
from tickstock_dagster.core.judging.findings import FINDING_SCHEMA, Severity, Verdict
from tickstock_dagster.core.judging.found import BAR
from tickstock_dagster.core.quality.alerts import finding_event, told_together
from tickstock_dagster.core.quality.changes import Change, nearest_change
from tickstock_dagster.core.quality.lifecycle import (
    DAILY,
    STALE,
    Finding,
    How,
    Key,
    State,
    Step,
    StoredFinding,
    crowded,
    doubtful_sessions,
    steps,
)

logger = logging.getLogger(__name__)

_LARGEST = 1e12
"""What is further off is written as this: JSON knows no infinity."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was looked at: a finding of it that its rule does not make any more is withdrawn.

    Attributes:
        first: first judged session.
        last: the last one.
        rules: that were applied.
        security_ids: whose bars were judged; None: everybody's.
        dataset: that was judged.
    """

    first: date
    last: date
    rules: Collection[str]
    security_ids: Sequence[int] | None = None
    dataset: str = DAILY


@dataclass(frozen=True, slots=True)
class StoredFindings:
    """What storing findings did: how many are new, changed, withdrawn and told, and which bars were set aside."""

    found: int
    changed: int
    withdrawn: int
    alerted: int
    set_aside: tuple[tuple[int, date], ...] = ()

    def __add__(self, other: "StoredFindings") -> "StoredFindings":
        return StoredFindings(
            self.found + other.found,
            self.changed + other.changed,
            self.withdrawn + other.withdrawn,
            self.alerted + other.alerted,
            (*self.set_aside, *other.set_aside),
        )


def store_findings(
    connection: psycopg.Connection[Any],
    judged: Iterable[Finding],
    scope: Scope,
    *,
    market: str,
    run_id: str,
    now: datetime,
) -> StoredFindings:
    """Store what rules have found, within the caller's transaction; the same again changes nothing.

    What was found about a bar that another one has replaced since it was read is left to the next judgement.

    Args:
        connection: within a transaction.
        judged: what the rules find, within the scope.
        scope: what was looked at.
        market: MIC of the calendar.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    lock(connection, Lock.BARS)
    found, replaced = list(judged), set[tuple[int, date]]()
    if scope.dataset == DAILY:
        replaced = _replaced(connection, found)
    known = [one for one in read_findings(connection, scope) if _cell(one.finding) not in replaced]
    changes = steps(known, [one for one in found if _cell(one) not in replaced])
    changes = with_reasons(connection, changes, scope.dataset)
    alerted = write_steps(connection, changes, market=market, given_by=run_id, run_id=run_id, now=now)
    wrong = _without_whole_sessions(connection, [step.finding for step in changes if step.sets_aside], scope)
    moved = set_aside(connection, wrong, run_id=run_id, now=now)
    count = {how: sum(step.how is how for step in changes) for how in How}
    new, withdrawn = count[How.FOUND], count[How.WITHDRAWN]
    return StoredFindings(new, len(changes) - new - withdrawn, withdrawn, alerted, moved)


def _cell(finding: Finding) -> tuple[int, date]:
    return finding.key.security_id, finding.key.session


def _bar_of(finding: Finding) -> dict[str, Any]:
    """The fields of the bar that was judged, as the evidence has them."""
    return {name: finding.evidence[name] for name in BAR if name in finding.evidence}


def _replaced(connection: psycopg.Connection[Any], judged: Sequence[Finding]) -> set[tuple[int, date]]:
    """The cells in which another bar is stored than was judged: a load has committed meanwhile."""
    values = {
        "security_ids": [one.key.security_id for one in judged],
        "sessions": [one.key.session for one in judged],
        "bars": [json.dumps(_bar_of(one)) for one in judged],
    }
    cells = {
        (security, session) for security, session in connection.execute(statement("quality/bars_replaced"), values)
    }
    if cells:
        logger.warning(
            "%d bars were replaced while they were judged: they are judged again with the next report", len(cells)
        )
    return cells


def with_reasons(
    connection: psycopg.Connection[Any], changes: Sequence[Step], dataset: str, *, of_bars: bool = True
) -> list[Step]:
    """The steps, those of former findings with what has changed since they were judged.

    Args:
        connection: within a transaction.
        changes: each finding once.
        dataset: of the findings.
        of_bars: bars that have changed are reasons, not actions alone.
    """
    asked = [step.finding.key for step in changes if step.how is not How.FOUND and step.finding.key.rule != STALE]
    if not asked:
        return list(changes)
    values = {
        "security_ids": [key.security_id for key in asked],
        "sessions": [key.session for key in asked],
        "rules": [key.rule for key in asked],
        "dataset": dataset,
    }
    found: dict[Key, list[Change]] = {}
    around: dict[Key, tuple[date | None, date | None]] = {}
    for security_id, session, rule, before, after, what, day, words, at in connection.execute(
        statement("quality/changed_since"), values
    ):
        key = Key(security_id, session, rule, dataset)
        if of_bars or words is not None:
            found.setdefault(key, []).append(Change(what, day, at, words))
        around[key] = before, after
    nearest = {key: nearest_change(of, key.session, *around[key]) for key, of in found.items()}
    return [
        step.explained_by(str(change)) if (change := nearest.get(step.finding.key)) is not None else step
        for step in changes
    ]


def read_findings(connection: psycopg.Connection[Any], scope: Scope) -> list[StoredFinding]:
    """The stored findings of a scope, by session, rule and ticker."""
    values = {
        "dataset": scope.dataset,
        "first": scope.first,
        "last": scope.last,
        "rules": list(scope.rules),
        "security_ids": None if scope.security_ids is None else list(scope.security_ids),
    }
    return [stored_finding(row) for row in connection.execute(statement("quality/findings_stored"), values)]


def stored_finding(row: Sequence[Any]) -> StoredFinding:
    """A finding from the columns of `quality/findings_stored`."""
    security_id, session, rule, dataset, ticker, verdict, severity, cause, value, threshold, *rest = row
    evidence, would_change, settled_by, state, withdrawn, alerted_as, decided_on, bar, held = rest
    finding = Finding(
        Key(security_id, session, rule, dataset),
        ticker,
        Verdict(verdict),
        Severity(severity),
        cause,
        value,
        threshold,
        evidence,
        would_change,
        settled_by,
    )
    told = alerted_as and Verdict(alerted_as)
    return StoredFinding(finding, State(state), withdrawn, told, decided_on, bar, held)


def findings_of(frame: pl.DataFrame, dataset: str = DAILY) -> list[Finding]:
    """The findings of a frame (`core.judging.findings.FINDING_SCHEMA`)."""
    return [
        Finding(
            Key(row["security_id"], row["session"], row["rule"], dataset),
            row["ticker"],
            Verdict(row["verdict"]),
            Severity(row["severity"]),
            row["cause"],
            _number(row["value"]),
            _number(row["threshold"]),
            json.loads(row["evidence"], parse_constant=lambda _: None),
            row["would_change"],
            row["settled_by"],
        )
        for row in frame.select(list(FINDING_SCHEMA)).iter_rows(named=True)
    ]


def write_steps(
    connection: psycopg.Connection[Any],
    changes: Sequence[Step],
    *,
    market: str,
    given_by: str,
    run_id: str,
    now: datetime,
) -> int:
    """Write changed findings, a line of history for each, and the events that tell of them; returns how many events.

    Each finding has its event, or those of a session that is off as a whole have one together.

    Args:
        connection: within a transaction that holds the lock of bars.
        changes: each finding once.
        market: MIC of the calendar.
        given_by: run or person, for the history.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    if not changes:
        return 0
    rows = json.dumps([_row(step) for step in changes], allow_nan=False)
    connection.execute(statement("quality/findings_write"), {"rows": rows, "run_id": run_id, "now": now})
    written = connection.execute(
        statement("quality/verdicts_write"), {"rows": rows, "given_by": given_by, "now": now}
    ).fetchall()
    numbers = {Key(*key): number for *key, number in written}
    run = None if run_id in OUTSIDE else run_id
    events = [
        finding_event(
            first.said,
            first.told,
            market=market,
            number=numbers[first.finding.key],
            run_id=run,
            now=now,
            together=[step.finding for step in (first, *others)],
        )
        for first, *others in told_together(changes)
    ]
    return write_events(connection, events)


def set_aside(
    connection: psycopg.Connection[Any], findings: Iterable[Finding], *, run_id: str, now: datetime
) -> tuple[tuple[int, date], ...]:
    """Move the stored bars of wrong findings into quarantine; their cells become open gaps. Returns those moved.

    Args:
        connection: within a transaction that holds the lock of bars.
        findings: of daily bars; several about one bar are one reason. Their evidence says which bar was judged: where
            another one is stored, that one stays.
        run_id: the run that judged, or cli.
        now: aware.
    """
    reasons: dict[tuple[int, date], list[str]] = {}
    bars: dict[tuple[int, date], dict[str, Any]] = {}
    for one in findings:
        if one.key.dataset == DAILY:
            reasons.setdefault(_cell(one), []).append(f"{one.key.rule}: {one.cause}")
            bars.setdefault(_cell(one), {}).update(_bar_of(one))
    if not reasons:
        return ()
    young = now.date() - timedelta(days=30)
    values = {
        "security_ids": [security for security, _ in reasons],
        "sessions": [session for _, session in reasons],
        "reasons": ["; ".join(words) for words in reasons.values()],
        "bars": [json.dumps(bar) for bar in bars.values()],
        "retry_at": [now + timedelta(days=1 if session > young else 30) for _, session in reasons],
        "run_id": run_id,
        "now": now,
    }
    return tuple(
        (security, session) for security, session in connection.execute(statement("quality/bars_aside"), values)
    )


def _without_whole_sessions(
    connection: psycopg.Connection[Any], findings: Sequence[Finding], scope: Scope
) -> list[Finding]:
    """The findings whose bars may be moved: not those of `doubtful_sessions`, which the log names."""
    if not (many := crowded(findings)):
        return list(findings)
    ids = None if scope.security_ids is None else list(scope.security_ids)
    values = {"sessions": list(many), "security_ids": ids}
    printed = dict(connection.execute(statement("quality/printed_by_session"), values).fetchall())
    doubtful = doubtful_sessions(findings, printed)
    for day in sorted(doubtful):
        logger.warning("%d of %d bars of %s are judged wrong: none is set aside", many[day], printed.get(day, 0), day)
    return [one for one in findings if one.key.session not in doubtful]


def _row(step: Step) -> Mapping[str, Any]:
    finding = step.finding
    return {
        "security_id": finding.key.security_id,
        "session": str(finding.key.session),
        "rule": finding.key.rule,
        "dataset": finding.key.dataset,
        "ticker": finding.ticker,
        "was": step.was and str(step.was),
        "verdict": str(finding.verdict),
        "how": str(step.how),
        "severity": str(finding.severity),
        "cause": finding.cause,
        "said": step.said.cause,
        "value": finding.value,
        "threshold": finding.threshold,
        "evidence": finding.evidence,
        "would_change": finding.would_change,
        "settled_by": finding.settled_by,
        "withdrawn": step.how is How.WITHDRAWN,
        "alerts": step.alerts,
    }


def _number(value: float | None) -> float:
    """A number that JSON can hold."""
    if value is None or math.isnan(value):
        return 0.0
    return max(-_LARGEST, min(_LARGEST, value))
