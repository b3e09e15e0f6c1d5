"""Reading which cells are stored, explained and still missing."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.settled import settled_lines
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.completeness import (
    STATE_SCHEMA,
    reasons,
    session_states,
    states_of_counts,
    with_reasons,
)
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.expectation import expected_counts
from tickstock_dagster.core.loading.session_bits import BITS_SCHEMA, missing_cells

PLAN_HISTORY = "the plan "
"""Start of the evidence of gaps before the plan's history, which no call asked for."""

ENOUGH_SESSIONS = 8
"""Fewer sessions of a security are too few for its usual volume; then earlier stored sessions count instead."""


def needs_no_call(
    engine: sa.Engine,
    first: date,
    last: date,
    now: datetime,
    *,
    history: str,
    ask_again: bool = False,
    refresh: bool = False,
) -> pl.DataFrame:
    """Cells that need no call, as `core.loading.session_bits.BITS_SCHEMA`.

    Stored bars and final gaps; and open gaps whose `retry_at` lies ahead, unless `ask_again`. With `refresh`, neither
    provisional bars nor gaps with the reason no_trade.

    Args:
        engine: the store's.
        first: first session.
        last: last session.
        now: aware.
        history: the evidence of gaps before the history of the plan in force. A gap that another plan's history left
            is due at once, since the plan has changed.
        ask_again: leave out open gaps, due or not.
        refresh: leave out provisional bars and no_trade gaps.
    """
    values = (first, last, not ask_again, now, PLAN_HISTORY, history, refresh)
    with transaction(engine) as connection:
        return _bits(connection, "loading/cells_settled", values)


def usual_volumes(
    engine: sa.Engine, security_ids: Sequence[int], before: date, *, first: date | None = None
) -> pl.DataFrame:
    """(security_id, median_volume) of each security before a day, in shares a session; no row without stored bars.

    Args:
        engine: the store's.
        security_ids: securities.
        before: the day before which sessions count: the last 20 stored ones.
        first: count the stored sessions from this day on instead, where there are `ENOUGH_SESSIONS`.
    """
    values = {"security_ids": list(security_ids), "before": before, "first": first, "enough": ENOUGH_SESSIONS}
    with transaction(engine) as connection:
        rows = connection.execute(statement("bars/usual_volume"), values).fetchall()
    return pl.DataFrame(rows, schema={"security_id": pl.Int64, "median_volume": pl.Float64}, orient="row")


def read_states(engine: sa.Engine, expected: pl.DataFrame) -> pl.DataFrame:
    """The state of some expected cells, and why those without a bar have none.

    Args:
        engine: the store's.
        expected: `core.loading.coverage.CELL_SCHEMA`, each cell once.

    Returns:
        `core.loading.completeness.STATE_SCHEMA`, the same cells.
    """
    if expected.is_empty():
        return pl.DataFrame(schema=STATE_SCHEMA)
    span = (expected["session"].min(), expected["session"].max())
    states = read_frame(engine, statement("loading/cells_state"), span).cast(
        {"security_id": pl.Int64, "session": pl.Date}
    )
    return with_reasons(expected.join(states, on=["security_id", "session"], how="left", validate="1:1"))


def span_states(
    engine: sa.Engine, expectation: Expectation, sessions: Sequence[date]
) -> tuple[list[Completeness], dict[str, int]]:
    """The state of each session on which something is expected, ascending; and the reasons of cells without a bar.

    The same as `completeness` and `gaps_by_reason` of the expectation's cells, without making a cell of what is stored.

    Args:
        engine: the store's.
        expectation: what counts.
        sessions: of the calendar, ascending.
    """
    stretches = expectation.stretches
    counts = expected_counts(sessions, stretches)
    if counts.is_empty():
        return [], {}
    if counts.height == 1 and _all_stored(engine, stretches, *counts.row(0)):
        return states_of_counts(counts, pl.DataFrame(schema=STATE_SCHEMA)), {}
    first, last = sessions[0], sessions[-1]
    absent = missing_cells(stretches, sessions, settled_bits(engine, stretches, first, last, final=False))
    gaps = gap_states(engine, absent, first, last)
    lacking = with_reasons(absent.join(gaps, on=["security_id", "session"], how="left", validate="1:1"))
    return states_of_counts(counts, lacking), reasons(lacking)


