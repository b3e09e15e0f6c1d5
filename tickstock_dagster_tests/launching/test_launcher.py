"""Runs that are forks of a warm process, with a real code server: they run, are cancelled, crash, and get new code."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from tickstock_dagster.launching.launcher import WORKER_TAG, WarmRunLauncher
from tickstock_dagster.launching.warm_process import WorkerId

JOBS = """
import os, sys, time
from pathlib import Path
import dagster as dg

VERSION = 1
FOLDER = Path(__file__).parent.parent / "said"

@dg.op
def say(context):
    grpc = "grpc" in sys.modules
    (FOLDER / context.run_id).write_text(f"{VERSION} {os.getppid()} {grpc} {os.environ['TZ']}")

@dg.op
def wait(context):
    (FOLDER / context.run_id).write_text("waits")
    time.sleep(60)

@dg.job(executor_def=dg.in_process_executor)
def says():
    say()

@dg.job(executor_def=dg.in_process_executor)
def waits():
    wait()

defs = dg.Definitions(jobs=[says, waits])
"""
CONFIG = """
run_launcher:
  module: tickstock_dagster.launching.launcher
  class: WarmRunLauncher
  config: {module: warm_test_jobs}
telemetry: {enabled: false}
"""


class World:
    """A code location of two jobs in a folder, its code server and an instance."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.folder, self.instance, self.workspace = folder, instance, workspace

    @property
    def launcher(self) -> WarmRunLauncher:
        assert isinstance(self.instance.run_launcher, WarmRunLauncher)
        return self.instance.run_launcher

    @property
    def parent(self) -> int:
        assert self.launcher._warm
        return self.launcher._warm.pid

    def warm(self) -> None:
        """Wait until the warm process is."""
        self.launcher.warm_up()
        until(lambda: self.launcher._warm is not None and not self.launcher._warm.trouble())

    def launch(self, job: str) -> str:
        request = self.workspace.create_request_context()
        [location] = request.code_locations
        remote = location.get_repository("__repository__").get_full_job(job)
        run = self.instance.create_run_for_job(
            getattr(import_module("warm_test_jobs"), job),
            remote_job_origin=remote.get_remote_origin(),
            job_code_origin=remote.get_python_origin(),
        )
        self.instance.launch_run(run.run_id, request)
        return run.run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run
        return run

    def ended(self, run_id: str) -> dg.DagsterRunStatus:
        until(lambda: self.run(run_id).is_finished)
        return self.run(run_id).status

    def said(self, run_id: str) -> list[str]:
        path = self.folder / "said" / run_id
        until(path.exists)
        until(lambda: bool(path.read_text(encoding="utf-8")))
        return path.read_text(encoding="utf-8").split()

    def worker(self, run_id: str) -> WorkerId:
        worker = WorkerId.read(self.run(run_id).tags.get(WORKER_TAG))
        assert worker
        return worker

    def messages(self, run_id: str) -> str:
        return "\n".join(entry.message for entry in self.instance.all_logs(run_id))


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("warm")
    for name in ("said", "home", "code"):
        (folder / name).mkdir()
    (folder / "code" / "warm_test_jobs.py").write_text(JOBS, encoding="utf-8")
    (folder / "home" / "dagster.yaml").write_text(CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "code")
        patch.syspath_prepend(str(folder / "code"))
        patch.setenv("TZ", "Asia/Tokyo")
        with (
            dg.DagsterInstance.from_config(str(folder / "home")) as instance,
            WorkspaceProcessContext(
                instance, ModuleTarget("warm_test_jobs", None, str(folder / "code"), "here")
            ) as workspace,
        ):
            yield World(folder, instance, workspace)
    sys.modules.pop("warm_test_jobs", None)


