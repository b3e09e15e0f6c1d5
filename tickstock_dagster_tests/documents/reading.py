"""What a document asks its reader to type: blocks of code and code within sentences, in their order, and remarks.

A remark, an HTML comment, says more of a command: see `tickstock_dagster_tests/documents/remarks.py`. A block of
`console` has its output below each line that begins with `$ `. One of `text` is nothing to type.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster_tests.documents.remarks import DocumentError, Remark, remarks_of

DOCUMENTS = tuple(
    path.relative_to(PROJECT_ROOT).as_posix()
    for path in (PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").glob("*.md")))
)

Kind = Literal["command", "python", "sql", "data", "file"]

SHELLS = {"", "sh", "bash", "console"}
DATA = {"json", "yaml", "ini", "csv"}
SILENT = {"text"}

_LOST = re.compile(r"(?:\.venv/bin/|tickstock |docker compose |make [a-z-]+ +#|curl )")

PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S* )*(?:(?:\.venv/bin/|deploy/|\.ci/)[\w-]+(?:\.sh)?(?= |$)|"
    r"(?:tickstock|make|python3?|pip|uv|dagster|dg|docker|docker-compose|stack|curl|git|pytest|ruff|mypy|export|alias|"
    r"pre-commit|psql|redis-cli|cp|mkdir|cd)(?= |$))"
)
"""How a command begins."""

NO_COMMANDS = {"make", "python3", "python", "git", "docker", "dagster", "curl", "tickstock"}
"""Names of programs, in a sentence."""


FOLLOWED = {"docs/developing.md": "Recipes"}
"""Chapters that other tests follow word by word: the recipes, in a checkout of their own
(`tickstock_dagster_tests/end_to_end/test_recipes.py`)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do or to validate.

    Attributes:
        document: its path.
        line: where it stands, from 1; of a block, its first line.
        kind: a command to type, Python or SQL to run, data of a language, a file to make.
        text: one command, without the comment behind it, or the whole block.
        language: of the block; the name of a file; empty in a sentence.
        inline: whether it stands in a sentence or a table.
        prints: the output that the document shows or promises.
        fails: what is said when it is meant to fail; None: it has to succeed.
        slow: whether the long tests alone run it.
        reason: why it is not run; None: it is.
    """

    document: str
    line: int
    kind: Kind
    text: str
    language: str = ""
    inline: bool = False
    prints: tuple[str, ...] = ()
    fails: str | None = None
    slow: bool = False
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text.splitlines()[0]}"


def steps_of(document: str) -> list[Step]:
    """All steps of a document.

    Args:
        document: path from the repository's root.
    """
    return read_steps(document, text_of(document))


def text_of(document: str) -> str:
    """A document without the chapter that another test follows; its lines keep their numbers."""
    text = (PROJECT_ROOT / document).read_text(encoding="utf-8")
    if document in FOLLOWED:
        before, heading, rest = text.partition(f"\n## {FOLLOWED[document]}\n")
        chapter, following, after = rest.partition("\n## ")
        if not chapter or not following:
            raise DocumentError(f"{document} has no chapter {FOLLOWED[document]}")
        text = before + heading + "\n" * chapter.count("\n") + following + after
    return text


def read_steps(document: str, text: str) -> list[Step]:
    """All steps of a text.

    Args:
        document: its name, for errors.
        text: Markdown.

    Raises:
        DocumentError: a block of an unknown language, a remark that is not understood or about no command.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    remarks = list(remarks_of(document, _without_blocks(text, tokens)))
    ahead = {remark.line: remark for remark in remarks if remark.kind in {"file", "text"}}
    steps: list[Step] = []
    last = 0
    for token in tokens:
        if token.map is None:
            continue
        line = token.map[0] + 1
        if token.type in {"fence", "code_block"}:
            meant = [remark for at, remark in ahead.items() if last < at < line]
            steps += _block(document, token, line, meant[-1] if meant else None)
            last = line
        elif token.type == "inline":
            steps += _of_sentence(document, token, line)
    return _remarked(document, steps, [remark for remark in remarks if remark.kind not in {"file", "text"}])


