"""`tickstock fingerprint`: a hash over the business content of the store."""

import click

from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.cli.workspace import open_workspace, print_json, status


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, as_json: bool) -> None:
    """Hash every table's business columns: two stores with the same content have the same hash."""
    workspace = open_workspace()
    with status("Reading every table"):
        found = fingerprint(workspace.engine)
    if as_json:
        tables = {table.table: {"rows": table.rows, "sha256": table.sha256} for table in found.tables}
        print_json({"sha256": found.sha256, "tables": tables})
        return
    for table in found.tables:
        click.echo(f"{table.sha256[:16]}  {table.rows:>10,}  {table.table}")
    click.echo(found.sha256)
