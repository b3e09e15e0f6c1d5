"""Reading completeness by universe, ETF theme and equity type; `core.loading.completeness` counts."""

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.coverage import read_states
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.loading.completeness import (
    GROUP_SPAN_SCHEMA,
    GroupCompleteness,
    GroupKind,
    group_completeness,
)


def completeness_by_group(
    engine: sa.Engine, sessions: Sequence[date], tracked: pl.DataFrame, *, market: str = MARKET
) -> list[GroupCompleteness]:
    """The state of every universe and theme, tracked or not, and of every equity type.

    Args:
        engine: the store's.
        sessions: sessions of the market, ascending.
        tracked: `CELL_SCHEMA`, all tracked cells of these sessions: those of types.
        market: MIC of the calendar.

    Returns:
        As `core.loading.completeness.group_completeness`, kind by kind; empty where there is no universe.
    """
    if not sessions:
        return []
    first, last = sessions[0], sessions[-1]
    with transaction(engine) as connection:
        universes = connection.execute(statement("loading/completeness_universes")).fetchall()
        frequencies = dict(connection.execute(statement("loading/completeness_frequencies")).fetchall())
    keys = [key for key, _tracked, _theme in universes]
    members = Expectation.of_universes(engine, keys, first, last, market=market).cells(sessions)
    states = read_states(engine, pl.concat([members, tracked]).unique(["security_id", "session"]))
    spans = read_frame(engine, statement("loading/completeness_groups"), (first, last))
    spans = spans.cast({name: dtype for name, dtype in GROUP_SPAN_SCHEMA.items() if dtype != pl.String})
    is_type = pl.col("kind") == GroupKind.TYPE.value
    watched = {name for _key, is_tracked, theme in universes if is_tracked for name in (_key, theme)}
    untracked = {name for key, _tracked, theme in universes for name in (key, theme)} - watched
    types = states.join(tracked, on=["security_id", "session"], how="semi")
    groups = group_completeness(states, spans.filter(~is_type), untracked=untracked)
    return groups + group_completeness(types, spans.filter(is_type), frequencies)
