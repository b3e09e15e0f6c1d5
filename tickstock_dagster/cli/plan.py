"""`tickstock plan`: what a load would ask of the vendor, without asking for a bar."""

from datetime import UTC, datetime
from typing import Any

import click

from tickstock_dagster.adapters.bar_loader import BarLoader
from tickstock_dagster.cli.selection import select, selection_options
from tickstock_dagster.cli.workspace import MARKET, open_workspace, print_json, status


@click.command()
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, as_json: bool, **options: Any) -> None:
    """Show calls, rows, minutes, quota and cost of a load. Makes none of its calls; ticker lists may be fetched."""
    workspace = open_workspace()
    now = datetime.now(UTC)
    selection = select(workspace, now, **options)
    source = workspace.source(selection.source)
    loader = BarLoader(source, workspace.engine, workspace.calendar, MARKET, "plan", lambda: now)
    with status("Planning"):
        plan = loader.plan(selection.request(strict=options["symbols"] is not None))
    ranged = sum(unit.kind == "range" for unit in plan.units)
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
    rate = f"at {facts['rate']} ({facts['plan']} plan)" if facts["rate"] else "without a rate limit"
    click.echo(f"{selection.label}, {facts['first_session']} to {facts['last_session']}, from {source.name}")
    click.echo(f"  missing bars     {plan.cells:>12,}")
    if plan.out_of_history.height:
        click.echo(
            f"  out of history   {plan.out_of_history.height:>12,}  (older than the plan reaches; not asked for)"
        )
    click.echo(f"  vendor calls     {plan.calls:>12,}  ({ranged:,} by symbol, {plan.calls - ranged:,} by session)")
    click.echo(f"  rows in answers  {plan.rows:>12,}  (estimated)")
    click.echo(f"  time at least    {plan.seconds / 60:>12.1f}  minutes {rate}")
    if facts["monthly_usd"] is not None:
        click.echo(f"  price            {facts['monthly_usd']:>12,}  US dollars a month, whatever the calls")
