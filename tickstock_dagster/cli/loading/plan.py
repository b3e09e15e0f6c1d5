"""`tickstock plan`: the vendor calls that a load would make, without requesting a bar."""

from datetime import datetime
from typing import Any

import click

from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.context import ListingForecast
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.cli.loading.selection import SelectionOptions, select, selection_options
from tickstock_dagster.cli.workspace import Workspace, open_workspace, print_json, status
from tickstock_dagster.core.loading.planning import UnitKind


@click.command()
@selection_options
@click.option("--details", is_flag=True, help="Plan the symbol master's details instead of bars.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, details: bool, as_json: bool, **options: Any) -> None:
    """Show calls, rows, minutes, quota and cost of a load. Makes none of its calls and stores nothing.

    May fetch the ticker lists of the first and the last session, which say what a load would request.
    """
    workspace = open_workspace()
    now = workspace.now()
    if details:
        with workspace.reading() as read:
            _details(read, now, options["source"], as_json=as_json)
        return
    with workspace.reading(ListingForecast()) as read:
        selection = select(read, now, SelectionOptions(**options))
        context = read.load_context(lambda: now, selection.source, run_id="plan")
        source, loader = context.source, BarLoader(context, read.calendar)
        with status("Planning"):
            plan = loader.plan(selection.request(strict=options["symbols"] is not None))
    ranged = sum(unit.kind is UnitKind.RANGE for unit in plan.units)
    facts = {
        "selection": selection.label,
        "first_session": str(selection.sessions[0]),
        "last_session": str(selection.sessions[-1]),
        "symbols": len(selection.tickers),
        "missing_bars": plan.cells,
        "out_of_history": plan.out_of_history.height,
        "calls": plan.calls,
        "range_calls": ranged,
        "grouped_calls": plan.calls - ranged,
        "identity_calls": plan.identity_calls,
        "listing_calls_at_most": plan.listing_calls,
        "rows": plan.rows,
        "minutes_at_least": round(plan.seconds / 60, 2),
        "source": source.name,
        "plan": source.plan.name.value if source.plan else None,
        "rate": f"{source.plan.calls} per {source.plan.per_seconds} s" if source.plan else None,
        "monthly_usd": 0 if source.name == "simulator" else plan.monthly_usd,
    }
    if as_json:
        print_json(facts)
        return
    label = source.label if isinstance(source, FileSource) else source.name
    rate = f"at {facts['rate']} ({facts['plan']} plan)" if facts["rate"] else "without a rate limit"
    click.echo(f"{selection.label}, {facts['first_session']} to {facts['last_session']}, from {label}")
    click.echo(f"  missing bars     {plan.cells:>12,}")
    if plan.out_of_history.height:
        click.echo(
            f"  out of history   {plan.out_of_history.height:>12,}  (older than the plan reaches; not requested)"
        )
    click.echo(f"  vendor calls     {plan.calls:>12,}  ({ranged:,} by symbol, {plan.calls - ranged:,} by session)")
    if plan.listing_calls:
        most = f"≤ {plan.listing_calls:,}"
        click.echo(f"  listing calls    {most:>12}  (ticker lists and their changes; made before)")
    if plan.identity_calls:
        click.echo(f"  identity calls   {plan.identity_calls:>12,}  (to prove whose each ticker was; made before)")
    click.echo(f"  rows in answers  {plan.rows:>12,}  (estimated)")
    click.echo(f"  time at least    {plan.seconds / 60:>12.1f}  minutes {rate}")
    if facts["rate"]:
        click.echo(f"  {'':<29}  if the key is on another plan than {facts['plan']}, set MASSIVE_PLAN")
    if facts["monthly_usd"] is not None:
        click.echo(f"  price            {facts['monthly_usd']:>12,}  US dollars a month, for any number of calls")


def _details(workspace: Workspace, now: datetime, chosen: str | None, *, as_json: bool) -> None:
    """Forecast the details (SIC, shares, list date) of symbols that are new, changed or older than 30 days."""
    from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster

    context = workspace.load_context(lambda: now, chosen, run_id="plan")
    source, master = context.source, SymbolMaster(context)
    session = workspace.calendar.latest_closed_session(now)
    master.sync(session, details_limit=0)  # the list alone
    plan = master.details_plan(session)
    facts = {"session": str(session), "due": plan.due, "calls": plan.calls, "minutes_at_least": round(plan.minutes, 2)}
    if as_json:
        print_json(facts)
        return
    click.echo(f"details of symbols on {session}, from {source.name}")
    click.echo(f"  due              {plan.due:>12,}  (new, changed, or fetched more than 30 days ago)")
    click.echo(f"  vendor calls     {plan.calls:>12,}  (one a symbol)")
    click.echo(f"  time at least    {plan.minutes:>12.1f}  minutes")
