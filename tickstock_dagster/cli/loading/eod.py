"""`tickstock eod`: the end of day of one session."""

from datetime import date
from typing import Any

import click

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.cli.keeping import kept
from tickstock_dagster.cli.loading.cost import CommandCost
from tickstock_dagster.cli.workspace import Workspace, open_workspace, parse_session, print_json
from tickstock_dagster.core.calendars.markets import MARKET, market_named
from tickstock_dagster.core.errors import BadInputError


@click.command()
@click.option("--session", "text", help="A closed session, YYYY-MM-DD; the latest closed one unless given.")
@click.option(
    "--reconcile", "again", is_flag=True, help="Reconcile: request the bars again; they become final or are restated."
)
@click.option("--market", default=MARKET, show_default=True, help="Its market; those abroad from their files.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, text: str | None, again: bool, market: str, as_json: bool) -> None:
    """Load one session of a market for everything tracked in it, check it, and publish that it is complete."""
    mic = market_named(market).calendar
    cost = CommandCost()
    workspace = open_workspace()
    now = workspace.now()
    calendar = calendar_in_force(workspace.engine, mic)
    session = parse_session("--session", text, calendar, now) if text else calendar.latest_closed_session(now)
    facts = reconcile(workspace, session, mic) if again else close_session(workspace, session, mic)
    facts |= {"vendor_calls": cost.calls, "seconds": cost.seconds}
    if as_json:
        print_json(facts)
    elif again:
        click.echo(
            f"{session}: {facts['bars_finalised']} bars became final, {facts['bars_restated']} were restated, "
            f"{facts['bars_appeared']} appeared; {facts['bars_still_provisional']} stay provisional"
        )
    else:
        click.echo(
            f"{session}: {facts['bars_stored']} of {facts['bars_expected']} bars stored, "
            f"{facts['bars_explained']} explained; event {facts['event']}; {facts['vendor_calls']} vendor calls"
        )


def reconcile(workspace: Workspace, session: date, market: str = MARKET) -> dict[str, Any]:
    """Reconcile a session with the vendor, or with the market's file, and return what changed.

    Raises:
        BadInputError: nothing is tracked on the session, or the market has no file.
        VendorError, ServiceUnavailableError: the vendor or the store cannot be reached.
    """
    from tickstock_dagster.adapters.bars.file_reconcile import reconcile_with_file
    from tickstock_dagster.adapters.bars.loader import BarLoader
    from tickstock_dagster.adapters.bars.reconcile import reconcile_session
    from tickstock_dagster.adapters.sources.protocol import UpstreamError

    if market == MARKET:
        report = reconcile_session(BarLoader(workspace.load_context(workspace.clock), workspace.calendar), session)
    else:
        context = LoadContext(_file_of(market), workspace.engine, market, "cli", workspace.clock)
        report = reconcile_with_file(BarLoader(context, calendar_in_force(workspace.engine, market)), session)
    if report.load.failures:
        raise UpstreamError(f"{session}: {report.load.failures[0]}")
    return {
        "session": str(session),
        "bars_finalised": report.finalised,
        "bars_restated": report.load.stored.restated,
        "bars_appeared": report.load.stored.inserted,
        "bars_still_provisional": report.left,
        "gaps_still_late": report.late,
        "vendor_calls": report.load.calls,
    }


def _file_of(market: str) -> MarketSource:
    """The file of a market outside the US.

    Raises:
        BadInputError: none is named, or it does not exist.
    """
    from tickstock_dagster.defs.bars.market_files import MarketFiles

    return MarketFiles(mic=market).open()


def close_session(workspace: Workspace, session: date, market: str = MARKET) -> dict[str, Any]:
    """Run the end-of-day job for a session, and return its facts and the delivery of its event.

    Raises:
        BadInputError: nothing is tracked, or the market has no file.
        RunFailedError: the session stays incomplete, or could not be loaded.
    """
    from tickstock_dagster.adapters.loading.end_of_day import completion_event
    from tickstock_dagster.core.universes.profiles import PROFILES

    with kept():
        from tickstock_dagster.cli.loading.runs import run_market, run_sessions
        from tickstock_dagster.defs.tags import eod_tags

    if market != MARKET:
        _file_of(market)
    elif not tracked_tickers(workspace.engine):
        raise BadInputError("tracked universes", "none", f"`tickstock run --profile` with {', '.join(PROFILES)}")
    if market == MARKET:
        outcome = run_sessions(workspace, [session], tags=eod_tags(session), label=f"session {session}")
    else:
        outcome = run_market(workspace, market, session)
    event = completion_event(workspace.engine, session, market)
    facts = {key: value for key, value in outcome.metadata.items() if isinstance(value, int | float | str)}
    facts.pop("coverage", None)
    return {
        "session": str(session),
        "run_id": outcome.run_id,
        "seconds": round(outcome.seconds, 3),
        **facts,
        "event": "none" if event is None else "delivered" if event.sent_at else "waiting",
        "event_id": None if event is None else str(event.event_id),
    }
