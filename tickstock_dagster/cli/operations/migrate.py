"""`tickstock migrate`: bring the warehouse's schema up to date."""

import click

from tickstock_dagster.cli.workspace import bring_up_to_date, open_workspace, print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, as_json: bool) -> None:
    """Apply the migrations that the database lacks, and make the release's universes; a second run changes nothing."""
    done = bring_up_to_date(open_workspace(migrated=False))
    report = done.schema
    if as_json:
        facts = {"applied": report.applied, "recreated": report.recreated, "version": report.version}
        print_json({**facts, "open": report.open, "universes": done.universes})
        return
    if report.applied:
        click.echo(f"Applied {', '.join(report.applied)}.")
    if report.recreated:
        click.echo(f"Re-created the views and functions of {', '.join(report.recreated)}.")
    if done.universes:
        click.echo(f"Created {len(done.universes)} universes of the release: {', '.join(done.universes)}.")
    if not report.applied and not report.recreated:
        click.echo(f"Schema {report.version} is up to date.")
    if report.open:
        click.echo(f"{'; '.join(report.open)}. To close that, see docs/containers.md, Sessions of others.", err=True)
