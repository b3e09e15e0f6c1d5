"""`.ci/test_days`: a `faketime` that a stale semaphore keeps from starting is started again, and named otherwise."""

import os
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from tickstock_dagster.settings import PROJECT_ROOT

NOON = datetime(2027, 1, 4, 17, tzinfo=UTC)
GONE = 4_194_304
"""Above the greatest process id of Linux."""


@pytest.fixture
def test_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with shared memory of its own and a `faketime` that says what a file tells it."""
    loader = SourceFileLoader("test_days_script", str(PROJECT_ROOT / ".ci" / "test_days"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    script = module_from_spec(spec)
    loader.exec_module(script)
    monkeypatch.setattr(script, "SHARED_MEMORY", tmp_path)
    fake = tmp_path / "bin" / "faketime"
    fake.parent.mkdir()
    stale = tmp_path / f"sem.faketime_sem_{GONE}"
    fails = f'if [ -e {stale} ]; then echo "sem_open: File exists" >&2; exit 1; fi'
    fake.write_text(f'#!/bin/sh\n{fails}\necho "== 3 passed in 1s =="\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def test_what_a_killed_one_left_is_removed_and_the_day_is_started_again(test_days: ModuleType, tmp_path: Path) -> None:
    ours, other = tmp_path / f"faketime_shm_{os.getpid()}", tmp_path / "PostgreSQL.1"
    for path in (tmp_path / f"sem.faketime_sem_{GONE}", tmp_path / f"faketime_shm_{GONE}", ours, other):
        path.touch()
    passed, summary = test_days.run_tests(NOON, [])
    assert passed
    assert summary.startswith("3 passed in 1s")
    assert [path.exists() for path in (ours, other)] == [True, True], "only what is stale"
    assert not list(tmp_path.glob(f"*_{GONE}"))


def test_a_day_that_does_not_start_twice_fails_and_says_why(
    test_days: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"sem.faketime_sem_{GONE}").touch()
    monkeypatch.setattr(test_days, "remove_stale", list)
    passed, summary = test_days.run_tests(NOON, [])
    assert not passed
    assert summary.startswith("faketime did not start twice: sem_open: File exists")


def test_a_day_that_starts_is_run_once(test_days: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert test_days.run_tests(NOON, [])[0]
    assert capfd.readouterr().out.count("===") == 1
