"""What is owed besides bars: for each dataset with a session, the sessions that it lacks.

Bars are owed cell by cell (`adapters.loading.owed`); these datasets session by session. Each is expected from the first
session on that it has begun with, so that a store without ETFs owes no correlations. `DATASETS` is the one list of
them: another dataset is a reader and an entry there. What makes up for it is in `defs.operations.dataset_catch_up`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import GapReason
from tickstock_dagster.core.loading.owed import OWED_DATASET_SCHEMA
from tickstock_dagster.core.valuation.fair_value import LOOKBACK

CHANGED_SINCE = "changed_since"
"""The reason of a session whose report is older than something by which it was made."""


class Dataset(StrEnum):
    """Datasets with a session, besides bars."""

    ACTIONS = "actions"
    CORRELATIONS = "correlations"
    FAIR_VALUES = "fair_values"
    LISTS = "lists"
    MEMBERSHIPS = "memberships"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True)
class OwedScope:
    """What a reader is asked about.

    Attributes:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        first: first session that counts.
        last: the last one: the latest closed session.
        now: aware.
    """

    engine: sa.Engine
    calendar: SessionCalendar
    first: date
    last: date
    now: datetime


@dataclass(frozen=True, slots=True)
class OwedDataset:
    """How one dataset says which sessions it owes.

    Attributes:
        dataset: its name.
        read: the owed sessions of a scope, as (session, reason), each session once.
        markets: MICs of the calendars whose sessions it has.
    """

    dataset: Dataset
    read: Callable[[OwedScope], pl.DataFrame]
    markets: frozenset[str] = frozenset({MARKET})


def owed_besides_bars(
    engine: sa.Engine, calendar: SessionCalendar, first: date | None, *, now: datetime
) -> pl.DataFrame:
    """The sessions that each dataset owes.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        first: first session on which bars are expected: the datasets are, too. None: nothing is tracked, nothing is
            owed.
        now: aware.

    Returns:
        `core.loading.owed.OWED_DATASET_SCHEMA`, by dataset, the newest session first.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    frames = [pl.DataFrame(schema=OWED_DATASET_SCHEMA)]
    latest = calendar.latest_closed_session(now)
    if first is not None and first <= latest:
        scope = OwedScope(engine, calendar, max(first, calendar.first), latest, now)
        frames += [
            one.read(scope).select(pl.lit(one.dataset.value).alias("dataset"), "session", "reason")
            for one in DATASETS
            if calendar.key in one.markets
        ]
    return pl.concat(frames).sort("dataset", "session", descending=[False, True])


def _actions(scope: OwedScope) -> pl.DataFrame:
    return owed_action_sessions(
        scope.engine, scope.calendar, scope.first, market=scope.calendar.key, now=scope.now, last=scope.last
    )


def _fair_values(scope: OwedScope) -> pl.DataFrame:
    """Sessions with a final gap that lacks its value; without a print in the last `LOOKBACK` sessions none is owed."""
    days = scope.calendar.sessions(scope.first, scope.last)
    span = [*scope.calendar.sessions_before(days[0], LOOKBACK), *days] if days else []
    ahead = len(span) - len(days)
    reaches = [span[max(0, place - LOOKBACK)] for place in range(ahead, len(span))]
    return _stated("loading/owed_fair_values", scope, days=days, reaches=reaches, abroad=list(ABROAD))


def _reports(scope: OwedScope) -> pl.DataFrame:
    """Sessions that were never reported on, and those by whose report something has changed since."""
    never = _stated("loading/owed_reports", scope)
    days = scope.calendar.sessions(scope.first, scope.last)
    before = [*(scope.calendar.sessions_before(days[0], 1) or days[:1]), *days[:-1]] if days else []
    changed = _stated("loading/outdated_reports", scope, days=list(days), before=before)
    return pl.concat([never, changed.with_columns(reason=pl.lit(CHANGED_SINCE))]).unique("session", keep="first")


def _by_statement(name: str) -> Callable[[OwedScope], pl.DataFrame]:
    """A reader by a statement alone, over `market`, `first` and `last`."""
    return lambda scope: _stated(name, scope)


def _stated(name: str, scope: OwedScope, **more: Any) -> pl.DataFrame:
    """The sessions that a statement finds."""
    values = {"market": scope.calendar.key, "first": scope.first, "last": scope.last, **more}
    with transaction(scope.engine) as connection:
        sessions = [row[0] for row in connection.execute(statement(name), values)]
    found = pl.DataFrame({"session": sessions}, schema={"session": pl.Date})
    return found.with_columns(reason=pl.lit(GapReason.NEVER_ASKED.value))


DATASETS = (
    OwedDataset(Dataset.ACTIONS, _actions),
    OwedDataset(Dataset.CORRELATIONS, _by_statement("loading/owed_correlations")),
    OwedDataset(Dataset.FAIR_VALUES, _fair_values),
    OwedDataset(Dataset.LISTS, _by_statement("loading/owed_lists")),
    OwedDataset(Dataset.MEMBERSHIPS, _by_statement("loading/owed_memberships")),
    OwedDataset(Dataset.REPORTS, _reports),
)
"""Every dataset with a session, besides bars."""
