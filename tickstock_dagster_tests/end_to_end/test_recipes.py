"""The recipes of `docs/developing.md`, followed word by word in a copy of this checkout: what they add works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster_tests.recipes import follow, recipes

DOCUMENT = (PROJECT_ROOT / "docs" / "developing.md").read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The files of the repository, with this environment as its `.venv`, and servers of its own."""
    root = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in filter(lambda name: (PROJECT_ROOT / name).is_file(), listed):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, root / name)
    (root / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    run(root, "git init --quiet && git add --all")
    yield root
    run(root, ".venv/bin/tickstock services down")


def run(root: Path, command: str) -> None:
    """A line of the document, in the copy: its package, not the one that is installed, and its own state folder."""
    environment = {**os.environ, "PYTHONPATH": str(root), "TICKSTOCK_STATE_DIR": str(root / ".tickstock")}
    done = subprocess.run(
        ["bash", "-c", command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_recipe_works_as_it_is_written(copy: Path) -> None:
    followed = [recipe.title for recipe in recipes(DOCUMENT)]
    assert {"A SQL statement", "An asset check", "An event", "A table", "An asset", "A source"} < set(followed)
    for recipe in recipes(DOCUMENT):
        for command in follow(recipe, copy):
            run(copy, command)
    run(copy, ".venv/bin/ruff check && .venv/bin/ruff format --check")
    run(
        copy,
        ".venv/bin/pytest tickstock_dagster_tests/test_architecture.py tickstock_dagster_tests/test_documents.py -q",
    )
