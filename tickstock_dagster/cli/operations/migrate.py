"""`tickstock migrate`: bring the warehouse's schema up to date."""

import click

from tickstock_dagster.cli.workspace import bring_up_to_date, open_workspace, print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, as_json: bool) -> None:
    """Apply the migrations that the database lacks; a second run changes nothing."""
    report = bring_up_to_date(open_workspace(migrated=False))
    if as_json:
        print_json(
            {"applied": report.applied, "recreated": report.recreated, "version": report.version, "open": report.open}
        )
        return
    if report.applied:
        click.echo(f"Applied {', '.join(report.applied)}.")
    if report.recreated:
        click.echo(f"Re-created the views and functions of {', '.join(report.recreated)}.")
    if not report.applied and not report.recreated:
        click.echo(f"Schema {report.version} is up to date.")
    if report.open:
        click.echo(f"{'; '.join(report.open)}. To close that, see docs/containers.md, Sessions of others.", err=True)
