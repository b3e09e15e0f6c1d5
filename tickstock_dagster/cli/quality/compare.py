"""`tickstock quality compare`: the stored bars beside those of another source."""

import click

from tickstock_dagster.cli.workspace import open_workspace, parse_session, print_json, status
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import printable

MOST_SESSIONS = 260
_SHOWN = 20


@click.command()
@click.option("--source", "chosen", required=True, help="massive, simulator or files:PATH; asked for whole sessions.")
@click.option("--from", "first", required=True, help="First session, YYYY-MM-DD.")
@click.option("--to", "last", help="Last session; the first unless given.")
@click.option("--adjusted", is_flag=True, help="Its prices are adjusted: their shape is compared, not their level.")
@click.option("--venue", help="MIC of the one exchange whose trades it has; consolidated unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def compare(*, chosen: str, first: str, last: str | None, adjusted: bool, venue: str | None, as_json: bool) -> None:
    """Compare stored bars with another source's, and keep those as candidates. The stored bars stay as they are."""
    from tickstock_dagster.adapters.quality.comparison import compare_source

    workspace = open_workspace()
    calendar, now = workspace.calendar, workspace.now()
    begins = parse_session("--from", first, calendar, now)
    ends = parse_session("--to", last, calendar, now) if last else begins
    sessions = calendar.sessions(begins, ends) if begins <= ends else ()
    if not 0 < len(sessions) <= MOST_SESSIONS:
        raise BadInputError("--to", last or first, f"a session from {begins} on, up to {MOST_SESSIONS} sessions")
    if venue is not None and not (len(venue) == 4 and venue.isascii() and venue.isalnum() and venue.isupper()):
        raise BadInputError("--venue", venue, "the MIC of an exchange: four capitals or digits, as XNAS")
    with status("Comparing"):
        found = compare_source(
            workspace.engine,
            calendar,
            workspace.source(chosen),
            sessions,
            adjusted=adjusted,
            venue=venue,
            run_id="cli",
            now=now,
        )
    rows = found.findings.sort("value", descending=True)
    if as_json:
        print_json(
            {
                "source": found.source,
                "compared": found.compared,
                "missing": found.missing,
                "unknown_tickers": list(found.unknown),
                "differ": rows.height,
                "findings": rows.select("ticker", "session", "cause", "value", "threshold").to_dicts(),
            }
        )
        return
    click.echo(f"{found.compared:,} bars compared with {found.source}: {rows.height:,} differ")
    for ticker, session, cause, value, threshold in (
        rows.select("ticker", "session", "cause", "value", "threshold").head(_SHOWN).iter_rows()
    ):
        click.echo(printable(f"  {session} {ticker}: {cause}, by {value:.2%} (accepted: {threshold:.2%})"))
    if found.missing:
        click.echo(f"{found.missing:,} of its bars are not stored: `tickstock load` of these sessions asks for them")
    if found.unknown:
        shown = ", ".join(found.unknown[:10]) + (", …" if len(found.unknown) > 10 else "")
        click.echo(printable(f"{len(found.unknown):,} of its tickers were no security's then: {shown}"))
