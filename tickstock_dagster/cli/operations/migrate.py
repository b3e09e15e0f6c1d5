"""`tickstock migrate`: bring the warehouse's schema up to date."""

import click

from tickstock_dagster.cli.workspace import bring_up_to_date, open_workspace, print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, as_json: bool) -> None:
    """Apply the migrations that the database lacks; twice equals once."""
    report = bring_up_to_date(open_workspace(migrated=False))
    if as_json:
        print_json({"applied": report.applied, "version": report.version})
    elif report.applied:
        click.echo(f"Applied {', '.join(report.applied)}.")
    else:
        click.echo(f"Schema {report.version} is up to date.")
