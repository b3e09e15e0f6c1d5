"""The checks of prices and volumes as they were before there were findings: what findings are compared with."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.return_inputs import read_payouts
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.quality.panel import read_bars
from tickstock_dagster.adapters.valuation.store import read_closes
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.known_days import session_minutes, special_session
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.valuation.fair_value import LOOKBACK, UNPRINTED_SCHEMA, estimate_fair_values
from tickstock_dagster_tests.core.quality.former_rules import (
    RECENT_SCHEMA,
    USUAL_SESSIONS,
    EvaluatedMove,
    evaluate_moves,
    large_moves,
    needs_fair_value,
    odd_volumes,
)


@dataclass(frozen=True, slots=True)
class SessionBars:
    """The tracked bars of a session and of the `USUAL_SESSIONS` before it, with the actions among them.

    Attributes:
        session: the session that the checks evaluate.
        special: why its closes are not ordinary, in words; empty on an ordinary day.
        bars: `RECENT_SCHEMA`.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`.
    """

    session: date
    special: str
    bars: pl.DataFrame
    payouts: pl.DataFrame

    @property
    def printed(self) -> int:
        """How many securities printed on the session."""
        return self.bars.filter(pl.col("session") == self.session).height


def newest_session_bars(engine: sa.Engine, calendar: SessionCalendar, now: datetime) -> SessionBars:
    """The bars of the latest closed session; where none of them is stored yet, those of the latest session due.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    latest = _session_bars(engine, calendar, calendar.latest_closed_session(now))
    due = latest_due_session(calendar, now)
    return latest if latest.printed or due == latest.session else _session_bars(engine, calendar, due)


def evaluated_moves(engine: sa.Engine, calendar: SessionCalendar, day: SessionBars) -> list[EvaluatedMove]:
    """Moves beyond the limit, the largest first, including those that the fair value explains."""
    moves = large_moves(day.bars, day.payouts, day.session)
    return evaluate_moves(moves, _fair_values(engine, calendar, needs_fair_value(moves, calendar, day.session), day))


def volume_anomalies(calendar: SessionCalendar, day: SessionBars) -> pl.DataFrame:
    """Spikes and droughts of a session, the worst first: `VOLUME_SCHEMA`."""
    if day.bars.is_empty():
        return odd_volumes(day.bars, day.payouts, {}, day.session)
    days = day.bars["session"].unique().sort().to_list()
    return odd_volumes(day.bars, day.payouts, session_minutes(calendar, days), day.session)


def _session_bars(engine: sa.Engine, calendar: SessionCalendar, session: date) -> SessionBars:
    span = [*calendar.sessions_before(session, USUAL_SESSIONS), session]
    ids = Expectation.of_tracked(engine, session, session).security_ids
    bars = read_bars(engine, ids, span).select(pl.col(name).cast(kind) for name, kind in RECENT_SCHEMA.items())
    return SessionBars(session, special_session(calendar, session), bars, read_payouts(engine, span[0], session))


def _fair_values(
    engine: sa.Engine, calendar: SessionCalendar, moves: pl.DataFrame, day: SessionBars
) -> dict[int, float]:
    """Estimates of some securities for the session, from earlier prints."""
    if moves.is_empty():
        return {}
    asked = "SELECT security_id, correlation_reference::text AS correlation_reference, sector FROM securities"
    known = read_frame(engine, asked)
    wanted = (
        moves.join(known, on="security_id").with_columns(session=pl.lit(day.session)).select(list(UNPRINTED_SCHEMA))
    )
    span = [*calendar.sessions_before(day.session, LOOKBACK), day.session]
    closes = read_closes(engine, wanted, span)
    found = estimate_fair_values(wanted, closes, read_payouts(engine, span[0], day.session), span)
    return dict(found.select("security_id", "fmv").iter_rows())
