"""Reading what is owed: the one answer to "what is missing, and why" for every reader.

Owed = expected − stored − explained for good. Status, checks, alerts, catch-up, reconcile and reports all take it from
here; `core.loading.owed` has the definition.
"""

from collections.abc import Callable
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.coverage import bits_of, ids_as_text, settled_bits
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.owed import OWED_SCHEMA, with_known_reasons
from tickstock_dagster.core.loading.session_bits import missing_cells


def owed_cells(
    engine: sa.Engine,
    calendar: SessionCalendar,
    last: date,
    *,
    first: date | None = None,
    tracked: Expectation | None = None,
    settled: Callable[[], str | None] = lambda: None,
) -> pl.DataFrame:
    """Every owed cell of what is tracked in one market, each with its reason.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        last: last session that counts: the latest closed one, or the latest that is due.
        first: first session that counts; None: the first that anything is expected on.
        tracked: `Expectation.of_tracked` of the market over these sessions at least, where the caller has it already.
        settled: gives `adapters.loading.settled` of at least these securities and sessions, where the caller asked for
            it already, else None.

    Returns:
        `core.loading.owed.OWED_SCHEMA`, the newest session first, then by ticker.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    tracked = tracked or Expectation.of_tracked(engine, market=calendar.key)
    stretches = tracked.stretches
    begins = stretches["valid_from"].min()
    if not isinstance(begins, date):
        return pl.DataFrame(schema=OWED_SCHEMA)
    begins = max(begins, calendar.first, first or date.min)
    sessions = calendar.sessions(begins, last) if begins <= last else ()
    if not sessions:
        return pl.DataFrame(schema=OWED_SCHEMA)
    lines = settled()
    bits = bits_of(lines) if lines is not None else settled_bits(engine, stretches, begins, last)
    cells = missing_cells(stretches, sessions, bits)
    return with_known_reasons(cells, _open_gaps(engine, cells))


def _open_gaps(engine: sa.Engine, cells: pl.DataFrame) -> pl.DataFrame:
    """The open gaps around some cells: (security_id, session, reason, evidence, retry_at)."""
    schema = pl.Schema({name: dtype for name, dtype in OWED_SCHEMA.items() if name != "ticker"})
    if cells.is_empty():
        return schema.to_frame()
    values = (cells["session"].min(), cells["session"].max(), ids_as_text(cells))
    return read_frame(engine, statement("loading/gaps_open_between"), values).cast(schema)
