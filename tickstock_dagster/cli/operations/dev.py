"""`tickstock dev`: the Dagster UI, daemon and code location on the local services, and the dispatcher of events."""

import os
import signal
import sys
from pathlib import Path

import click

from tickstock_dagster.adapters.services.processes import release, spawn
from tickstock_dagster.cli.typed import PORT
from tickstock_dagster.cli.workspace import console, open_workspace
from tickstock_dagster.settings import PROJECT_ROOT

_DISPATCHER = "from tickstock_dagster.cli import main; main()"


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the UI on 127.0.0.1.")
def command(*, port: int) -> None:
    """Open the UI at http://127.0.0.1:3000; Ctrl-C ends it, the services stay up.

    Meanwhile every committed event is sent to Redis at once, whoever writes it.
    """
    from tickstock_dagster.adapters.loading.tracked import tracked_tickers
    from tickstock_dagster.adapters.services.local import write_dotenv
    from tickstock_dagster.adapters.universes.store import track_profile
    from tickstock_dagster.core.errors import ConfigurationError
    from tickstock_dagster.core.universes.profiles import profile_named

    workspace = open_workspace()
    write_dotenv(PROJECT_ROOT, workspace.addresses, workspace.settings)
    dotenv = PROJECT_ROOT / ".env"
    if dotenv.exists() and not _is_text(dotenv):
        raise ConfigurationError(f"{dotenv} is not UTF-8, and Dagster reads it: save it as UTF-8, or delete it")
    if not tracked_tickers(workspace.engine):
        now = workspace.now()
        session = workspace.calendar.latest_closed_session(now)
        track_profile(workspace.engine, profile_named(workspace.settings.profile), track_from=session, now=now)
        profile = workspace.settings.profile
        console.print(f"Tracking the profile {profile}: its bars are expected on every session from {session} on")
    # Started in the background of a non-interactive shell, Python inherits ignored signals, and so would Dagster.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    _start_dispatcher(workspace.settings.state_dir / "events.log")
    dagster = Path(sys.executable).with_name("dagster")
    console.print(f"The Dagster UI comes up at [bold]http://127.0.0.1:{port}[/] (Ctrl-C ends it)")
    os.chdir(PROJECT_ROOT)
    arguments = [str(dagster), "dev", "--host", "127.0.0.1", "--port", str(port)]
    os.execv(dagster, arguments)  # noqa: S606  # our own environment's command


def _start_dispatcher(log: Path) -> None:
    """Start `tickstock events dispatch --follow`, which ends with this process, and so with the Dagster it becomes.

    Nothing else sends within seconds what a SQL function writes.

    Args:
        log: file to which it appends what it sends, and what is wrong.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-c", _DISPATCHER, "events", "dispatch", "--follow", "--with-parent"]
    release(spawn(command, log=log, cwd=Path.cwd()))


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
