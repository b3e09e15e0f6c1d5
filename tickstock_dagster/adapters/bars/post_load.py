"""Conclusions that only a whole load allows: where late listings begin, and which absences are ordinary or proven.

A batch is validated with its own rows and those stored before. The result must not depend on the order of answers, on
how they are cut into batches, or on an interruption: so the end of a load evaluates both again.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from tickstock_dagster.adapters.bars.answered import unanswered
from tickstock_dagster.adapters.bars.store import ListingStart
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.loading.coverage import gap_states, settled_bits, usual_volumes
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import MarketSource, Source
from tickstock_dagster.core.bars.ingest import SESSION_TABLE
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, GAP_SCHEMA, absence_evidence, explain_absences
from tickstock_dagster.core.loading.session_bits import cells_of


def late_starts(
    context: LoadContext[Source], intervals: pl.DataFrame, calendar: SessionCalendar, last: date
) -> list[ListingStart]:
    """Listings with an empty answer for every possible session before their first bar.

    Args:
        context: the load's.
        intervals: `INTERVAL_SCHEMA` of the requested securities.
        calendar: with its overrides applied.
        last: last session of the load.
    """
    open_starts = intervals.filter(pl.col("start_known") == "absent_before")
    earliest = open_starts["valid_from"].min()
    if not isinstance(earliest, date):
        return []
    values = {
        "security_ids": open_starts["security_id"].unique().to_list(),
        "sessions": list(calendar.sessions(earliest, max(last, earliest))),
        "market": context.market,
        "source": context.source.name,
    }
    with transaction(context.engine) as connection:
        return [ListingStart(*row) for row in connection.execute(statement("bars/settle_starts"), values)]


def proven_gaps(
    context: LoadContext[MarketSource], newly_expected: pl.DataFrame, calendar: SessionCalendar, *, now: datetime
) -> pl.DataFrame:
    """Gaps of cells that are expected since the load found bars on both sides of them, as `GAP_SCHEMA`.

    Args:
        context: the load's.
        newly_expected: `CELL_SCHEMA`.
        calendar: with its overrides applied.
        now: aware.
    """
    open_cells = unanswered(context, newly_expected)
    cells = newly_expected.join(open_cells, on=["security_id", "session"], how="anti")
    first, last = cells["session"].min(), cells["session"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return pl.DataFrame(schema=GAP_SCHEMA)
    key = ["security_id", "session"]
    stored = cells_of(settled_bits(context.engine, cells, first, last, final=False))
    absent = cells.join(stored, on=key, how="anti")
    absent = absent.join(gap_states(context.engine, absent, first, last), on=key, how="anti")
    return _explained(context, absent, calendar, first, last, now=now)


def revised_gaps(
    context: LoadContext[Source],
    security_ids: Sequence[int],
    calendar: SessionCalendar,
    first: date,
    last: date,
    *,
    now: datetime,
) -> pl.DataFrame:
    """Gaps between two sessions whose reason or evidence changes once the whole span is stored, as `GAP_SCHEMA`.

    Only cells whose bar a good answer of the source lacked are evaluated. A gap that keeps its reason keeps its
    `retry_at`.

    Args:
        context: the load's.
        security_ids: of the request.
        calendar: with its overrides applied.
        first: first session of the load.
        last: last session of the load.
        now: aware.
    """
    evidence = absence_evidence(context.source.name)
    span = {"security_ids": list(security_ids), "first": first, "last": last}
    with transaction(context.engine) as connection:
        found = connection.execute(
            statement("loading/gaps_by_answer"), {**span, "evidence": f"{evidence} has no bar", "broken": None}
        ).fetchall()
    gaps = pl.DataFrame(found, schema=_KNOWN_SCHEMA, orient="row")
    if gaps.is_empty():
        return pl.DataFrame(schema=GAP_SCHEMA)
    explained = _explained(context, gaps.select(list(CELL_SCHEMA)), calendar, first, last, now=now)
    before = gaps.select("security_id", "session", was="reason", read="evidence", due="retry_at")
    same_reason = pl.col("reason") == pl.col("was")
    return (
        explained.join(before, on=["security_id", "session"])
        .filter(~same_reason | (pl.col("evidence") != pl.col("read")))
        .with_columns(retry_at=pl.when(same_reason).then(pl.col("due")).otherwise(pl.col("retry_at")))
        .select(list(GAP_SCHEMA))
    )


def _explained(
    context: LoadContext[Source],
    cells: pl.DataFrame,
    calendar: SessionCalendar,
    first: date,
    last: date,
    *,
    now: datetime,
) -> pl.DataFrame:
    """Why good answers lack the bars of some cells between two sessions, as `GAP_SCHEMA`."""
    hours = calendar.session_hours(first, last)
    closes = {"session": [day.session for day in hours], "closes_at": [day.closes_at for day in hours]}
    absent = cells.join(pl.DataFrame(closes, schema=SESSION_TABLE), on="session")
    silent = cells["security_id"].unique().to_list()
    return explain_absences(
        absent.with_columns(suspicious=pl.lit(value=False)),
        usual_volumes(context.engine, silent, last + timedelta(days=1), first=first),
        pl.DataFrame(schema={"ticker": pl.String, "session": pl.Date, "reason": pl.String}),
        now=now,
        asked=absence_evidence(context.source.name),
    )


_KNOWN_SCHEMA = {**CELL_SCHEMA, "reason": pl.String, "evidence": pl.String, "retry_at": GAP_SCHEMA["retry_at"]}
