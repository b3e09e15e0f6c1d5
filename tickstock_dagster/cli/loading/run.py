"""`tickstock run`: the main job, end to end: the latest closed session of the default profile."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import click

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.owed_datasets import owed_besides_bars
from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.universes.store import track_profile, universe_entry
from tickstock_dagster.cli.loading.cost import CommandCost
from tickstock_dagster.cli.loading.eod import close_session
from tickstock_dagster.cli.loading.shipped import join_known_seeds
from tickstock_dagster.cli.loading.tracking import besides_words
from tickstock_dagster.cli.workspace import Workspace, console, open_workspace, print_json
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.loading.coverage import SETTLES_AFTER
from tickstock_dagster.core.loading.end_of_day import reaches_objective
from tickstock_dagster.core.loading.owed import owed_by_dataset
from tickstock_dagster.core.universes.profiles import profile_named


@click.command()
@click.option("--profile", help="Track and load this profile instead of the default one.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, profile: str | None, as_json: bool) -> None:
    """Start what is needed, load the latest closed session, and show what happened and what to do next.

    Without any configuration it uses an embedded PostgreSQL and Valkey and a simulated vendor.
    """
    cost = CommandCost()
    workspace = open_workspace()
    now = workspace.now()
    chosen = profile_named(profile or workspace.settings.profile)
    session = _latest_published(workspace, now)
    track_profile(workspace.engine, chosen, track_from=session, now=now)
    console.print(f"Loading the session {session} of the profile {chosen.name} …")
    facts = close_session(workspace, session)
    join_known_seeds(workspace, now)
    entry = universe_entry(workspace.engine, chosen.universe)
    begins = entry.track_from if entry else session
    tracked = Expectation.of_tracked(workspace.engine)
    owed = owed_cells(workspace.engine, workspace.calendar, session, tracked=tracked).height
    besides = owed_by_dataset(owed_besides_bars(workspace.engine, workspace.calendar, tracked.begins, now=now))
    facts |= {"vendor_calls": cost.calls, "seconds": cost.seconds}
    if as_json:
        stands = {"tracked": chosen.universe, "tracked_from": begins, "owed": owed}
        print_json({**facts, **stands, "owed_besides_bars": {one.dataset: one.sessions for one in besides}})
        return
    abroad = [(mic, count) for mic in ABROAD if (count := _owed_abroad(workspace, mic, now))]
    facts["tracked"] = f"{chosen.universe}, {len(chosen.tickers)} symbols, expected on every session from {begins} on"
    _print_summary(facts, owed, [*besides, *(f"{count:,} bars of {mic}" for mic, count in abroad)], chosen.name)


def _latest_published(workspace: Workspace, now: datetime) -> date:
    """The latest closed session, or the one before while the vendor has not published it.

    Asks the vendor only while the session is young and not complete in the store.
    """
    calendar = workspace.calendar
    session = calendar.latest_closed_session(now)
    state = tracked_state(workspace.engine, session)
    if now - calendar.closes_at(session) >= SETTLES_AFTER or (state is not None and reaches_objective(state)):
        return session
    context = workspace.load_context(lambda: now)
    try:
        publication = context.source.publication(session)
    finally:
        context.record_calls()
    if publication.published:
        return session
    before = calendar.previous_session(session)
    console.print(f"[yellow]{session} is not out yet ({publication.reason}); loading {before} instead.[/]")
    return before


def _owed_abroad(workspace: Workspace, market: str, now: datetime) -> int:
    """How many bars another market owes up to its own latest closed session."""
    calendar = calendar_in_force(workspace.engine, market)
    return owed_cells(workspace.engine, calendar, calendar.latest_closed_session(now)).height


def _print_summary(facts: dict[str, Any], owed: int, besides: Sequence[object], profile: str) -> None:
    from rich.console import Console
    from rich.table import Table

    source = facts.get("source", "")
    table = Table(title=f"Session {facts['session']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    vendor = "the local simulator: synthetic bars, no key" if source == "simulator" else source
    table.add_row("Vendor", vendor)
    table.add_row("Symbols stored", f"{facts['bars_stored']} of {facts['bars_expected']}")
    explained = facts["bars_explained"]
    table.add_row("Gaps explained", f"{explained} with a final reason, {facts['bars_missing']} open in this session")
    if facts.get("rows_besides"):
        table.add_row("Stored besides", besides_words(facts["rows_besides"]))
    if facts.get("tracked"):
        table.add_row("Tracked", facts["tracked"])
    table.add_row("Owed in all", f"{owed:,}" + ("  (tickstock status)" if owed else ""))
    for one in besides:
        table.add_row("Owed besides", str(one))
    table.add_row("Event", f"tickstock.eod.complete {facts['event']}\nid {facts['event_id']}")
    table.add_row("Vendor calls", str(facts["vendor_calls"]))
    table.add_row("Time", f"{facts['seconds']:.1f} s, Dagster run {facts['run_id'][:8]}")
    out = Console()
    out.print(table)
    out.print("Next:")
    out.print("  [bold]make dev[/]  the Dagster UI: schedules, backfills, checks")
    out.print(f"  [bold].venv/bin/tickstock load --profile {profile}[/]  the profile's whole history")
    if source == "simulator":
        out.print("  [bold]MASSIVE_API_KEY=… make run[/]  real bars in place of synthetic ones")
