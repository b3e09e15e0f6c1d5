"""Editing a list of tickers from the Launchpad: a job with typed configuration."""

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.universes.list_edit import edit_universe as write_edit
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures


class EditConfig(dg.Config):
    """The list to edit, who joins, who leaves, and why."""

    universe: str = Field(description="Name or alias of a list: dev_top_10, dev_sectors, dev_etfs, …")
    add: list[str] = Field([], description="Tickers that join, at the end and in this order.")
    remove: list[str] = Field([], description="Tickers that leave.")
    reason: str = Field(description="Why; logged, and published with the event.")


@dg.op(name="edit_members")
def edit_members(
    context: dg.OpExecutionContext,
    config: EditConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> None:
    """Add and remove members of a list in one transaction, with the log and the event."""
    with failures():
        outcome = write_edit(
            warehouse.engine(),
            config.universe,
            add=config.add,
            remove=config.remove,
            reason=config.reason,
            run_id=context.run_id,
            now=clock.now(),
        )
    sent = notifications.dispatch()
    if sent.error:
        context.log.warning("%s notifications wait: %s", sent.left, sent.error)
    context.log.info("%s has %s members", config.universe, outcome.members)
    context.add_output_metadata(
        {
            "added": ", ".join(outcome.added) or "none",
            "removed": ", ".join(outcome.removed) or "none",
            "members": outcome.members,
        }
    )


@dg.job(description="Adds and removes members of a list such as dev_top_10. Enter the configuration in the Launchpad.")
def edit_universe() -> None:
    """One edit of one list."""
    edit_members()
