"""Loading splits and dividends of a span of ex-dates: two calls, one transaction, in versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units, units_done
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, ReferenceSource, VendorError
from tickstock_dagster.core.actions.corporate_actions import ACTION_SCHEMA, validate_actions
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

MAX_WITHDRAWN_SHARE = 0.10
FEW_WITHDRAWN = 5
"""This many may always be withdrawn."""


@dataclass(frozen=True, slots=True)
class ActionsReport:
    """What one load did: versions begun and ended, rows already known, rows without a security, refused rows."""

    inserted: int
    ended: int
    known: int
    unresolved: int
    refused: tuple[str, ...]
    calls: int
    asked: bool = True


def load_corporate_actions(
    context: LoadContext[ReferenceSource], first: date, last: date, *, ask_again: bool = False
) -> ActionsReport:
    """Fetch the actions with an ex-date in [first, last] and store what is new, changed or withdrawn.

    A former version keeps its row and gets its `known_to`.

    Args:
        context: its source is the vendor.
        first: first ex-date.
        last: last ex-date, included.
        ask_again: ask even for a span that was fetched before.

    Raises:
        VendorError: one of the answers is missing, or lacks much of what is known; nothing was changed.
        ServiceUnavailableError: the database cannot be reached; nothing was changed.
    """
    source, engine, market = context.source, context.engine, context.market
    units = [WorkUnit(kind, market, source.name, "*", first, last) for kind in (UnitKind.SPLITS, UnitKind.DIVIDENDS)]
    if not ask_again and units_done(engine, units):
        return ActionsReport(0, 0, 0, 0, (), 0, asked=False)
    started = context.now()
    try:
        splits, dividends = source.splits(first, last), source.dividends(first, last)
    except VendorError:
        context.record_calls()
        raise
    validated = validate_actions(splits, dividends, intervals_of(engine, None))
    now = context.now()
    at = {"first": first, "last": last, "source": source.name, "now": now}
    calls = context.drain()
    with transaction(engine) as connection, connection.cursor() as cursor:
        cursor.execute(
            statement("actions/stage"), prepare=False
        )  # PostgreSQL cannot prepare several statements at once
        copy_frame(cursor, "stage_actions", validated.actions.select(list(ACTION_SCHEMA)))
        copy_frame(cursor, "stage_doubtful", validated.doubtful)
        _refuse_broken(cursor, at)
        cursor.execute(statement("actions/end"), at)
        ended = cursor.rowcount
        cursor.execute(statement("actions/insert"), at)
        inserted = cursor.rowcount
        answers = zip(units, (splits, dividends), strict=True)
        ends = [FinishedUnit(unit, frame.height, started) for unit, frame in answers]
        finish_units(cursor, ends, run_id=context.run_id, now=now)
        write_calls(cursor, calls, source.name, context.run_id)
    known = validated.actions.height - inserted
    return ActionsReport(inserted, ended, known, validated.unresolved, validated.refused, len(calls))


def sessions_without_actions(engine: sa.Engine, sessions: Sequence[date], market: str) -> list[date]:
    """Those of some sessions whose splits no load has asked for: adjusted prices may lack one there."""
    with transaction(engine) as connection:
        values = {"sessions": list(sessions), "market": market}
        return [row[0] for row in connection.execute(statement("actions/unasked"), values)]


def _refuse_broken(cursor: psycopg.Cursor, at: Mapping[str, object]) -> None:
    """Refuse an answer that withdraws much of what is known: it counts as broken, as an empty one does.

    Raises:
        MalformedAnswerError: says how much it lacks.
    """
    cursor.execute(statement("actions/withdrawn"), at)
    withdrawn, known = cursor.fetchone() or (0, 0)
    if withdrawn > FEW_WITHDRAWN and withdrawn > MAX_WITHDRAWN_SHARE * known:
        raise MalformedAnswerError(
            f"{at['source']}: splits and dividends {at['first']}..{at['last']} lack {withdrawn} of {known} that are "
            f"known (accepted: at most {MAX_WITHDRAWN_SHARE:.0%})"
        )
