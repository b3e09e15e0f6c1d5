"""The last act of every command: sending the events that it has written. Not a command.

Imported by the entry point only where a command has loaded the outbox.
"""

import click

from tickstock_dagster.core.errors import TickstockError


def send_events() -> None:
    """Send what this process has written, and say in one line where that is not possible.

    Never raises, and has no say in the exit code: the events are stored, and the next dispatch sends them.
    """
    from tickstock_dagster.adapters.events.sending import send_written
    from tickstock_dagster.clock import clock_of
    from tickstock_dagster.settings import load_settings

    try:
        settings = load_settings()
    except TickstockError:
        return  # nothing was written with such an environment, and the command has said so
    try:
        if settings.database_url is None or settings.redis_url is None:
            return  # the command has opened no store
        report = send_written(
            settings.database_url.get_secret_value(), settings.redis_url.get_secret_value(), clock=clock_of(settings)
        )
        why = report.error if report else None
        waiting = f"{report.left:,} events wait" if report else ""
    except TickstockError as error:
        why, waiting = str(error), "events wait"
    except KeyboardInterrupt:
        why, waiting = "interrupted", "events wait"
    if why:
        click.echo(f"Note: {waiting}, and are sent later: {why}", err=True)
