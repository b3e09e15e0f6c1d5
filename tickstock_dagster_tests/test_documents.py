"""What documents, docstrings and comments name is there: modules, what stands in them, files and folders.

A dotted name begins with its layer (`core.bars.ingest`), a path with the repository's or the package's root. A file
that a recipe of `docs/developing.md` makes ("New file `…`") need not be there. `CHANGELOG.md` is history: what it names
may be gone.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from tickstock_dagster.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "tickstock_dagster"
LAYERS = "core|adapters|defs|cli|simulator"
DOTTED = re.compile(rf"`(?:tickstock_dagster\.)?((?:{LAYERS})(?:\.\w+)+)(?:\(\))?`")
TEST_NAME = re.compile(r"`(tickstock_dagster_tests(?:\.\w+)+)`")
PATH = re.compile(r"(?<![\w./:<*%-])((?:\.?[A-Za-z_][\w.-]*/)+[\w.-]*)(?![\w/<*{])")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
MODULE = re.compile(r"python3? -m ((?:tickstock_dagster|benchmarks)(?:\.\w+)*)")
NEW_FILE = re.compile(r"New file `([^`]+)`")


@cache
def tracked() -> tuple[str, ...]:
    """Files of the repository, those included that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(name for name in listed if (PROJECT_ROOT / name).is_file())


DOCUMENTS = [name for name in tracked() if name.endswith(".md") and name != "CHANGELOG.md"]
SOURCES = [name for name in tracked() if name.endswith(".py")]
TOP = {name.split("/")[0] for name in tracked() if "/" in name} | {
    path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"
}
"""Folders at the root of the repository and of the package: a path that begins otherwise is not ours."""


def resolves(dotted: str, root: Path = PACKAGE) -> bool:
    """Whether a dotted name is a package or module below `root`, or something that stands in one."""
    names = dotted.split(".")
    while names and (root / names[0]).is_dir():
        root /= names.pop(0)
    if not names:
        return True
    module = root / f"{names[0]}.py"
    if module.is_file():
        names.pop(0)
    else:
        module = root / "__init__.py"
    body: list[ast.stmt] = ast.parse(module.read_text(encoding="utf-8")).body if module.is_file() else []
    for name in names:
        found = [node for node in body if name in _defined(node)]
        if not found:
            return False
        body = found[0].body if isinstance(found[0], ast.ClassDef) else []
    return True


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    if isinstance(node, ast.ImportFrom):
        return {name.asname or name.name for name in node.names}
    return set()


def prose(source: str) -> Iterator[str]:
    """Docstrings, texts that stand below an assignment, and comments of a Python source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def missing_names(text: str) -> list[str]:
    """Dotted names of a text, those behind `python -m` included, that are nowhere."""
    missing = [name for name in MODULE.findall(text) if not resolves(name, PROJECT_ROOT)]
    missing += [name for name in DOTTED.findall(text) if not resolves(name)]
    return missing + [name for name in TEST_NAME.findall(text) if not resolves(name, PROJECT_ROOT)]


def missing_paths(text: str, made: Collection[str] = ()) -> list[str]:
    """Paths that begin with one of our folders and lead nowhere, from the root or from the package."""
    missing = []
    for found in PATH.findall(text):
        path = found.rstrip(".")
        if path.split("/")[0] not in TOP or path in made or re.search(r"NNNN|RNN|/\.env$|/results/", path):
            continue
        is_asset = not path.endswith("/") and "." not in path.rpartition("/")[2]
        if not is_asset and not any((root / path).exists() for root in (PROJECT_ROOT, PACKAGE)):
            missing.append(path)
    return missing


def test_the_check_of_names_sees_what_is_there_and_what_is_not() -> None:
    assert resolves("core.bars")
    assert resolves("core.bars.ingest")
    assert resolves("core.loading.coverage.GAP_SCHEMA")
    assert resolves("adapters.events.outbox.OutboxDispatcher.dispatch")
    assert not resolves("core.bar_store")
    assert not resolves("core.bars.ingest.NO_SUCH_NAME")
    assert not resolves("adapters.events.outbox.OutboxDispatcher.send")
    assert missing_names("see `core.bar_store` and `adapters.bars`") == ["core.bar_store"]
    assert missing_paths("see `core/bar_store.py`, `core/bars/`, `us/session_bars`, and/or a.b/c.py") == [
        "core/bar_store.py"
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_names_what_is_there(document: str) -> None:
    text = (PROJECT_ROOT / document).read_text(encoding="utf-8")
    made = NEW_FILE.findall(text)
    modules = {path.removeprefix("tickstock_dagster/").removesuffix(".py").replace("/", ".") for path in made}
    assert [name for name in missing_names(text) if name not in modules] == []
    assert missing_paths(text, made) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_to_a_file(document: str) -> None:
    path = PROJECT_ROOT / document
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_docstrings_and_comments_name_what_is_there() -> None:
    missing = {}
    for source in SOURCES:
        if source == "tickstock_dagster_tests/test_documents.py":
            continue
        text = (PROJECT_ROOT / source).read_text(encoding="utf-8")
        if not missing_names(text) and not missing_paths(text):  # nowhere, so not in its prose: that takes long to find
            continue
        texts = list(prose(text))
        if found := [name for text in texts for name in (*missing_names(text), *missing_paths(text))]:
            missing[source] = found
    assert missing == {}
