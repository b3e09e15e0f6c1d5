"""Loading splits and dividends of a span of ex-dates: two calls, one transaction, in versions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.bar_store import copy_frame, unit_values, write_calls
from tickstock_dagster.adapters.database import transaction
from tickstock_dagster.adapters.ledger import units_done
from tickstock_dagster.adapters.listing_store import read_intervals
from tickstock_dagster.adapters.sql_files import statement
from tickstock_dagster.adapters.vendor.source import BarSource
from tickstock_dagster.core.corporate_actions import ACTION_SCHEMA, judge_actions
from tickstock_dagster.core.planning import WorkUnit


@dataclass(frozen=True, slots=True)
class ActionsReport:
    """What was learned: versions begun and ended, rows as known before, rows that could not be taken."""

    inserted: int
    ended: int
    known: int
    unresolved: int
    refused: tuple[str, ...]
    calls: int
    asked: bool = True


def load_corporate_actions(
    source: BarSource,
    engine: sa.Engine,
    first: date,
    last: date,
    *,
    market: str,
    run_id: str,
    clock: Callable[[], datetime],
    ask_again: bool = False,
) -> ActionsReport:
    """Fetch the actions with an ex-date in [first, last] and store what is new, changed or withdrawn.

    A span that was fetched before is not asked for again unless `ask_again`. A former version keeps its row and gets
    its `known_to`.

    Raises:
        VendorError: one of the answers did not come; nothing was changed.
        ServiceUnavailableError: the database cannot be reached; nothing was changed.
    """
    units = [WorkUnit(kind, market, source.name, "*", first, last) for kind in ("splits", "dividends")]
    if not ask_again and units_done(engine, units):
        return ActionsReport(0, 0, 0, 0, (), 0, asked=False)
    started = clock()
    splits, dividends = source.splits(first, last), source.dividends(first, last)
    judged = judge_actions(splits, dividends, read_intervals(engine))
    now = clock()
    at = {"first": first, "last": last, "source": source.name, "now": now}
    calls = source.drain_calls()
    with transaction(engine) as connection, connection.cursor() as cursor:
        cursor.execute(statement("actions_stage"))
        copy_frame(cursor, "stage_actions", judged.actions.select(list(ACTION_SCHEMA)))
        cursor.execute(statement("actions_end"), at)
        ended = cursor.rowcount
        cursor.execute(statement("actions_insert"), at)
        inserted = cursor.rowcount
        for unit, frame in zip(units, (splits, dividends), strict=True):
            values = {"status": "done", "rows": frame.height, "error": None, "run_id": run_id}
            cursor.execute(
                statement("units_finish"), {**unit_values(unit), **values, "started_at": started, "now": now}
            )
        write_calls(cursor, calls, source.name, run_id)
    known = judged.actions.height - inserted
    return ActionsReport(inserted, ended, known, judged.unresolved, judged.refused, len(calls))