def test_the_first_run_does_not_wait_and_the_next_is_a_fork_without_grpc(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dagster.launcher")
    first = world.launch("says")
    assert "there is no warm process yet" in caplog.text
    assert world.ended(first) is dg.DagsterRunStatus.SUCCESS
    assert WORKER_TAG not in world.run(first).tags
    world.warm()
    second = world.launch("says")
    assert world.ended(second) is dg.DagsterRunStatus.SUCCESS
    assert world.said(second) == ["1", str(world.parent), "False", "Asia/Tokyo"]
    assert f"Started process for run (pid: {world.worker(second).pid})" in world.messages(second)
    assert psutil.Process(world.parent).num_threads() < 10


def test_a_cancelled_run_is_interrupted_from_another_process_as_the_webserver_does(world: World) -> None:
    world.warm()
    run_id = world.launch("waits")
    assert world.said(run_id) == ["waits"]
    assert world.launcher.check_run_worker_health(world.run(run_id)).status is WorkerStatus.RUNNING
    with dg.DagsterInstance.from_ref(world.instance.get_ref()) as webserver:
        assert webserver.run_launcher.terminate(run_id)
        assert world.ended(run_id) is dg.DagsterRunStatus.CANCELED
        assert not webserver.run_launcher.terminate(run_id), "it has ended"


def test_a_killed_worker_fails_its_run_within_a_second_and_hurts_nobody_else(world: World) -> None:
    world.warm()
    parent = world.parent
    killed, other = world.launch("waits"), world.launch("waits")
    assert world.said(killed) == world.said(other) == ["waits"]
    os.kill(world.worker(killed).pid, signal.SIGKILL)
    assert world.ended(killed) is dg.DagsterRunStatus.FAILURE
    assert "was terminated by signal 9 (SIGKILL)" in world.messages(killed)
    assert world.launcher.check_run_worker_health(world.run(killed)).status is WorkerStatus.NOT_FOUND
    assert world.run(other).status is dg.DagsterRunStatus.STARTED
    world.instance.run_launcher.terminate(other)
    assert world.ended(other) is dg.DagsterRunStatus.CANCELED
    assert world.said(world.launch("says"))[1] == str(parent)


@pytest.mark.slow
def test_changed_code_runs_at_once_and_warm_from_the_second_run_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dagster.launcher")
    world.warm()
    before = world.parent
    path = world.folder / "code" / "warm_test_jobs.py"
    path.write_text(JOBS.replace("VERSION = 1", "VERSION = 22"), encoding="utf-8")
    first = world.launch("says")
    assert "code has changed since the warm process loaded it" in caplog.text
    assert world.said(first)[0] == "22"
    world.warm()
    assert world.said(world.launch("says"))[:2] == ["22", str(world.parent)]
    assert world.parent != before
    until(lambda: not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.slow
def test_without_the_warm_process_its_runs_go_on_and_new_ones_start_the_ordinary_way(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dagster.launcher")
    world.warm()
    orphan = world.launch("waits")
    assert world.said(orphan) == ["waits"]
    os.kill(world.parent, signal.SIGKILL)
    next_ = world.launch("says")
    assert world.ended(next_) is dg.DagsterRunStatus.SUCCESS
    assert "the warm process has ended" in caplog.text
    assert world.launcher.check_run_worker_health(world.run(orphan)).status is WorkerStatus.RUNNING
    assert world.launcher.terminate(orphan)
    assert world.ended(orphan) is dg.DagsterRunStatus.CANCELED


@pytest.mark.slow
def test_it_ends_after_its_last_run_when_the_daemon_has_gone(world: World) -> None:
    world.warm()
    parent = psutil.Process(world.parent)
    run_id = world.launch("waits")
    assert world.said(run_id) == ["waits"]
    world.launcher.dispose()
    time.sleep(0.5)
    assert parent.is_running()
    assert parent.status() != psutil.STATUS_ZOMBIE, "it watches over the run"
    assert world.launcher.terminate(run_id)
    assert world.ended(run_id) is dg.DagsterRunStatus.CANCELED
    until(lambda: not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE)
