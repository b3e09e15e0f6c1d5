"""`tickstock dev`: the Dagster UI, daemon and code location on the local services."""

import os
import signal
import sys
from pathlib import Path

import click

from tickstock_dagster.cli.typed import PORT
from tickstock_dagster.cli.workspace import console, open_workspace
from tickstock_dagster.settings import PROJECT_ROOT


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the UI on 127.0.0.1.")
def command(*, port: int) -> None:
    """Open the UI at http://127.0.0.1:3000; Ctrl-C ends it, the services stay up."""
    from tickstock_dagster.adapters.loading.tracked import tracked_tickers
    from tickstock_dagster.adapters.services.local import write_dotenv
    from tickstock_dagster.adapters.universes.store import track_profile
    from tickstock_dagster.core.universes.profiles import profile_named

    workspace = open_workspace()
    write_dotenv(PROJECT_ROOT, workspace.addresses, workspace.settings)
    if not tracked_tickers(workspace.engine):
        now = workspace.now()
        session = workspace.calendar.latest_closed_session(now)
        track_profile(workspace.engine, profile_named(workspace.settings.profile), track_from=session, now=now)
    # Started in the background of a non-interactive shell, Python inherits ignored signals, and so would Dagster.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    dagster = Path(sys.executable).with_name("dagster")
    console.print(f"The Dagster UI comes up at [bold]http://127.0.0.1:{port}[/] (Ctrl-C ends it)")
    os.chdir(PROJECT_ROOT)
    arguments = [str(dagster), "dev", "--host", "127.0.0.1", "--port", str(port)]
    os.execv(dagster, arguments)  # noqa: S606  # our own environment's command
