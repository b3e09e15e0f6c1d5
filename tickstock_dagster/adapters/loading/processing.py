"""Applying the rules of equity types to single cells. No rule is kept over the life of a process.

A change counts from the next unit of work on: retry terms are read with each answer, and a load that is under way puts
what it has not asked for yet into the new order (`RuleWatch`). Changing the rules belongs in
`adapters.securities.equity_type_store`.
"""

import time
from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.coverage import RETRY_SCHEMA
from tickstock_dagster.core.loading.processing import PROCESSING_SCHEMA, unit_priorities
from tickstock_dagster.core.priority import Priority


def read_priorities(engine: sa.Engine, asked: pl.DataFrame) -> dict[str, Priority]:
    """The priority of each unit of a load, by its id.

    Args:
        engine: the store's.
        asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id`.
    """
    if asked.is_empty():
        return {}
    ids = ",".join(str(security) for security in asked["security_id"].unique())
    processing = read_frame(engine, statement("loading/processing_of"), (ids,)).cast(pl.Schema(PROCESSING_SCHEMA))
    span = (asked["session"].min(), asked["session"].max())
    tried = read_frame(engine, statement("loading/gaps_tried"), span).cast(
        {"security_id": pl.Int64, "session": pl.Date}
    )
    return unit_priorities(asked, processing, tried)


WATCHED_EVERY = 0.5
"""Seconds between two looks of a load at whether the rules have changed."""


class RuleWatch:
    """Whether the rules of equity types have changed since the last call; then the load's units have new priorities.

    One thread uses it. Rules that change while the plan is made are noticed by the first call, if `seen` is older.
    """

    def __init__(self, engine: sa.Engine, asked: pl.DataFrame, seen: int) -> None:
        """Watch for a load.

        Args:
            engine: the store's.
            asked: `core.loading.coverage.CELL_SCHEMA` plus `unit_id`.
            seen: `rules_mark` from before the plan was made.
        """
        self._engine, self._asked, self._seen = engine, asked, seen
        self._looked = time.monotonic()

    def __call__(self) -> bool:
        """Look, at most every half second, and give units that were not asked for the priority that they have now."""
        if time.monotonic() - self._looked < WATCHED_EVERY:
            return False
        mark, self._looked = rules_mark(self._engine), time.monotonic()
        if mark == self._seen:
            return False
        self._seen = mark
        priorities = read_priorities(self._engine, self._asked)
        values = {
            "unit_ids": list(priorities),
            "priorities": [priority.dagster_priority for priority in priorities.values()],
        }
        with transaction(self._engine) as connection:
            connection.execute(statement("ledger/units_prioritise"), values)
        return True  # a load beside this one may have written them, and then nothing was left to write here


def rules_mark(engine: sa.Engine) -> int:
    """A number that grows with every change of the rules of an equity type."""
    with transaction(engine) as connection:
        [(mark,)] = connection.execute(statement("loading/rules_mark")).fetchall()
    return int(mark)


def read_retry_terms(engine: sa.Engine, cells: Sequence[tuple[int, date]]) -> pl.DataFrame:
    """How many good answers lacked the bars of some cells (security, session), and the retry terms of their types.

    Returns:
        `core.loading.coverage.RETRY_SCHEMA`.
    """
    if not cells:
        return pl.DataFrame(schema=RETRY_SCHEMA)
    values = {"security_ids": [security for security, _ in cells], "sessions": [session for _, session in cells]}
    with transaction(engine) as connection:
        rows = connection.execute(statement("loading/gaps_terms"), values).fetchall()
    return pl.DataFrame(rows, schema=RETRY_SCHEMA, orient="row")
