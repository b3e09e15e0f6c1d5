"""`tickstock reference refresh`: symbol master and ETF facts of a session, as the synchronisation needs them."""

from typing import Any

import click

from tickstock_dagster.cli.workspace import open_workspace, parse_session, print_json


@click.group(name="reference")
def command() -> None:
    """Bring reference data up to date: ticker lists, classification, ETF facts."""


@command.command()
@click.option("--session", "text", help="A closed session, YYYY-MM-DD; the latest closed one unless given.")
@click.option(
    "--details-limit", type=click.IntRange(0, 100_000), help="Most details of symbols to ask for, a call each."
)
@click.option("--dry-run", is_flag=True, help="Say which calls it would make, and make none.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def refresh(*, text: str | None, details_limit: int | None, dry_run: bool, as_json: bool) -> None:
    """Fetch the session's ticker list, details (SIC, sector, shares, list date) that are due, and ETF profiles.

    What is stored is not asked for again; details are asked for again after 30 days. Without a limit a run asks for as
    many details as the vendor's plan allows in half an hour, and says how many are still due.
    """
    from tickstock_dagster.adapters.securities.symbol_master import forecast_refresh
    from tickstock_dagster.cli.loading.runs import execute_job
    from tickstock_dagster.cli.universes.sync import reference_facts, reference_words
    from tickstock_dagster.defs.tags import RANGE_END, RANGE_START

    workspace = open_workspace()
    now = workspace.now()
    calendar = workspace.calendar
    session = parse_session("--session", text, calendar, now) if text else calendar.latest_closed_session(now)
    forecast = forecast_refresh(workspace.load_context(lambda: now), session, details_limit=details_limit)
    if dry_run:
        if as_json:
            print_json(forecast.as_json())
        else:
            click.echo(forecast.words())
        return
    click.echo(forecast.words(), err=True)
    config: dict[str, Any] = {} if details_limit is None else {"config": {"details_limit": details_limit}}
    ops = {"reference__symbols": config} if config else {}
    tags = {RANGE_START: str(session), RANGE_END: str(session)}
    outcome = execute_job(workspace, "reference_refresh", tags, ops, None, f"reference data of {session}")
    facts = reference_facts(outcome.assets)
    if as_json:
        print_json({"session": session, "run_id": outcome.run_id, "seconds": round(outcome.seconds, 3), **facts})
        return
    click.echo(f"{session}: {reference_words(facts)}; {outcome.seconds:.1f} s, run {outcome.run_id[:8]}")
