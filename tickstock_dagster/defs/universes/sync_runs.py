"""One run of a synchronisation task: its inputs, staging its proposals, and its metadata.

What to propose is decided in `core.universes.sync_tasks`; the assets are in `defs.universes.synchronisation`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.adapters.universes.sync_reading import read_states
from tickstock_dagster.adapters.universes.sync_store import stage
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.universes.sync_tasks import TaskResult
from tickstock_dagster.core.universes.synchronisation import Proposal, StagedTask, UniverseState
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.universes.runs import UniverseRun

PREVIEW_ROWS = 10


@dataclass(frozen=True, slots=True)
class TaskInputs:
    """What a task works on: the run, the session, the universes as they stood before it, and the facts."""

    run: UniverseRun
    session: date
    universes: list[UniverseState]
    facts: pl.DataFrame


Task = Callable[[TaskInputs], TaskResult]


def propose(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock, task: Task
) -> dg.MaterializeResult[None]:
    """Run a task on the facts of each session of the run, and stage what it proposes.

    Args:
        context: of the run; the asset bears the task's name.
        warehouse: the store.
        clock: gives the time at which the proposals are staged.
        task: what to run.

    Raises:
        Failure: the store cannot be used, or no security is known to be listed on a session.
    """
    run = UniverseRun.open(context, warehouse, clock)
    days = run.traded_sessions(context.partition_keys)
    run.ensure_universes()
    for day in days:
        metadata = stage_task(run, day, context.asset_key.path[-1], task)
        context.add_asset_metadata(metadata, partition_key=str(day))
        if why := metadata.get("no_value"):
            context.log.warning("%s: no theme can be compared with the market: %s", day, why)
    closed = [key for key in context.partition_keys if date.fromisoformat(key) not in days]
    return dg.MaterializeResult(metadata={"market_closed": ", ".join(closed)} if closed else {})


def stage_task(run: UniverseRun, session: date, name: str, task: Task) -> dict[str, Any]:
    """Run one task on the facts of a session and stage what it proposes; returns the metadata.

    Args:
        run: with the store.
        session: the session.
        name: of the task, under which its proposals are staged.
        task: what to run.

    Raises:
        Failure: the store cannot be used, or no security is known to be listed on the session.
    """
    began = time.perf_counter()
    with failures():
        inputs = TaskInputs(run, session, read_states(run.engine, session), read_facts(run.engine, session))
        if inputs.facts.is_empty():
            raise dg.Failure(
                f"no security is known to be listed on {session}: materialise reference/symbols for it first",
                allow_retries=False,
            )
        result = task(inputs)
        seconds = round(time.perf_counter() - began, 3)
        staged = StagedTask(name, result.proposals, result.examined, seconds, result.skipped)
        new = stage(run.engine, session, staged, run_id=run.run_id, now=run.clock.now())
    return _metadata(staged, result.notes, inputs.universes, new=new)


def _metadata(
    staged: StagedTask, notes: Mapping[str, Any], universes: list[UniverseState], *, new: bool
) -> dict[str, Any]:
    before = {universe.key: len(universe.members) for universe in universes}
    proposals = [proposal for proposal in staged.proposals if proposal.changes or proposal.members is not None]
    metadata: dict[str, Any] = {
        "changes_proposed": staged.changes,
        "universes": len(proposals),
        "examined": staged.examined,
        "seconds": staged.seconds,
        "staged_anew": new,
        "skipped": staged.skipped,
        "proposals": _table(proposals, before) if proposals else None,
        **notes,
    }
    return {key: value for key, value in metadata.items() if value is not None}


def _table(proposals: list[Proposal], before: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    rows = [
        (
            one.universe,
            before.get(one.universe, 0),
            one.joined,
            len(one.departures),
            "; ".join(f"{gone.ticker}: {gone.reason}" for gone in one.departures[:3]),
        )
        for one in proposals[:PREVIEW_ROWS]
    ]
    return dg.MetadataValue.md(markdown_table(["universe", "members", "join", "leave", "who leaves"], rows))
