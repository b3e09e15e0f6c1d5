"""Following the recipes of `docs/developing.md` word by word, as somebody would who reads nothing else.

An instruction is a sentence that ends with a colon, and the block of code below it: "New file `…`:", "At the end of
`…`:", "In `…`, after the line `…`:", "In `…`, instead of the line `…`:". A block of `sh` without one is to be run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"(?P<before>(?:^[^\n]+\n)*)\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NEW = re.compile(r"New file `(?P<path>[^`]+)`:$")
_END = re.compile(r"At the end of `(?P<path>[^`]+)`:$")
_LINE = re.compile(r"In\s`(?P<path>[^`]+)`,\s(?P<where>after|instead\sof)\sthe\sline\s`(?P<line>[^`]+)`:$")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe: its title and the text below it."""

    title: str
    text: str


def recipes(document: str) -> Iterator[Recipe]:
    """The recipes of the document, in its order."""
    chapter = document.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    for section in re.split(r"^### ", chapter, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        yield Recipe(title, text)


def follow(recipe: Recipe, root: Path) -> list[str]:
    """Change the files below `root` as the recipe says.

    Args:
        recipe: what to do.
        root: a checkout.

    Returns:
        The commands to run then, in their order.

    Raises:
        AssertionError: a file or a line that the recipe names is not there, or an instruction is not understood.
    """
    commands: list[str] = []
    for block in _BLOCK.finditer(recipe.text):
        before, text = block["before"].strip(), block["text"]
        if found := _NEW.search(before):
            path = _numbered(root, found["path"])
            assert not path.exists(), f"{path} is there already"
            path.write_text(text, encoding="utf-8")
        elif found := _END.search(before):
            path = root / found["path"]
            path.write_text(f"{path.read_text(encoding='utf-8')}\n\n{text}", encoding="utf-8")
        elif found := _LINE.search(before):
            _edit(root / found["path"], found["line"], text, keep=found["where"] == "after")
        else:
            assert block["language"] == "sh", f"{recipe.title}: what is to be done with the block after {before!r}?"
            commands += text.splitlines()
    return commands


def _numbered(root: Path, name: str) -> Path:
    """The path of a new file; NNNN, or RNN, is the next free number of its folder."""
    path = root / name
    numbers = [int(found[1]) for file in path.parent.iterdir() if (found := re.match(r"R?(\d+)_", file.name))]
    free = max(numbers, default=0) + 1
    return path.with_name(path.name.replace("NNNN_", f"{free:04d}_").replace("RNN_", f"R{free:02d}_"))


def _edit(path: Path, line: str, text: str, *, keep: bool) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert f"{line}\n" in lines, f"{path} has no line {line!r}"
    place = lines.index(f"{line}\n")
    lines[place : place + 1] = [*lines[place : place + 1 if keep else place], text]
    path.write_text("".join(lines), encoding="utf-8")
