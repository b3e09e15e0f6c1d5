"""What was typed, checked for the whole tree of commands before any of them sees it; and mistakes said in one line.

An empty value is refused wherever it stands: `--to-stream ''` comes of a variable that is not set, and would mean the
opposite of what was wanted. A value with control characters is refused too: it would reach logs, events and terminals.
What a single option accepts belongs to its command.
"""

import math
from collections.abc import Sequence
from typing import Any

import click

from tickstock_dagster.core.errors import BadInputError, TickstockError
from tickstock_dagster.core.printable import is_plain, printable

ARGUMENT = "argument"
"""Name of a value that stands behind no option, in errors."""

PORT = click.IntRange(1, 65_535)
COUNT = click.IntRange(1, 1_000_000)
"""How many of something to show or to wait for."""

POSITION = click.IntRange(1, 2**63 - 1)
"""A place in a table."""


class Seconds(click.FloatRange):
    """A span above zero, up to a year: no NaN, which compares with nothing, and no infinity."""

    def __init__(self) -> None:
        super().__init__(min=0, max=366 * 86_400, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number of seconds."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return seconds


def account(option: str) -> str:
    """The name of the account, for an option that names a person.

    Raises:
        BadInputError: the account has none.
    """
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise BadInputError(option, "nothing", "your name: this account has none") from None


def check_typed(arguments: Sequence[str]) -> None:
    """Refuse empty values, and those that cannot be shown.

    Raises:
        BadInputError: names the option, and shows the value with escapes.
    """
    option = ""
    for text in arguments:
        name, mark, value = text.partition("=")
        if not text.startswith("--") or not is_plain(name):
            field, value = option or ARGUMENT, text
        elif mark:
            field = name
        else:
            option = text
            continue
        if not value.strip():
            raise BadInputError(field, value, "a value that is not empty; without one, leave it out")
        if not is_plain(value):
            raise BadInputError(field, value, "text of printable characters, in UTF-8")
        option = ""


def shown(error: TickstockError) -> str:
    """An error's words without anything that a terminal obeys; of bad input in one line, however its value came."""
    lines = [printable(line) for line in str(error).splitlines()]
    return (" " if error.exit_code == BadInputError.exit_code else "\n").join(lines)


def in_one_line(error: click.ClickException) -> str:
    """A mistake in a command line as one line, with where to read on."""
    words = printable(" ".join(error.format_message().split()))
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return words
    return f"{words.removesuffix('.')} (see `{context.command_path} --help`)"
