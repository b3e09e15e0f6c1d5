"""Bars that are not stored: reading one for a decision, and putting those back that were set aside and are right.

Setting bars aside belongs in `adapters.quality.findings`; what people decide, in `adapters.quality.decisions`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, read_findings, with_reasons, write_steps
from tickstock_dagster.adapters.quality.judged import JudgedSession
from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.quality.freeing import freeing_steps, of_other_rules
from tickstock_dagster.core.quality.lifecycle import DAILY, Bar

logger = logging.getLogger(__name__)

Cell = tuple[int, date]
"""Security and session."""


@dataclass(frozen=True, slots=True)
class KeptBar:
    """A bar of a cell that is not stored.

    Attributes:
        number: in `quarantined_bars`.
        bar: its values; of a refused one any of them may be None.
        held: whether it was stored before, and set aside; else a load refused it.
        reason: why.
    """

    number: int
    bar: Bar
    held: bool
    reason: str


def read_kept(connection: psycopg.Connection[Any], cell: Cell) -> KeptBar | None:
    """The newest bar of a cell that was set aside; where there is none, the newest that a load refused."""
    values = {"security_id": cell[0], "session": cell[1]}
    row = connection.execute(statement("quality/bar_held"), values).fetchone()
    return KeptBar(*row) if row else None


def put_back(connection: psycopg.Connection[Any], numbers: Sequence[int], cells: Sequence[Cell], now: datetime) -> int:
    """Store bars that were set aside as they were, where no other one has been stored since; returns how many.

    Args:
        connection: within a transaction that holds the lock of bars.
        numbers: of the bars, in `quarantined_bars`.
        cells: of the bars.
        now: aware.
    """
    if not numbers:
        return 0
    connection.execute(statement("quality/adjusts"))
    back = 0
    for number in numbers:
        row = connection.execute(statement("quality/bar_back"), {"quarantine_id": number, "now": now}).fetchone()
        back += row[0] if row else 0
    days = [session for _, session in cells]
    span = {"security_ids": sorted({security for security, _ in cells}), "first": min(days), "last": max(days)}
    connection.execute(statement("bars/adjust"), span)
    return back


def free_bars(
    engine: sa.Engine,
    judged: JudgedSession,
    score: Callable[[psycopg.Connection[Any], int, date], None],
    *,
    market: str,
    run_id: str,
    now: datetime,
) -> tuple[Cell, ...]:
    """Put back what was set aside and is not wrong any more, in one transaction with findings, events and scores.

    Args:
        engine: the store's.
        judged: a session; what is freed by its judgement may be of earlier ones.
        score: scores the stored report of a security and session again.
        market: MIC of the calendar.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The cells of the bars that are stored again; none where nothing was freed, or it was before.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with transaction(engine) as connection:
        lock(connection, Lock.BARS)
        levels, others = judged.freed, of_other_rules(read_findings(connection, judged.scope), judged.findings)
        keys = {key for one in (levels, others) for key in (*one.cleared, *(finding.key for finding in one.findings))}
        if not keys:
            return ()
        days, ids = [key.session for key in keys], sorted({key.security_id for key in keys})
        stored = read_findings(connection, Scope(min(days), max(days), RULES, ids))
        of_keys = [one for one in stored if one.finding.key in keys]
        # That bars have come is no news of a level.
        changes = with_reasons(connection, freeing_steps(of_keys, levels), DAILY, of_bars=False)
        changes += with_reasons(connection, freeing_steps(of_keys, others), DAILY)
        write_steps(connection, changes, market=market, given_by=run_id, run_id=run_id, now=now)
        changed = {step.finding.key for step in changes}
        still = {
            (one.finding.key.security_id, one.finding.key.session)
            for one in stored
            if one.finding.verdict is Verdict.WRONG and one.finding.key not in changed
        }
        cells = sorted({(key.security_id, key.session) for key in changed} - still)
        kept = [(cell, bar.number) for cell in cells if (bar := read_kept(connection, cell)) and bar.held]
        put_back(connection, [number for _, number in kept], [cell for cell, _ in kept], now)
        for security, session in cells:
            score(connection, security, session)
    if kept:
        logger.info("%d bars that were set aside are not wrong any more, and are stored again", len(kept))
    return tuple(cell for cell, _ in kept)
