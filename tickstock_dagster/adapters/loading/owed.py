"""Reading what is owed: the one answer to "what is missing, and why" for every reader.

Owed = expected − stored − explained for good. Status, checks, alerts, catch-up, reconcile and reports all take it from
here; `core.loading.owed` has the definition.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.owed import OWED_SCHEMA, expected_per_session, expected_stretches, owed_from

_KEY: dict[str, type[pl.DataType] | pl.DataType] = {"security_id": pl.Int64, "session": pl.Date}


def owed_cells(
    engine: sa.Engine,
    calendar: SessionCalendar,
    last: date,
    *,
    first: date | None = None,
    tracked: Expectation | None = None,
) -> pl.DataFrame:
    """Every owed cell of what is tracked in one market, each with its reason.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        last: last session that counts: the latest closed one, or the latest that is due.
        first: first session that counts; None: the first that anything is expected on.
        tracked: `Expectation.of_tracked` of the market over these sessions at least, where the caller has it already.

    Returns:
        `core.loading.owed.OWED_SCHEMA`, the newest session first, then by ticker.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    tracked = tracked or Expectation.of_tracked(engine, market=calendar.key)
    stretches = expected_stretches(tracked.intervals, tracked.spans)
    begins = stretches["valid_from"].min()
    if not isinstance(begins, date):
        return pl.DataFrame(schema=OWED_SCHEMA)
    begins = max(begins, calendar.first, first or date.min)
    sessions = calendar.sessions(begins, last) if begins <= last else ()
    expected = expected_per_session(stretches, sessions)
    if expected.is_empty():
        return pl.DataFrame(schema=OWED_SCHEMA)
    span = (expected["session"].min(), expected["session"].max())
    counts = read_frame(engine, statement("loading/settled_per_session"), (*span, *_as_lists(stretches)))
    counts = counts.cast({"session": pl.Date, "settled": pl.Int64})
    lacking = expected.join(counts, on="session", how="left").filter(_LACKS)["session"]
    return _owed_on(engine, tracked, stretches, lacking.to_list())


def _owed_on(
    engine: sa.Engine, tracked: Expectation, stretches: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """The owed cells of sessions that lack some."""
    if not sessions:
        return pl.DataFrame(schema=OWED_SCHEMA)
    days = ",".join(map(str, sessions))
    cells = tracked.cells(sessions)
    expected = cells.group_by("security_id").agg(pl.len().alias("expected"))
    counts = read_frame(engine, statement("loading/settled_per_security"), (days, *_as_lists(stretches)))
    counts = counts.cast({"security_id": pl.Int64, "settled": pl.Int64})
    lacking = expected.join(counts, on="security_id", how="left").filter(_LACKS).select("security_id")
    where = (days, ",".join(map(str, lacking["security_id"])))
    settled = read_frame(engine, statement("loading/cells_settled_on"), where).cast(pl.Schema(_KEY))
    gaps = read_frame(engine, statement("loading/gaps_open_on"), where)
    known = gaps.cast(pl.Schema({name: OWED_SCHEMA[name] for name in gaps.columns}))
    return owed_from(cells.join(lacking, on="security_id", how="semi"), settled, known)


_LACKS = pl.col("settled").fill_null(0) < pl.col("expected")


def _as_lists(stretches: pl.DataFrame) -> tuple[str, ...]:
    """The columns as texts, since Arrow binds no arrays."""
    ended = stretches.with_columns(pl.col("valid_to").fill_null(date.max))
    return tuple(",".join(map(str, ended[name])) for name in ("security_id", "valid_from", "valid_to"))
