"""`tickstock universe sync`: the synchronisation of a session, as `universe_sync_sensor` launches it."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.cli.workspace import Workspace, open_workspace, parse_session, print_json, status

if TYPE_CHECKING:
    from tickstock_dagster.adapters.universes.sync_reading import LoggedChange

_SHOWN = 10
_NAMED = 5
"""Failed details that are named with their reasons."""


@click.command()
@click.option("--session", "text", help="A closed session, YYYY-MM-DD; the latest closed one unless given.")
@click.option(
    "--details-limit", type=click.IntRange(0, 100_000), help="Most details of symbols to ask for, a call each."
)
@click.option("--accept-drops", metavar="NAMES", help="Universes that more than a tenth may leave, by commas.")
@click.option("--accept-incomplete", is_flag=True, help="Apply although the session is below its objective.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def sync(
    *, text: str | None, details_limit: int | None, accept_drops: str | None, accept_incomplete: bool, as_json: bool
) -> None:
    """Bring symbol master, ETF facts, size universes, themes and correlations of a session up to date.

    All changes of universes are applied in one transaction, or none. A second run changes nothing.
    """
    from tickstock_dagster.adapters.securities.symbol_master import forecast_refresh
    from tickstock_dagster.adapters.universes.store import universe_named
    from tickstock_dagster.adapters.universes.sync_reading import changes_of_run
    from tickstock_dagster.cli.loading.runs import execute_job
    from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG

    workspace = open_workspace()
    now = workspace.now()
    calendar = workspace.calendar
    session = parse_session("--session", text, calendar, now) if text else calendar.latest_closed_session(now)
    named = accept_drops.split(",") if accept_drops else []
    drops = [universe_named(workspace.engine, name.strip()) for name in named]
    forecast = forecast_refresh(workspace.load_context(lambda: now), session, details_limit=details_limit)
    click.echo(forecast.words(), err=True)
    ops: dict[str, Any] = {
        "universes__cache_entries": {"config": {"accept_drops": drops, "accept_incomplete": accept_incomplete}}
    }
    if details_limit is not None:
        ops["reference__symbols"] = {"config": {"details_limit": details_limit}}
    tags = {RANGE_START: str(session), RANGE_END: str(session), SESSION_TAG: str(session)}
    with status(f"Synchronising the universes of {session}"):
        outcome = execute_job(workspace, "universe_sync", tags, ops, None, f"universes of {session}")
    changes = changes_of_run(workspace.engine, outcome.run_id)
    facts = outcome.assets.get("universes/cache_entries", {})
    counts = {name: facts.get(name, 0) for name in ("universes_changed", "universes_determined")}
    reference = reference_facts(outcome.assets)
    owed = _owed(workspace)
    if as_json:
        head = {"session": session, "run_id": outcome.run_id, "seconds": round(outcome.seconds, 3), **counts}
        print_json({**head, **reference, "changes": [_plain(one) for one in changes], **owed})
        return
    click.echo(
        f"{session}: {counts['universes_changed']} of {counts['universes_determined']} determined universes changed, "
        f"{outcome.seconds:.1f} s, run {outcome.run_id[:8]}"
    )
    _print_changes(changes)
    if "left_alone" in facts:
        click.echo(f"Left as they are:\n{facts['left_alone']}")
    click.echo(reference_words(reference))
    click.echo(f"Owed of all that is tracked: {owed['owed']:,} bars" + "".join(f"; {one}" for one in owed["besides"]))


def reference_facts(assets: Any) -> dict[str, Any]:
    """Figures of the reference data that a run brought up to date, by their names; 0 for what did not run.

    `failures` has a line for each of the first details that failed.

    Args:
        assets: metadata by asset, as `RunOutcome` has them.
    """
    symbols, funds = assets.get("reference/symbols", {}), assets.get("reference/etf_profiles", {})
    names = (
        "symbols",
        "begun",
        "changed",
        "gone",
        "details_stored",
        "details_unknown",
        "details_failed",
        "details_left",
    )
    found = {name: symbols.get(name, 0) for name in names}
    found |= {"etfs": funds.get("etfs", 0), "etfs_changed": funds.get("changed", 0)}
    failures = [line.removeprefix("- ") for line in (symbols.get("failures") or "").splitlines()]
    calls = symbols.get("vendor_calls", 0) + funds.get("vendor_calls", 0)
    return {**found, "vendor_calls": calls, "failures": failures}


def reference_words(facts: dict[str, Any]) -> str:
    """The same in one line for people. What failed is due, too; asking again may not help it."""
    unasked = facts["details_left"] - facts["details_failed"]
    left = f", {unasked:,} still due (run it again)" if unasked > 0 else ""
    failed = ""
    if count := facts["details_failed"]:
        named = facts["failures"][:_NAMED]
        more = f"; and {count - len(named):,} more" if named and count > len(named) else ""
        failed = f", {count:,} failed ({'; '.join(named)}{more})"
    return (
        f"{facts['symbols']:,} symbols listed ({facts['begun']:,} new, {facts['changed']:,} changed, "
        f"{facts['gone']:,} gone), {facts['details_stored']:,} details stored{failed}{left}; "
        f"{facts['etfs']:,} ETFs, facts of {facts['etfs_changed']:,} changed; {facts['vendor_calls']:,} vendor calls"
    )


def _owed(workspace: Workspace) -> dict[str, Any]:
    """What is owed afterwards, of bars and of other datasets."""
    from tickstock_dagster.adapters.loading.expectation import Expectation
    from tickstock_dagster.adapters.loading.owed_datasets import owed_besides_bars
    from tickstock_dagster.cli.loading.tracking import owed_in_all
    from tickstock_dagster.core.loading.owed import owed_by_dataset

    now, engine = workspace.now(), workspace.engine
    begins = Expectation.of_tracked(engine).begins
    besides = owed_by_dataset(owed_besides_bars(engine, workspace.calendar, begins, now=now))
    return {"owed": owed_in_all(workspace, now), "besides": [str(one) for one in besides]}


def _print_changes(changes: Sequence["LoggedChange"]) -> None:
    ordered = sorted(changes, key=lambda one: (one.universe, one.change))
    for universe, of_universe in groupby(ordered, lambda one: one.universe):
        moved = list(of_universe)
        joined = sum(one.change == "added" for one in moved)
        click.echo(f"  {universe}: {joined:,} joined, {len(moved) - joined:,} left")
        for one in moved[:_SHOWN]:
            click.echo(f"    {'+' if one.change == 'added' else '-'} {one.ticker:<8}{one.reason}")
        if len(moved) > _SHOWN:
            click.echo(f"    … and {len(moved) - _SHOWN:,} more (sync_changes_log)")


def _plain(one: "LoggedChange") -> dict[str, str]:
    return {"universe": one.universe, "change": one.change, "ticker": one.ticker, "reason": one.reason}
