"""Universes by session: each theme's figures, and every universe's members. Both assets report what is determined.

The daily synchronisation determines members. For a session that it never handled, these assets determine them, by the
rules alone.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.adapters.universes.sync_reading import UniverseCell, read_cells, sessions_done
from tickstock_dagster.adapters.universes.sync_store import determine
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.universes.catalogue import theme_key
from tickstock_dagster.core.universes.sync_guards import refuse_incomplete
from tickstock_dagster.defs.partitions import session_themes, session_universes
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures, send
from tickstock_dagster.defs.tags import OWNERS
from tickstock_dagster.defs.universes.runs import UniverseRun
from tickstock_dagster.defs.universes.synchronisation import ENTRY_COLUMNS, ApplyConfig, cache_entries

MEMBERSHIP_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("membership_id", "bigint", "Surrogate identity."),
        dg.TableColumn("universe", "text", "Canonical name."),
        dg.TableColumn("security_id", "bigint", "The member, through all its renames."),
        dg.TableColumn("valid_from", "date", "First session as a member."),
        dg.TableColumn("valid_to", "date", "First session no longer a member; null while it is one."),
        dg.TableColumn("known_from", "timestamp with time zone", "From when we knew this interval."),
        dg.TableColumn("known_to", "timestamp with time zone", "When newer knowledge replaced it; null: current."),
    ]
)


def _reporting_asset(
    partitions: dg.MultiPartitionsDefinition, domain: str, columns: dg.TableSchema, table: str
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """`dg.asset` with what both assets share: they follow the synchronisation of their session."""
    return dg.asset(
        key_prefix="universes",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="universes",
        kinds={"python", "postgres", "polars"},
        owners=OWNERS,
        tags={"domain": domain, "cadence": "session"},
        code_version="1",
        deps=[dg.AssetDep(cache_entries, partition_mapping=dg.MultiToSingleDimensionPartitionMapping("session"))],
        metadata={"dagster/column_schema": columns, "dagster/table_name": f"public.{table}"},
    )


@_reporting_asset(session_themes, "etf", ENTRY_COLUMNS, "cache_entries")
def etf_universe(
    context: dg.AssetExecutionContext,
    config: ApplyConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.MaterializeResult[None]:
    """The seven ETF themes on a session: members, AUM, mean expense ratio, and how many of their bars are loaded."""
    run = UniverseRun.open(context, warehouse, clock)
    run.ensure_universes()
    keys = _keys(context, "theme")
    cells = _determined(run, [theme_key(theme) for theme in keys.values()], _days(run, keys), config)
    _report(context, {key: (_session(key), theme_key(theme)) for key, theme in keys.items()}, cells)
    return dg.MaterializeResult(metadata=send(context, notifications))


@_reporting_asset(session_universes, "universes", MEMBERSHIP_COLUMNS, "universe_memberships")
def membership(
    context: dg.AssetExecutionContext,
    config: ApplyConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.MaterializeResult[None]:
    """Every universe on a session: its number of members, and the session, task and rule that determined them.

    Static universes are the same on every session.
    """
    run = UniverseRun.open(context, warehouse, clock)
    keys = _keys(context, "universe")
    cells = _determined(run, list(keys.values()), _days(run, keys), config)
    if unknown := sorted({name for name in keys.values() if name not in {universe for _, universe in cells}}):
        words = f"no universe is named {', '.join(unknown)}: delete the key, or create the universe"
        raise dg.Failure(words, allow_retries=False)
    _report(context, {key: (_session(key), name) for key, name in keys.items()}, cells)
    return dg.MaterializeResult(metadata=send(context, notifications))


def _keys(context: dg.AssetExecutionContext, dimension: str) -> dict[dg.MultiPartitionKey, str]:
    """The other dimension's key of every partition of the run."""
    keys = [key for key in context.partition_keys if isinstance(key, dg.MultiPartitionKey)]
    return {key: key.keys_by_dimension[dimension] for key in keys}


def _session(key: dg.MultiPartitionKey) -> date:
    return date.fromisoformat(key.keys_by_dimension["session"])


def _days(run: UniverseRun, keys: Collection[dg.MultiPartitionKey]) -> tuple[date, ...]:
    return run.traded_sessions([key.keys_by_dimension["session"] for key in keys])


def _determined(
    run: UniverseRun, universes: Sequence[str], days: Sequence[date], config: ApplyConfig
) -> dict[tuple[date, str], UniverseCell]:
    """The cells. Those that were never determined are determined first, in order, since each session builds on another.

    Raises:
        Failure: a session is not complete, no security is known to be listed on it, or too many members would leave.
    """
    if not days:
        return {}
    with failures():
        done = sessions_done(run.engine, MARKET, days[0], days[-1])
        for day in (day for day in days if day not in done):
            cells = read_cells(run.engine, set(universes), [day])
            if wanted := [cell.universe for cell in cells if cell.by_rule and cell.determined != day]:
                _determine(run, day, wanted, config)
        return {(cell.session, cell.universe): cell for cell in read_cells(run.engine, set(universes), days)}


def _determine(run: UniverseRun, day: date, universes: Sequence[str], config: ApplyConfig) -> None:
    refuse_incomplete(day, tracked_state(run.engine, day), accepted=config.accept_incomplete)
    facts = read_facts(run.engine, day)
    if facts.is_empty():
        raise dg.Failure(
            f"no security is known to be listed on {day}: materialise reference/symbols for it first",
            allow_retries=False,
        )
    determine(
        run.engine,
        day,
        universes,
        facts,
        accept_drops=config.accept_drops,
        run_id=run.run_id,
        now=run.clock.now(),
    )


def _report(
    context: dg.AssetExecutionContext,
    wanted: Mapping[dg.MultiPartitionKey, tuple[date, str]],
    cells: Mapping[tuple[date, str], UniverseCell],
) -> None:
    """Each partition's own numbers."""
    for key, place in wanted.items():
        cell = cells.get(place)
        metadata = {"market_closed": str(place[0])} if cell is None else _metadata(cell)
        context.add_asset_metadata(metadata, partition_key=key)


def _metadata(cell: UniverseCell) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": cell.members,
        "members": cell.members,
        "bars_due": cell.due,
        "bars_stored": cell.stored,
        "loading_progress": cell.completeness,
        "aum_usd": cell.aum_usd,
        "mean_expense_ratio": cell.expense_ratio,
        "determined_for": str(cell.determined) if cell.determined else None,
        "determined_by": cell.task,
        "rule_version": cell.rule_version,
    }
    return {name: value for name, value in metadata.items() if value is not None}