def _all_stored(engine: sa.Engine, stretches: pl.DataFrame, session: date, expected: int) -> bool:
    """Whether every bar expected on one session is stored: counted in the store, where nothing is fetched.

    Args:
        engine: the store's.
        stretches: `core.loading.expectation.STRETCH_SCHEMA`.
        session: the session.
        expected: how many bars are expected on it.
    """
    on_it = (pl.col("valid_from") <= session) & (pl.col("valid_to") > session).fill_null(value=True)
    values = {"session": session, "security_ids": ids_as_text(stretches.filter(on_it))}
    with transaction(engine) as connection:
        row = connection.execute(statement("loading/bars_stored"), values).fetchone()
    return row is not None and row[0] == expected


def settled_bits(
    engine: sa.Engine, stretches: pl.DataFrame, first: date, last: date, *, final: bool = True
) -> pl.DataFrame:
    """What of some securities is stored, and perhaps of others, as `core.loading.session_bits.BITS_SCHEMA`.

    Args:
        engine: the store's.
        stretches: `core.loading.expectation.STRETCH_SCHEMA` of the securities.
        first: first session.
        last: last session.
        final: also what is explained for good.
    """
    with transaction(engine) as connection:
        known = connection.execute(statement("securities/count_securities")).fetchone()
        most = known is not None and 2 * stretches["security_id"].n_unique() >= known[0]
        values = (first, last, None if most else ids_as_text(stretches), final)  # looking up each row's costs a fifth
        return _bits(connection, "loading/settled_bits", values)


def _bits(connection: psycopg.Connection, name: str, values: Sequence[object]) -> pl.DataFrame:
    """The lines of a statement as `core.loading.session_bits.BITS_SCHEMA`."""
    return bits_of(settled_lines(connection, name, values))


def bits_of(lines: str) -> pl.DataFrame:
    """What is settled (`adapters.loading.settled`), as `core.loading.session_bits.BITS_SCHEMA`."""
    if not lines:
        return pl.DataFrame(schema=BITS_SCHEMA)
    return pl.read_csv(lines.encode(), has_header=False, schema=BITS_SCHEMA)


def gap_states(engine: sa.Engine, cells: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The gaps of the securities of some cells between two sessions: (security_id, session, state, reason)."""
    gaps = read_frame(engine, statement("loading/gaps_state"), (first, last, ids_as_text(cells)))
    return gaps.cast({"security_id": pl.Int64, "session": pl.Date})


def ids_as_text(cells: pl.DataFrame) -> str:
    """The securities, each once, as text, since Arrow binds no arrays."""
    return ",".join(map(str, cells["security_id"].unique()))


def completeness(engine: sa.Engine, expected: pl.DataFrame) -> list[Completeness]:
    """The state of each session among the expected cells (`CELL_SCHEMA`), ascending."""
    return session_states(read_states(engine, expected))


def gaps_by_reason(engine: sa.Engine, expected: pl.DataFrame) -> dict[str, int]:
    """How many of the expected cells (`CELL_SCHEMA`) have no bar, by reason, the most frequent first."""
    return reasons(read_states(engine, expected))


def cell_states(engine: sa.Engine, first: date, last: date) -> dict[tuple[date, str], str]:
    """(session, ticker as printed) → stored, final or open, for every cell between two sessions that has a state."""
    frame = read_frame(engine, statement("loading/cells_state_by_ticker"), (first, last))
    return {(session, ticker): state for session, ticker, state in frame.iter_rows()}
