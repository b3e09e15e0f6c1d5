"""Reading the inputs by which `core.quality.etf_tracking` evaluates the tracking of ETFs."""

from collections.abc import Mapping
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.return_inputs import read_closes, read_payouts
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.reference_rules import WINDOW
from tickstock_dagster.core.quality.etf_tracking import FUND_HOME_SCHEMA, Tracking, evaluate_tracking
from tickstock_dagster.core.quality.home_markets import HomeState, home_calendar, home_state


def read_tracking(
    engine: sa.Engine, us: SessionCalendar, homes: Mapping[str, SessionCalendar], session: date
) -> list[Tracking]:
    """Evaluate every ETF with its reference on one US session.

    Args:
        engine: the store's.
        us: the US calendar, with its overrides applied.
        homes: the home calendars by key, with their overrides applied.
        session: a closed session.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    sessions = [*us.sessions_before(session, WINDOW + 1), session]
    with transaction(engine) as connection:
        rows = connection.execute(statement("quality/tracking_funds")).fetchall()
    funds = pl.DataFrame(rows, schema=FUND_HOME_SCHEMA, orient="row")
    closes = read_closes(engine, sessions[0], session)
    payouts = read_payouts(engine, sessions[0], session)
    return evaluate_tracking(closes, payouts, funds, _states(funds, us, homes, session), sessions)


def _states(
    funds: pl.DataFrame, us: SessionCalendar, homes: Mapping[str, SessionCalendar], session: date
) -> dict[int, HomeState]:
    """The state of each fund's home market, by security."""
    keys = {
        fund["security_id"]: home_calendar(fund["etf_type"], fund["name"], fund["underlying_index"])
        for fund in funds.iter_rows(named=True)
    }
    by_key = {key: home_state(calendar, us, session) for key, calendar in homes.items()}
    return {security: by_key[key] for security, key in keys.items() if key in by_key}
