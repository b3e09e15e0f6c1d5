"""`tickstock services up|status|down`: the embedded PostgreSQL, Valkey and simulator of this checkout."""

import json
import sys
from pathlib import Path

import click

from tickstock_dagster.adapters.services.local import (
    LocalServices,
    ServiceStatus,
    resolve_addresses,
    service_statuses,
    write_dotenv,
)
from tickstock_dagster.settings import PROJECT_ROOT, load_settings

COLOURS = {"up": "green", "unresponsive": "yellow", "down": "red"}


@click.group()
def command() -> None:
    """Start, show or stop the embedded servers.

    A service that TICKSTOCK_DATABASE_URL, TICKSTOCK_DAGSTER_STORAGE_URL, TICKSTOCK_REDIS_URL, MASSIVE_API_KEY or
    MASSIVE_BASE_URL configures is used instead, and never started or stopped.
    """


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def up(*, as_json: bool) -> None:
    """Start the servers that are not running, and write .env, from which a plain `dagster dev` knows them.

    Exit code 0: everything embedded answers. 1: a server did not start; the end of its log is shown.
    """
    settings = load_settings()
    addresses = resolve_addresses(settings)
    written = write_dotenv(PROJECT_ROOT, addresses, settings)
    statuses = service_statuses(settings)
    if as_json:
        document = {"services": [status.as_json() for status in statuses], "dotenv_written": written}
        click.echo(json.dumps(document, indent=2))
        return
    _print_table(statuses)
    dotenv = PROJECT_ROOT / ".env"
    if written:
        click.echo(f"Wrote {dotenv}: a plain `dagster dev` in this folder finds the services.")
    elif str(settings.state_dir) not in dotenv.read_text(encoding="utf-8", errors="replace"):
        click.echo(
            f"Left {dotenv} alone: it is your own or belongs to another state folder. To replace it, delete it first."
        )


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(*, as_json: bool) -> None:
    """Show the state, address, process and log of each server; starts nothing.

    Exit code 0: all servers are up. 1: some server is not.
    """
    statuses = service_statuses(load_settings())
    if as_json:
        click.echo(json.dumps({"services": [status.as_json() for status in statuses]}, indent=2))
    else:
        _print_table(statuses)
    if any(status.state != "up" for status in statuses):
        sys.exit(1)


@command.command()
def down() -> None:
    """Stop the embedded servers and keep their data. Exit code 0, also when none ran."""
    stopped = LocalServices(load_settings().state_dir).down()
    click.echo(f"Stopped {', '.join(stopped)}." if stopped else "No embedded service was running.")


def _print_table(statuses: list[ServiceStatus]) -> None:
    from rich.text import Text

    from tickstock_dagster.cli.tables import Column, print_table

    columns = [
        Column("service"), Column("kind", leave_out=1), Column("state"), Column("address", text=True),
        Column("pid", right=True, leave_out=2),
    ]  # fmt: skip
    rows = [
        (
            status.name,
            status.kind,
            Text(status.state, COLOURS[status.state]),
            status.address or "",
            str(status.pid or ""),
        )
        for status in statuses
    ]
    print_table(columns, rows)
    logs = {str(Path(status.log).parent) for status in statuses if status.log}
    for folder in logs:
        click.echo(f"Data and logs: {folder}")
