"""The `tickstock` command: a thin shell that calls the same functions as the assets.

Each subcommand lives in a module of its own, imported when it is called: `tickstock --help` stays below half a
second. Errors for people end in one line on stderr; exit codes are 0 (done), 1 (failed), 2 (bad input), and for an
interrupted command 130 (Ctrl-C) or 143 (SIGTERM).
"""

import importlib
import os
import sys

import click

from tickstock_dagster.cli.interruption import interruptible
from tickstock_dagster.cli.keeping import kept
from tickstock_dagster.cli.typed import check_typed, in_one_line, shown
from tickstock_dagster.core.errors import TickstockError, machine_words

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("loading.run", "Load the latest closed session end to end and show what happened."),
    "dev": ("operations.dev", "Open the Dagster UI on the local services."),
    "load": ("loading.load", "Load bars of symbols, a universe or a profile over a range of sessions."),
    "plan": ("loading.plan", "Show the vendor calls, minutes and cost of a load beforehand."),
    "eod": ("loading.eod", "Run one session's end of day: bars, corporate actions, completeness, event."),
    "status": ("loading.status", "Show coverage and every gap with its reason."),
    "queue": ("loading.queue", "Show the processing queue, try its entries again, or drop them."),
    "quality": ("quality.quality", "Show how good the stored data is, and decide about what was found in it."),
    "universe": ("universes.universe", "Show, explain, change, track, synchronise, import and export universes."),
    "equity-type": ("securities.equity_type", "Show, change, roll back and try out the rules of equity types."),
    "reference": ("securities.reference", "Bring ticker lists, classification and ETF facts up to date."),
    "calendar": ("calendars.calendar", "Show an exchange's sessions, override a day, compare with other calendars."),
    "fingerprint": ("operations.fingerprint", "Hash the business content of every table."),
    "events": ("events.events", "Follow, send or inspect the notifications."),
    "maintenance": (
        "operations.maintenance",
        "Clean up and vacuum the store, and fill in missing correlations.",
    ),
    "services": ("operations.services", "Start, show or stop the embedded PostgreSQL, Valkey and simulator."),
    "migrate": ("operations.migrate", "Bring the warehouse's schema up to date."),
    "simulator": ("operations.simulator", "Serve the vendor's API locally, from a synthetic market or a file."),
}
"""Subcommand → (module in this package that holds `command`, one line of help)."""


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is used."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Look through all that was typed, whichever command it is for."""
        check_typed(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        with kept():
            command: click.Command = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tickstock-dagster", prog_name="tickstock")
def cli() -> None:
    """TickStock's end-of-day market-data factory."""


def main() -> None:
    """Entry point: run the CLI, turn errors for people into one line and an exit code, send the events written."""
    with interruptible() as interruption:
        try:
            try:
                code = _run()
            finally:
                _send_events()
        except BaseException as error:
            # Whatever an interruption turns into on its way up, such as a lost connection, is still one.
            asked_to = isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)
            if interruption.number is None and not asked_to:
                raise
            if interruption.number is not None:
                interruption.end_process()
            interruption.tell()
            code = interruption.exit_code
    sys.exit(code)


def _send_events() -> None:
    """Send what the command has written: whatever ended it, what it committed is to be known within seconds.

    Most commands write no event, and have not even loaded the outbox.
    """
    if "tickstock_dagster.adapters.events.outbox" in sys.modules:
        importlib.import_module(f"{__name__}.sending").send_events()


def _run() -> int:
    """Run the command that the arguments name; returns its exit code."""
    try:
        code = cli(standalone_mode=False)
    except click.exceptions.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise
        click.echo("tickstock: not confirmed: nothing was done", err=True)
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())  # a group alone: what it has is what was asked for
        return 0
    except click.ClickException as error:
        click.echo(f"tickstock: {in_one_line(error)}", err=True)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except TickstockError as error:
        click.echo(f"tickstock: {shown(error)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has had enough, as `head` has. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if (words := machine_words(error)) is None:
            raise
        click.echo(f"tickstock: {words}", err=True)
        return 1
    # Without standalone mode click returns the code of ctx.exit() instead of leaving with it.
    return code if isinstance(code, int) else 0