def _without_blocks(text: str, tokens: Iterable[Token]) -> str:
    """The text with empty lines in place of its code."""
    lines = text.splitlines(keepends=True)
    for token in tokens:
        if token.map is not None and token.type in {"fence", "code_block"}:
            first, end = token.map
            lines[first:end] = ["\n"] * (end - first)
    return "".join(lines)


def _of_sentence(document: str, token: Token, line: int) -> Iterator[Step]:
    for child in token.children or ():
        if child.type == "text" and _LOST.match(child.content):
            raise DocumentError(
                f"{document}:{line}: {child.content!r} is shown as text: below a list a block of code needs its fence"
            )
        named = child.content in NO_COMMANDS or _is_path(child.content)
        if child.type == "code_inline" and PROGRAMS.match(child.content) and not named:
            yield Step(document, line, "command", child.content, inline=True)


def _is_path(text: str) -> bool:
    """Whether a code span only names a file: `deploy/probe.py`, `.venv/bin/tickstock`."""
    return " " not in text and "/" in text and text not in {".ci/run", "deploy/new-env.sh"}


def _block(document: str, token: Token, line: int, meant: Remark | None) -> list[Step]:
    language = token.info.split()[0] if token.info.strip() else ""
    first = line + (token.type == "fence")
    if meant is not None and meant.kind == "file":
        return [Step(document, first, "file", token.content, meant.command)]
    if language in SILENT or meant is not None:
        return []
    if language in {"python", "sql"}:
        return [Step(document, first, "python" if language == "python" else "sql", token.content, language)]
    if language in DATA:
        return [Step(document, first, "data", token.content, language)]
    if language not in SHELLS:
        raise DocumentError(f"{document}:{line}: nobody knows what to do with a block of {language!r}")
    return list(_commands(document, token.content, first, console=language == "console"))


def _commands(document: str, text: str, line: int, *, console: bool) -> Iterator[Step]:
    """The commands of a block; long ones go on after a backslash."""
    command, begun, output = "", line, list[str]()

    def step() -> Step:
        if not PROGRAMS.match(command):
            raise DocumentError(f"{document}:{begun}: {command!r} is no command that is known (see `PROGRAMS`)")
        return Step(document, begun, "command", command, prints=tuple(output))

    for number, row in enumerate(text.splitlines(), line):
        goes_on = command.endswith("\\")
        if console and not goes_on and not row.startswith("$ "):
            output.append(row)
            continue
        if command and not goes_on:
            yield step()
            output = []
        typed = row.removeprefix("$ ") if console else row
        if goes_on:
            command = f"{command[:-1].rstrip()} {typed.strip()}"
        else:
            command, begun = without_comment(typed), number
    if command:
        yield step()


def without_comment(row: str) -> str:
    """A line without what stands behind its `#`."""
    return re.sub(r"(^|\s+)#\s.*$", "", row).strip()


def _remarked(document: str, steps: list[Step], remarks: list[Remark]) -> list[Step]:
    """The steps with what the remarks say of them."""
    used: set[Remark] = set()
    found = []
    for step in steps:
        mine = [remark for remark in remarks if step.kind == "command" and _is_about(remark, step)]
        used.update(mine)
        by_kind = {remark.kind: remark for remark in mine}
        printed = tuple(remark.words for remark in mine if remark.kind == "prints")
        found.append(
            Step(
                step.document, step.line, step.kind, step.text, step.language, step.inline,
                (*step.prints, *printed),
                by_kind["fails"].words if "fails" in by_kind else None,
                "slow" in by_kind,
                by_kind["not run"].words if "not run" in by_kind else None,
            )
        )  # fmt: skip
    if unused := [remark for remark in remarks if remark not in used]:
        raise DocumentError(
            f"{document}:{unused[0].line}: no command of this document begins with {unused[0].command!r}"
        )
    return found


def _is_about(remark: Remark, step: Step) -> bool:
    return step.text == remark.command or step.text.startswith(f"{remark.command} ")
