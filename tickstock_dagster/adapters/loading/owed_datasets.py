"""What is owed besides bars: the sessions whose corporate actions, lists, memberships or correlations are missing.

Bars are owed cell by cell (`adapters.loading.owed`); these datasets session by session. Each is expected from the first
session on that it has begun with, so that a store without ETFs owes no correlations.
"""

from datetime import date, datetime
from enum import StrEnum

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import GapReason


class Dataset(StrEnum):
    """Datasets with a session, besides bars."""

    ACTIONS = "actions"
    LISTS = "lists"
    MEMBERSHIPS = "memberships"
    CORRELATIONS = "correlations"


OWED_DATASET_SCHEMA: dict[str, type[pl.DataType]] = {"dataset": pl.String, "session": pl.Date, "reason": pl.String}
"""One session that a dataset lacks, and why."""


def owed_besides_bars(
    engine: sa.Engine, calendar: SessionCalendar, first: date | None, *, now: datetime
) -> pl.DataFrame:
    """The sessions that each dataset owes.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        first: first session on which bars are expected: actions are, too. None: nothing is tracked, nothing is owed.
        now: aware.

    Returns:
        `OWED_DATASET_SCHEMA`, by dataset, the newest session first.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    if first is None:
        return pl.DataFrame(schema=OWED_DATASET_SCHEMA)
    latest = calendar.latest_closed_session(now)
    begins = max(first, calendar.first)
    actions = owed_action_sessions(engine, calendar, begins, market=calendar.key, now=now)
    frames = [actions.with_columns(dataset=pl.lit(Dataset.ACTIONS.value))]
    with transaction(engine) as connection:
        for dataset, name in _STATEMENTS.items():
            values = {"market": calendar.key, "first": begins, "last": latest}
            sessions = [row[0] for row in connection.execute(statement(name), values)]
            reason = GapReason.NEVER_ASKED.value
            frames.append(
                pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_columns(
                    dataset=pl.lit(dataset.value), reason=pl.lit(reason)
                )
            )
    columns = list(OWED_DATASET_SCHEMA)
    return pl.concat([frame.select(columns) for frame in frames]).sort("dataset", "session", descending=[False, True])


_STATEMENTS = {
    Dataset.LISTS: "loading/owed_lists",
    Dataset.MEMBERSHIPS: "loading/owed_memberships",
    Dataset.CORRELATIONS: "loading/owed_correlations",
}
