"""The daily synchronisation of universes: five tasks that propose, and the one asset that applies.

The tasks do not depend on each other. Each stages its proposals for a session; `universes/cache_entries` merges them
and applies all of it in one transaction.
"""

import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.universes.sync_reading import read_delisted, read_returns
from tickstock_dagster.adapters.universes.sync_store import SyncOutcome, apply_staged
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.events.universe_data import MemberChange
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.universes import sync_tasks
from tickstock_dagster.core.universes.sync_guards import refuse_incomplete
from tickstock_dagster.core.universes.sync_tasks import MARKET_TICKER, TRIGGER_SESSIONS, TaskResult
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures, send
from tickstock_dagster.defs.securities.assets import etf_profiles, symbols
from tickstock_dagster.defs.tags import OWNERS
from tickstock_dagster.defs.universes.runs import UniverseRun
from tickstock_dagster.defs.universes.sync_runs import PREVIEW_ROWS, Task, TaskInputs, propose, stage_task

GROUP = "synchronisation"

PROPOSAL_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("session", "date", "The session."),
        dg.TableColumn("task", "text", "The task."),
        dg.TableColumn("proposals", "jsonb", "Determinations of universes, with members, reasons and evidence."),
        dg.TableColumn("examined", "integer", "Securities examined."),
        dg.TableColumn("seconds", "double precision", "Seconds that the task took."),
        dg.TableColumn("skipped", "text", "Why the task had nothing to do; null if it ran."),
        dg.TableColumn("run_id", "text", "The Dagster run."),
        dg.TableColumn("staged_at", "timestamp with time zone", "When it was staged."),
    ]
)

ENTRY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("key", "text", "Canonical name."),
        dg.TableColumn("type", "text", "Kind of universe."),
        dg.TableColumn("name", "text", "Name shown to people."),
        dg.TableColumn("value", "jsonb", "Array of tickers, in the order in which they are loaded."),
        dg.TableColumn("track", "boolean", "Whether its members' bars are expected."),
        dg.TableColumn("universe_category", "text", "Category of a theme."),
        dg.TableColumn("liquidity_filter", "jsonb", "The bounds of its rule."),
        dg.TableColumn("universe_metadata", "jsonb", "Title, rule version, and a theme's figures."),
        dg.TableColumn("last_universe_update", "timestamp with time zone", "When the members last changed."),
        dg.TableColumn("created_at", "timestamp with time zone", "When the universe was created."),
        dg.TableColumn("updated_at", "timestamp with time zone", "When the row last changed."),
        dg.TableColumn("membership", "text", "static (a list) or dated (members by session)."),
        dg.TableColumn("aliases", "ARRAY", "Other names."),
    ]
)


def _session_asset(
    deps: Sequence[dg.AssetsDefinition], columns: dg.TableSchema, table: str
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """`dg.asset` with what the assets of the synchronisation share."""
    return dg.asset(
        key_prefix="universes",
        partitions_def=sessions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"python", "postgres", "polars"},
        owners=OWNERS,
        tags={"domain": "universes", "cadence": "session"},
        code_version="1",
        deps=deps,
        metadata={"dagster/column_schema": columns, "dagster/table_name": f"public.{table}"},
    )


_task = _session_asset([symbols, etf_profiles, session_bars, corporate_actions], PROPOSAL_COLUMNS, "sync_proposals")


def _market_caps(inputs: TaskInputs) -> TaskResult:
    return sync_tasks.market_cap_recalculation(inputs.universes, inputs.facts)


def _recent_listings(inputs: TaskInputs) -> TaskResult:
    return sync_tasks.ipo_universe_assignment(inputs.universes, inputs.facts)


def _delistings(inputs: TaskInputs) -> TaskResult:
    return sync_tasks.delisted_cleanup(inputs.universes, read_delisted(inputs.run.engine, inputs.session))


def _rebalance(inputs: TaskInputs) -> TaskResult:
    """With the total returns of every theme's members, and of the market."""
    [market] = [*inputs.facts.filter(ticker=MARKET_TICKER)["security_id"], 0][:1]
    members = {member for one in inputs.universes if one.type == "theme" for member in one.members}
    first = inputs.run.calendar.sessions_before(inputs.session, TRIGGER_SESSIONS)[0]
    returns = read_returns(inputs.run.engine, {*members, market}, first, inputs.session)
    return sync_tasks.theme_rebalancing(inputs.universes, inputs.facts, returns, returns.get(market))


def _maintain(inputs: TaskInputs) -> TaskResult:
    return sync_tasks.etf_universe_maintenance(inputs.universes, inputs.facts)


_TASKS: dict[str, Task] = {
    "market_cap_recalculation": _market_caps,
    "ipo_universe_assignment": _recent_listings,
    "delisted_cleanup": _delistings,
    "theme_rebalancing": _rebalance,
    "etf_universe_maintenance": _maintain,
}


