"""Light maintenance after every session: a job, and the schedule that decides by each market's own close.

It validates what was stored, removes what is past its retention and analyses the tables that changed. Intensive
maintenance, on closed days, belongs in `defs.operations.maintenance`, whose sensor also requests what is due of the
universes afterwards.
"""

from datetime import date, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa
from pydantic import Field

from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.operations.maintenance import MaintenanceReport, last_maintained, maintain_lightly
from tickstock_dagster.adapters.quality.table_checks import (
    Violations,
    broken_invariants,
    column_differences,
    duplicate_keys,
    stale_factors,
)
from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.operations.maintenance import (
    MaintenanceDecision,
    MaintenanceKind,
    decide_light_maintenance,
)
from tickstock_dagster.defs.automation import DEFAULT_STATUS, LOADS, is_at_work, runs_count
from tickstock_dagster.defs.bars.market_bars import MARKETS
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.tags import FOLLOWED_TAG, TRIGGER_TAG, market_tags
from tickstock_dagster.settings import load_settings, market_file

TRIGGER, LIGHT_TRIGGER = "maintenance", "light_maintenance"


class LightMaintenanceConfig(dg.Config):
    """The session that maintenance follows."""

    market: str = Field(MARKET, description="MIC of the market whose session it was.")
    session: str = Field("", description="Its date, YYYY-MM-DD; empty: the latest closed one.")


@dg.op
def maintain_after_session(
    context: dg.OpExecutionContext, config: LightMaintenanceConfig, warehouse: WarehouseResource, clock: Clock
) -> None:
    """Validate what was stored since the session began; remove expired records; ANALYZE the tables that changed.

    Fails where a rule of the table is broken, after the rest is done: another run would find the same.
    """
    try:
        calendar, engine = warehouse.calendar(config.market), warehouse.engine()
        session = date.fromisoformat(config.session or str(calendar.latest_closed_session(clock.now())))
        broken = validate_since(engine, session)
        facts = {"session": str(session), "market": config.market, **_stored(engine, session, config.market)}
        report = maintain_lightly(
            engine,
            load_settings().retention,
            market=config.market,
            session=session,
            run_id=context.run_id,
            clock=clock.now,
        )
    except (TickstockError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    facts |= {f"violations_of_{name}": found.count for name, found in broken.items()}
    facts |= _facts(report)
    context.add_output_metadata(facts)
    if bad := [f"{name}: {line}" for name, found in broken.items() for line in found.sample]:
        raise dg.Failure(f"what was stored since {session} breaks rules: {'; '.join(bad)}", allow_retries=False)


@dg.job(description="After a session: validation of what was stored, retention, ANALYZE of the tables that changed.")
def light_maintenance() -> None:
    """One session."""
    maintain_after_session()


@dg.schedule(
    job=light_maintenance,
    cron_schedule="*/15 * * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Once after each session, from an hour after its close on; of New York, and of markets with a file.",
)
def light_maintenance_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Decides by the calendars (what closed), the store (what is maintained) and the run history (what runs)."""
    instance, now = context.instance, context.scheduled_execution_time
    fail_orphans(instance)
    reasons = []
    for market in (MARKET, *(mic for mic in MARKETS if market_file(mic))):
        attempts = _attempts(instance, warehouse, market, now)
        decision = _decide(instance, warehouse, market, now, attempts)
        if decision.due:
            config = {"market": market, "session": str(decision.session)}
            return dg.RunRequest(
                run_key=f"{market}/{decision.session}/{attempts + 1}",
                run_config={"ops": {maintain_after_session.name: {"config": config}}},
                tags={**_tags(market, decision.session), "dagster/priority": "1"},
            )
        reasons.append(decision.reason if market == MARKET else f"{market}: {decision.reason}")
    return dg.SkipReason("; ".join(reasons))


def validate_since(engine: sa.Engine, session: date) -> dict[str, Violations]:
    """What breaks the rules of `ohlcv_daily`: its columns, the keys and prices of rows from a session on, all factors.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    columns = {column.name: column.type for column in DAILY_COLUMNS}
    return {
        "table_schema": column_differences(engine, "ohlcv_daily", columns),
        "unique_keys": duplicate_keys(engine, session),
        "ohlc_invariants": broken_invariants(engine, session),
        "adjusted_prices": stale_factors(engine),
    }


def _decide(
    instance: dg.DagsterInstance, warehouse: WarehouseResource, market: str, now: datetime, attempts: int
) -> MaintenanceDecision:
    return decide_light_maintenance(
        warehouse.calendar(market),
        now,
        maintained=last_maintained(warehouse.engine(), market, MaintenanceKind.LIGHT),
        attempts=attempts,
        in_progress=is_at_work(instance, {TRIGGER_TAG: [TRIGGER, LIGHT_TRIGGER]}),
        loading=is_at_work(instance, LOADS),
    )


def _attempts(instance: dg.DagsterInstance, warehouse: WarehouseResource, market: str, now: datetime) -> int:
    session = warehouse.calendar(market).latest_closed_session(now)
    return runs_count(instance, _tags(market, session), market=market)


def _tags(market: str, session: date) -> dict[str, str]:
    return {FOLLOWED_TAG: str(session), TRIGGER_TAG: LIGHT_TRIGGER, **market_tags(market)}


def _stored(engine: sa.Engine, session: date, market: str) -> dict[str, int]:
    """How complete the session is; nothing where nothing is tracked on it."""
    state = tracked_state(engine, session, market=market)
    if state is None:
        return {}
    return {
        "bars_expected": state.expected,
        "bars_stored": state.stored,
        "bars_explained": state.final,
        "bars_missing": state.missing,
    }


def _facts(report: MaintenanceReport) -> dict[str, Any]:
    analysed = [name for name, care in report.tables.items() if care.skipped is None]
    return {
        **{f"removed_{what}": count for what, count in report.removed.items()},
        "tables_analysed": ", ".join(analysed) or "none",
        "tables_skipped": "; ".join(f"{name}: {why}" for name, why in report.skipped.items()) or "none",
        "seconds": round(report.seconds, 3),
    }
