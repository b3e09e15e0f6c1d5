"""What a text names, looked up without running anything: commands with their options, targets of make, variables."""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache

import click
from markdown_it import MarkdownIt

from tickstock_dagster.cli import cli
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.settings import PROJECT_ROOT, Settings
from tickstock_dagster_tests.documents.reading import without_comment

PLACEHOLDERS = {"NAME", "DATE", "SESSION", "FILE", "PATH", "MOMENT", "COMMAND", "ARGS", "N"}
"""Words in capitals that stand for something: such a line is no command that anybody could type."""

_BEGINS = r"(?:^|(?<=[;&|] )|(?<=exec code )|(?<=\.venv/bin/))"
_MENTION = re.compile(_BEGINS + r"tickstock((?: +(?:\"[^\"]*\"|[^\s`;&>()\"])+)+)")
_MAKE = re.compile(_BEGINS + r"make +((?:[a-z][\w-]*|[A-Z_]+=(?:\"[^\"]*\"|\S+)| )+)")
_VARIABLE = re.compile(r"\b(?:TICKSTOCK|MASSIVE|STACK)_[A-Z][A-Z_]*[A-Z]\b")

NO_SETTINGS = {"TICKSTOCK_DAGSTER_DIR", "TICKSTOCK_REAL_DATA"}
"""Variables of ours that are no settings: one that commands set for Dagster, one for tests."""


def code_of(markdown: str) -> Iterator[str]:
    """Code in sentences, and the lines of blocks without their comments."""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in {"fence", "code_block"}:
            yield from map(without_comment, token.content.splitlines())
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def unknown_names(code: str) -> list[str]:
    """Commands, options and targets of a piece of code that do not exist."""
    found = [
        f"tickstock{mention[1]}: {what}" for mention in _MENTION.finditer(code) for what in _unknown(mention[1].split())
    ]
    for mention in _MAKE.finditer(code):
        words = (word for word in mention[1].split() if re.fullmatch(r"[a-z][\w-]*", word))
        found += [f"make {word}" for word in list(words)[:1] if word not in make_targets()]
    return found


def unknown_variables(text: str) -> list[str]:
    """Variables that the settings and the containers do not have."""
    return [name for name in _VARIABLE.findall(text) if name not in _variables()]


def is_typable(text: str) -> bool:
    """Whether somebody could type a command as it stands: nothing in it stands for something else."""
    return not re.search(r"…|\[|\.\.\.", text) and not PLACEHOLDERS & set(text.split())


def is_whole(text: str) -> bool:
    """Whether a command of `tickstock` in a sentence has all that it needs, and is more than a mention."""
    words = shlex.split(text, comments=True)[1:]
    if "--help" in words or "--version" in words:
        return True
    command, rest = _resolve(words)
    if command is None:
        return True  # typed, it says that there is none
    if isinstance(command, click.Group):
        return False
    try:
        command.make_context(text, list(rest))
    except click.MissingParameter:
        return False
    return True


def _unknown(words: Sequence[str]) -> list[str]:
    command, rest = _resolve(words)
    if command is None:
        return [f"there is no command {rest[0]!r}"]
    options = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"-h", "--help", "--version", "-", "--"}  # fmt: skip
    given = (word.strip("[],.").partition("=")[0] for word in rest)
    return [f"there is no option {word}" for word in given if word.startswith("-") and word not in options]


def _resolve(words: Sequence[str]) -> tuple[click.Command | None, Sequence[str]]:
    """The command that words lead to and the words behind it; None with those that lead nowhere."""
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[\w|-]+", rest[0]):
        if rest[0].startswith("-") or rest[0] in PLACEHOLDERS:
            break
        for name in rest[0].split("|"):
            found = command.get_command(click.Context(command), name)
            if found is None:
                return None, [name]
        command, rest = found, rest[1:]  # the last of several
    return command, rest


@cache
def all_options(command: click.Command = cli) -> frozenset[str]:
    """Every option of a command and of those below it."""
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    below: list[click.Command] = []
    if isinstance(command, click.Group):
        context = click.Context(command)
        found = (command.get_command(context, name) for name in command.list_commands(context))
        below = [one for one in found if one is not None]
    return frozenset(own.union(*map(all_options, below)))


@cache
def make_targets() -> frozenset[str]:
    """The targets that `make` alone lists."""
    return frozenset(re.findall(r"^([a-z-]+):.*## ", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _variables() -> frozenset[str]:
    stack = re.findall(r"\bSTACK_\w+", (PROJECT_ROOT / "docker-compose.yml").read_text())
    ours = (str(field.validation_alias) for field in Settings.model_fields.values())
    files = (f"TICKSTOCK_FILES_{mic}" for mic in ABROAD)
    return frozenset({*stack, *ours, *files, *NO_SETTINGS})