@_task
def market_cap_recalculation(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Market caps on the session (raw close × shares known then), and the members of the size universes."""
    return propose(context, warehouse, clock, _market_caps)


@_task
def ipo_universe_assignment(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Listings of the last 90 days join `recent_ipos`, each with its sector, size and type; older ones leave it."""
    return propose(context, warehouse, clock, _recent_listings)


@_task
def delisted_cleanup(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Securities delisted on or before the session leave every universe, lists included; nothing is deleted."""
    return propose(context, warehouse, clock, _delistings)


@_task
def theme_rebalancing(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Applies a theme's rule again when its return over 20 sessions is more than 5 % above or below that of SPY."""
    return propose(context, warehouse, clock, _rebalance)


@_task
def etf_universe_maintenance(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Updates every theme's figures (members, AUM, costs, volume); members known to break its filter leave."""
    return propose(context, warehouse, clock, _maintain)


class ApplyConfig(dg.Config):
    """What a person may accept after a run that applied nothing."""

    accept_drops: list[str] = Field(
        [], description="Universes that more than a tenth of their members may leave at once."
    )
    accept_incomplete: bool = Field(
        False, description="Apply although the session is below its completeness objective."
    )


@_session_asset(
    [market_cap_recalculation, ipo_universe_assignment, delisted_cleanup, theme_rebalancing, etf_universe_maintenance],
    ENTRY_COLUMNS,
    "cache_entries",
)
def cache_entries(
    context: dg.AssetExecutionContext,
    config: ApplyConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.MaterializeResult[None]:
    """Applies what the five tasks proposed for a session, in one transaction: members, log, `cache_entries`, events.

    Nothing is applied when the session is below its completeness objective (unless `accept_incomplete`), when more than
    a tenth of a universe would leave (unless `accept_drops` names it), or when a task has not run. A second run writes
    nothing.
    """
    run = UniverseRun.open(context, warehouse, clock)
    days = run.traded_sessions(context.partition_keys)
    for number, day in enumerate(days):
        # The next session's members follow from this one's, which the tasks could not know when they ran.
        for name, task in _TASKS.items() if number else ():
            stage_task(run, day, name, task)
        context.add_asset_metadata(_apply(context, run, day, config), partition_key=str(day))
    closed = [key for key in context.partition_keys if date.fromisoformat(key) not in days]
    metadata: dict[str, Any] = {"market_closed": ", ".join(closed)} if closed else {}
    return dg.MaterializeResult(metadata={**metadata, **send(context, notifications)})


def _apply(context: dg.AssetExecutionContext, run: UniverseRun, session: date, config: ApplyConfig) -> dict[str, Any]:
    """Apply one session and return its metadata.

    Raises:
        Failure: it is below its objective, a task has not run, or too many members would leave; nothing was written.
    """
    began, now = time.perf_counter(), run.clock.now()
    with failures():
        refuse_incomplete(session, tracked_state(run.engine, session), accepted=config.accept_incomplete)
        outcome = apply_staged(
            run.engine, session, market=MARKET, accept_drops=config.accept_drops, run_id=run.run_id, now=now
        )
    for universe, why in outcome.plan.left_alone.items():
        context.log.warning("%s stays unchanged: %s", universe, why)
    return {**_metadata(outcome), "seconds": round(time.perf_counter() - began, 3)}


def _metadata(outcome: SyncOutcome) -> dict[str, Any]:
    """Numbers that the UI plots, the universes that changed, and each task's time."""
    tasks = [
        (one.task, f"{one.seconds:.2f}", f"{one.examined:,}", one.changes, one.skipped or None) for one in outcome.tasks
    ]
    changed = [
        (one.universe, one.members, _names(one.added), _names(one.removed), one.task) for one in outcome.published
    ]
    changes = markdown_table(["universe", "members", "joined", "left", "task"], changed)
    metadata: dict[str, Any] = {
        "universes_changed": len(outcome.published),
        "memberships_begun": sum(len(one.added) for one in outcome.published),
        "memberships_ended": sum(len(one.removed) for one in outcome.published),
        "universes_determined": len(outcome.plan.changes),
        "written": outcome.written,
        "changes": dg.MetadataValue.md(changes if changed else "No universe changed."),
        "tasks": dg.MetadataValue.md(markdown_table(["task", "seconds", "examined", "changes", "skipped"], tasks)),
        **{f"seconds_{one.task}": one.seconds for one in outcome.tasks},
    }
    if outcome.plan.left_alone:
        lines = [f"- {universe}: {why}" for universe, why in outcome.plan.left_alone.items()]
        metadata["left_alone"] = dg.MetadataValue.md("\n".join(lines))
    return metadata


def _names(changes: Sequence[MemberChange]) -> str:
    words = ", ".join(change.symbol for change in changes[:PREVIEW_ROWS])
    return f"{words}, … ({len(changes)})" if len(changes) > PREVIEW_ROWS else words
