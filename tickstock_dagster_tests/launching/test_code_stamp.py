"""The stamp changes with code and with what is installed, and with nothing else."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tickstock_dagster.launching.code_stamp import code_stamp
from tickstock_dagster.launching.warm_process import WorkerId


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module `stamped.place`, with a file of SQL beside its package."""
    for name in ("stamped/defs", "sql", "site-packages"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("stamped/__init__.py", "stamped/place.py", "stamped/defs/bars.py", "sql/one.sql"):
        (tmp_path / name).write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("stamped", None)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: (folder / "stamped" / "defs" / "bars.py").write_text("x = 1", encoding="utf-8"),
    "a new file": lambda folder: (folder / "stamped" / "defs" / "new.py").touch(),
    "a file that has gone": lambda folder: (folder / "stamped" / "defs" / "bars.py").unlink(),
    "a statement": lambda folder: (folder / "sql" / "one.sql").write_text("SELECT 1", encoding="utf-8"),
    "the same size at another time": lambda folder: os.utime(folder / "stamped" / "place.py", (1, 1)),
    "an installation": lambda folder: os.utime(folder / "site-packages", (1, 1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_code_is_seen(location: Path, change: Callable[[Path], object]) -> None:
    before = code_stamp("stamped.place")
    assert code_stamp("stamped.place") == before
    change(location)
    assert code_stamp("stamped.place") != before


def test_bytecode_and_other_folders_are_no_change(location: Path) -> None:
    before = code_stamp("stamped.place")
    (location / "stamped" / "__pycache__").mkdir(exist_ok=True)
    (location / "stamped" / "__pycache__" / "place.pyc").touch()
    (location / "state").mkdir()
    assert code_stamp("stamped.place") == before


@pytest.mark.parametrize("text", [None, "", "x", "[]", "{}", '{"pid": 1}'])
def test_a_tag_that_names_no_worker_is_none(text: str | None) -> None:
    assert WorkerId.read(text) is None


def test_a_process_of_the_same_id_that_is_no_worker_is_not_taken_for_one() -> None:
    import socket

    assert WorkerId(socket.gethostname(), os.getpid(), "another token").process() is None
    assert WorkerId("elsewhere", os.getpid(), "another token").process() is None
