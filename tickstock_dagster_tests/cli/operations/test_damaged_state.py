"""A damaged or impossible state folder: one line that names the file and what to do, and nothing is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tickstock_dagster import cli
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.cli.operations import services
from tickstock_dagster.settings import load_settings
from tickstock_dagster_tests.cli.office import Office

Damage = Callable[[Path], object]

DAMAGES: dict[str, tuple[Damage, str]] = {
    "empty": (lambda path: path.write_text(""), "it is no JSON"),
    "cut off": (lambda path: path.write_text('{"postgres": 2'), "it is no JSON"),
    "too deep": (lambda path: path.write_text("[" * 100_000), "it is no JSON"),
    "a list": (lambda path: path.write_text("[1]"), "it is no JSON object"),
    "not UTF-8": (lambda path: path.write_bytes(b'{"\xff": 1}'), "it is not UTF-8"),
    "a folder": (lambda path: path.mkdir(), "it cannot be read: Is a directory"),
    "null": (
        lambda path: path.write_text('{"postgres": null, "tickstock": null}'),
        "the value of 'postgres' is not a p",
    ),
    "absurd": (lambda path: path.write_text('{"postgres": 123456}'), "the value of 'postgres' is not a p"),
    "a truth": (lambda path: path.write_text('{"postgres": true}'), "the value of 'postgres' is not a p"),
    "nested": (
        lambda path: path.write_text('{"postgres": {"a": "hidden-word"}}'),
        "the value of 'postgres' is not a p",
    ),
}


@pytest.fixture
def state(office: Office, tmp_path: Path) -> Iterator[Path]:
    """A state folder of its own, of a person who has configured no server."""
    for name in ("TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL", "TICKSTOCK_REDIS_URL", "MASSIVE_BASE_URL"):
        office.monkeypatch.delenv(name)
    folder = tmp_path / "state"
    folder.mkdir()
    office.configure(TICKSTOCK_STATE_DIR=str(folder))
    yield folder
    assert not list(tmp_path.rglob("*.pid")), "nothing was started"


@pytest.mark.parametrize("name", ["ports.json", "passwords.json"])
def test_a_damaged_file_is_named_with_what_to_do(office: Office, state: Path, name: str) -> None:
    advice = "delete it, and the servers get other ports" if name == "ports.json" else "restore it"
    file = state / name
    for make, why in DAMAGES.values():
        make(file)
        for command in (("status",), ("services", "status"), ("events", "status")):
            answer = office.tickstock(*command)
            assert answer.code == 1
            assert answer.error.startswith(f"{file} is damaged ({why}"), command
            assert f"): {advice}" in answer.error
            assert "hidden-word" not in answer.err
        file.rmdir() if file.is_dir() else file.unlink()


def test_a_state_folder_that_cannot_be_made_is_named(office: Office, state: Path, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    office.configure(TICKSTOCK_STATE_DIR=str(tmp_path / "a file" / "state"))
    answer = office.tickstock("status")
    assert answer.code == 1
    assert answer.error.startswith(
        f"the state folder {tmp_path}/a file/state cannot be used (Not a directory): set TICK"
    )
    assert state.is_dir()


def test_an_env_file_that_is_not_utf_8_is_somebody_elses_and_no_dagster_is_started_on_it(
    office: Office, tmp_path: Path
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"NAME=M\xfcnchen\n")
    office.monkeypatch.setattr("tickstock_dagster.cli.operations.dev.PROJECT_ROOT", tmp_path)
    office.monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it was started"))
    answer = office.tickstock("dev")
    assert (answer.code, answer.error) == (
        2, f"{dotenv} is not UTF-8, and Dagster reads it: save it as UTF-8, or delete it",
    )  # fmt: skip
    assert dotenv.read_bytes() == b"NAME=M\xfcnchen\n"


# -- a full disk ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many MiB, in memory."""
    place = tmp_path / "small"
    place.mkdir()

    def make(size: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine lets us mount nothing")
        return place

    yield make
    LocalServices(place / "state").down()
    subprocess.run(["umount", str(place)], check=False, capture_output=True)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_work_goes_on_once_there_is_room(
    small_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = small_disk(150)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(place / "state"))
    script = "import sys; sys.argv[0] = 'tickstock'; from tickstock_dagster.cli import main; main()"

    def tickstock(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert tickstock("migrate").returncode == 0
    filling = place / "filling"
    filling.write_bytes(b"x" * max(0, shutil.disk_usage(place).free - 300_000))
    full = tickstock("run")
    assert full.returncode == 1
    (line,) = [line for line in full.stderr.splitlines() if line.startswith("tickstock: ")]
    assert "has no space left on its disk: could not extend file" in line
    assert "Traceback" not in full.stderr
    filling.unlink()
    assert tickstock("run").returncode == 0


@pytest.mark.slow
def test_a_disk_without_room_for_a_database_is_one_line(
    small_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = small_disk(1)
    monkeypatch.setattr(services, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(place / "state"))
    load_settings.cache_clear()
    answer = CliRunner().invoke(cli.cli, ["services", "up"])
    assert str(answer.exception) == (f"PostgreSQL could not be initialised in {place}/state: No space left on device")
