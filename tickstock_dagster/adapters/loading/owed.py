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
from tickstock_dagster.core.loading.expectation import (
    expected_on,
    expected_per_security,
    expected_per_session,
    expected_stretches,
)
from tickstock_dagster.core.loading.owed import OWED_SCHEMA, owed_from

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
    lacking = expected.join(counts, on="session", how="left").filter(_LACKS)
    # After an outage all securities lack a few sessions, else a few securities many: few cells are read either way.
    bare = pl.col("settled").fill_null(0) < _BARE * pl.col("expected")
    most_lack, few_lack = (lacking.filter(which)["session"].to_list() for which in (bare, ~bare))
    owed = [_owed_on(engine, stretches, most_lack), _owed_on(engine, _lacking(engine, stretches, few_lack), few_lack)]
    return pl.concat(owed).sort("session", "ticker", descending=[True, False])


def _lacking(engine: sa.Engine, stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """The stretches of those securities that owe a bar on some of the sessions."""
    if not sessions:
        return stretches.clear()
    days = ",".join(map(str, sessions))
    expected = expected_per_security(stretches, sessions)
    counts = read_frame(engine, statement("loading/settled_per_security"), (days, *_as_lists(stretches)))
    counts = counts.cast({"security_id": pl.Int64, "settled": pl.Int64})
    lacking = expected.join(counts, on="security_id", how="left").filter(_LACKS).select("security_id")
    return stretches.join(lacking, on="security_id", how="semi")


def _owed_on(engine: sa.Engine, stretches: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """The owed cells of some stretches on some sessions."""
    if not sessions or stretches.is_empty():
        return pl.DataFrame(schema=OWED_SCHEMA)
    where = (",".join(map(str, sessions)), ",".join(map(str, stretches["security_id"].unique())))
    settled = read_frame(engine, statement("loading/cells_settled_on"), where).cast(pl.Schema(_KEY))
    gaps = read_frame(engine, statement("loading/gaps_open_on"), where)
    known = gaps.cast(pl.Schema({name: OWED_SCHEMA[name] for name in gaps.columns}))
    return owed_from(expected_on(stretches, sessions), settled, known)


_BARE = 0.75
"""Share of settled cells below which a session is read whole, rather than for the few securities that lack it."""

_LACKS = pl.col("settled").fill_null(0) < pl.col("expected")


def _as_lists(stretches: pl.DataFrame) -> tuple[str, ...]:
    """The columns as texts, since Arrow binds no arrays."""
    ended = stretches.with_columns(pl.col("valid_to").fill_null(date.max))
    return tuple(",".join(map(str, ended[name])) for name in ("security_id", "valid_from", "valid_to"))
