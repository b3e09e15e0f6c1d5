"""`tickstock status`: coverage of what is tracked, by session or by group, and what is owed, each with its reason."""

from concurrent.futures import ThreadPoolExecutor

import click

from tickstock_dagster.adapters.loading.settled import settled_lines_of_all
from tickstock_dagster.cli.typed import COUNT
from tickstock_dagster.cli.workspace import open_workspace
from tickstock_dagster.core.calendars.library import first_day
from tickstock_dagster.core.calendars.markets import MARKET, market_named
from tickstock_dagster.core.calendars.session_calendar import LAST_DAY
from tickstock_dagster.core.loading.completeness import GroupKind


@click.command()
@click.option("--sessions", type=COUNT, help="How many sessions to show: 20 unless given, 1 with --by.")
@click.option("--gaps", type=COUNT, default=20, show_default=True, help="How many owed bars to list, newest first.")
@click.option(
    "--by", type=click.Choice([kind.value for kind in GroupKind]), help="Group by universe, ETF theme or equity type."
)
@click.option("--market", help="Show this market alone: XNYS, XTKS, XLON, XETR; all with tracked symbols unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, sessions: int | None, gaps: int, by: str | None, market: str | None, as_json: bool) -> None:
    """Show per session what is expected, stored, explained and missing, and why; each market by its own calendar."""
    sessions = sessions if sessions is not None else 1 if by else 20
    chosen = market_named(market).calendar if market else None
    workspace = open_workspace()
    engine, now = workspace.engine, workspace.now()
    if by:
        from tickstock_dagster.cli.loading.status_pages import show_groups

        show_groups(engine, chosen, sessions, GroupKind(by), now, as_json=as_json)
        return
    # The server looks at every stored bar for what is owed: meanwhile the rest is imported and asked for.
    with ThreadPoolExecutor(1, "settled") as beside:
        settled = beside.submit(settled_lines_of_all, engine, first_day(MARKET), LAST_DAY)
        from tickstock_dagster.cli.loading.status_pages import show_sessions

        show_sessions(engine, chosen, sessions, gaps, now, as_json=as_json, settled=settled.result)
