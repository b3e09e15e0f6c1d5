"""The real daemon with `dagster.yaml` on PostgreSQL: a sensor's runs start warm, with new code after a change.

Only the code location is another: one job, and a sensor that asks for a run for each file in a folder.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from tickstock_dagster.launching.launcher import WORKER_TAG
from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster_tests.launching.test_launcher import until

CODE = """
import os
from pathlib import Path
import dagster as dg

VERSION = 1
FOLDER = Path(__file__).parent.parent

@dg.op
def say(context):
    (FOLDER / "said" / context.run.tags["wanted"]).write_text(f"{VERSION} {os.getppid()}")

@dg.job(executor_def=dg.in_process_executor)
def says():
    say()

@dg.sensor(job=says, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def wanted(context):
    for path in sorted((FOLDER / "wanted").iterdir()):
        yield dg.RunRequest(run_key=path.name, tags={"wanted": path.name})

defs = dg.Definitions(jobs=[says], sensors=[wanted])
"""


class Daemon:
    """A running daemon, its log, and what it does with files."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, url: str) -> None:
        self.folder, self.instance, self.url = folder, instance, url

    def warm_processes(self) -> list[int]:
        """Every process that has been warm, by the daemon's log, the newest last."""
        words = (self.folder / "daemon.log").read_text(encoding="utf-8").split("Runs start warm: process ")[1:]
        return [int(text.split()[0]) for text in words]

    def run(self, name: str) -> tuple[str, int, bool]:
        """Ask the sensor for a run; the code's version, its process's parent, and whether it was a fork."""
        (self.folder / "wanted" / name).touch()
        said = self.folder / "said" / name
        until(said.exists, 60)

        def record() -> dg.DagsterRun | None:
            return next(iter(self.instance.get_runs(dg.RunsFilter(tags={"wanted": name}))), None)

        until(lambda: bool((run := record()) and run.is_finished))
        run = record()
        assert run
        assert run.status is dg.DagsterRunStatus.SUCCESS
        version, parent = said.read_text(encoding="utf-8").split()
        return version, int(parent), WORKER_TAG in run.tags


@pytest.fixture(scope="module")
def daemon(services: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    for name in ("said", "wanted", "home", "code"):
        (folder / name).mkdir()
    (folder / "code" / "daemon_test_jobs.py").write_text(CODE, encoding="utf-8")
    local = (PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8")
    assert "module: tickstock_dagster.definitions" in local
    local = local.replace("module: tickstock_dagster.definitions", "module: daemon_test_jobs")
    (folder / "home" / "dagster.yaml").write_text(local, encoding="utf-8")
    url = services.dagster_storage_url.rpartition("/")[0] + "/of_a_daemon"
    variables = {"TICKSTOCK_DAGSTER_STORAGE_URL": url, "TICKSTOCK_DAGSTER_DIR": str(folder / "home")}
    paths = os.pathsep.join([str(folder / "code"), str(PROJECT_ROOT)])
    with (
        psycopg.connect(services.dagster_storage_url, autocommit=True) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        connection.execute("CREATE DATABASE of_a_daemon")
        for name, value in {**variables, "DAGSTER_HOME": str(folder / "home"), "PYTHONPATH": paths}.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.get() as instance, (folder / "daemon.log").open("wb") as log:
            command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", "daemon_test_jobs"]
            process = subprocess.Popen(
                command, cwd=folder / "code", stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                running = Daemon(folder, instance, url)
                until(lambda: bool(running.warm_processes()), 90)
                yield running
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
        connection.execute("DROP DATABASE of_a_daemon WITH (FORCE)")


@pytest.mark.slow
def test_a_sensors_runs_start_warm_after_changes_of_code_and_lost_connections(daemon: Daemon) -> None:
    [first] = daemon.warm_processes()
    assert daemon.run("a") == ("1", first, True)

    with psycopg.connect(daemon.url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert len(ended) >= 2, "daemon and code server keep connections"
    assert daemon.run("b") == ("1", first, True)

    path = daemon.folder / "code" / "daemon_test_jobs.py"
    path.write_text(CODE.replace("VERSION = 1", "VERSION = 22"), encoding="utf-8")
    version, _, is_fork = daemon.run("c")
    assert (version, is_fork) == ("22", False), "the first run with new code loads it itself"
    until(lambda: len(daemon.warm_processes()) == 2, 60)
    assert daemon.run("d") == ("22", daemon.warm_processes()[-1], True)
