"""Checks that say why a run of correlations, or of the rebalancing of themes, has found nothing, and warn."""

from datetime import date

import dagster as dg

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.adapters.universes.correlation_store import why_without_values
from tickstock_dagster.adapters.universes.sync_reading import read_returns, read_states
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.universes.correlations import WINDOWS
from tickstock_dagster.core.universes.sync_tasks import MARKET_TICKER, TRIGGER_SESSIONS, why_not_compared
from tickstock_dagster.defs.resources import WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.tags import RANGE_END
from tickstock_dagster.defs.universes.correlations import correlations
from tickstock_dagster.defs.universes.synchronisation import theme_rebalancing


@dg.asset_check(
    asset=correlations, name="has_values", description="On the run's last session some ETF has a correlation."
)
def correlations_have_values(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """WARN where none has, with the reason: a fund's reference has no bars, or no window is whole."""
    with failures():
        session, calendar = _session(context, warehouse), warehouse.calendar(MARKET)
        span = [*calendar.sessions_before(session, max(WINDOWS)), session] if session else []
        why = why_without_values(warehouse.engine(), span) if session else "no bar is stored"
    return _result(session, why)


@dg.asset_check(
    asset=theme_rebalancing,
    name="compares_themes",
    description="On the run's last session the return of some theme can be compared with the market's.",
)
def rebalancing_compares_themes(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """WARN where none can, with the reason: bars of SPY or of the members are missing, or no theme has members."""
    with failures():
        session = _session(context, warehouse)
        why = _why_no_theme(warehouse, session) if session else "no bar is stored"
    return _result(session, why)


def _why_no_theme(warehouse: WarehouseResource, session: date) -> str | None:
    engine, calendar = warehouse.engine(), warehouse.calendar(MARKET)
    themes = [one for one in read_states(engine, session) if one.type == "theme" and one.dated and one.rule]
    members = {member for one in themes for member in one.members}
    market = {*read_intervals(engine, [MARKET_TICKER])["security_id"]}
    first = calendar.sessions_before(session, TRIGGER_SESSIONS)[0]
    returns = read_returns(engine, members | market, first, session)
    known = next((returns[one] for one in market if one in returns), None)
    compared = known is not None and any(member in returns for member in members)
    return None if compared else why_not_compared(known, returns, len(members))


def _session(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> date | None:
    """The last session of the run that the calendar has, by its tags; else the newest with bars, None without one."""
    tags, calendar = context.run.tags, warehouse.calendar(MARKET)
    key = tags.get(RANGE_END) or tags.get("dagster/partition")
    if key:
        day = date.fromisoformat(key)
        return day if calendar.is_session(day) else calendar.previous_session(day)
    with transaction(warehouse.engine()) as connection:
        row = connection.execute(statement("universes/correlation_newest_bar")).fetchone()
    return row[0] if row else None


def _result(session: date | None, why: str | None) -> dg.AssetCheckResult:
    metadata = {"session": str(session), "why": why or "there are values"}
    return dg.AssetCheckResult(passed=why is None, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)
