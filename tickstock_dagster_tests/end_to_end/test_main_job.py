"""From nothing configured to a closed session: the command starts its own servers, in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.settings import PROJECT_ROOT

Tickstock = Callable[..., subprocess.CompletedProcess[str]]

SCRIPT = "import sys; sys.argv[0] = 'tickstock'; from tickstock_dagster.cli import main; main()"


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("main_job") / "state"
    yield folder
    LocalServices(folder).down()


@pytest.fixture(scope="module")
def tickstock(state_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Tickstock:
    """The command as a process of its own, in another folder, with nothing configured but where its state is kept."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"TICKSTOCK_STATE_DIR": str(state_dir), "PYTHONPATH": str(PROJECT_ROOT)}
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SCRIPT, *arguments]
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def first(tickstock: Tickstock) -> subprocess.CompletedProcess[str]:
    """The first run on this machine."""
    return tickstock("run", "--json")


def test_the_first_run_brings_the_latest_session_to_its_end(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    facts = json.loads(first.stdout)
    assert (facts["bars_stored"], facts["bars_expected"], facts["bars_missing"]) == (15, 15, 0)
    assert (facts["source"], facts["event"]) == ("simulator", "delivered")
    assert facts["vendor_calls"] <= 5


def test_the_event_is_in_the_servers_stream(first: subprocess.CompletedProcess[str], state_dir: Path) -> None:
    facts = json.loads(first.stdout)
    with redis.Redis.from_url(LocalServices(state_dir).addresses().redis_url, decode_responses=True) as client:
        ((_, fields),) = client.xrange("tickstock.eod.complete")
    event = json.loads(fields["event"])
    assert event["id"] == facts["event_id"]
    assert event["data"]["session"] == facts["session"]


def test_the_second_run_asks_the_vendor_nothing_and_tells_nobody_twice(
    first: subprocess.CompletedProcess[str], tickstock: Tickstock, state_dir: Path
) -> None:
    again = tickstock("run")
    assert again.returncode == 0, again.stderr
    assert f"Session {json.loads(first.stdout)['session']}" in again.stdout
    assert "15 of 15" in again.stdout
    with psycopg.connect(LocalServices(state_dir).addresses().database_url) as connection:
        asking = "SELECT count(DISTINCT run_id) FROM vendor_calls WHERE run_id <> 'cli'"
        calls = connection.execute(asking).fetchone()
        told = connection.execute("SELECT count(*) FROM outbox WHERE channel = 'tickstock.eod.complete'").fetchone()
    assert calls is not None
    assert calls[0] == 1, "only the first run asked"
    assert told == (1,)


def test_no_password_is_written_anywhere_but_into_the_servers_own_files(
    first: subprocess.CompletedProcess[str], state_dir: Path
) -> None:
    local = LocalServices(state_dir)
    passwords = [word for word in map(local.state.password, ("tickstock", "valkey")) if word]
    assert len(passwords) == 2
    assert not [word for word in passwords if word in first.stdout + first.stderr]
    files = [path for path in state_dir.rglob("*") if path.is_file() and "postgres/" not in str(path)]
    holding = {path.name for path in files for word in passwords if word.encode() in path.read_bytes()}
    assert holding <= {"passwords.json", "valkey.conf"}
    with psycopg.connect(local.addresses().dagster_storage_url) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM event_logs WHERE event ILIKE ANY (%s)", [[f"%{word}%" for word in passwords]]
        ).fetchone()
    assert kept == (0,)


def test_the_checkout_is_left_as_it_was(first: subprocess.CompletedProcess[str], state_dir: Path) -> None:
    assert first.returncode == 0
    assert (state_dir / "postgres").is_dir()
    written = [path for path in PROJECT_ROOT.iterdir() if path.name in ("history", "storage", "schedules", "logs")]
    assert written == []
