"""Runs whose process is gone are reported as failed; those of living processes and of other machines are not."""

import os
import socket
import subprocess
import sys

import dagster as dg
import psutil

from tickstock_dagster.defs.orphans import PROCESS_TAG, fail_orphans, this_process


@dg.op
def nothing() -> None: ...


@dg.job
def idle() -> None:
    nothing()


def started(instance: dg.DagsterInstance, process: str | None) -> str:
    tags = {PROCESS_TAG: process} if process is not None else {}
    return instance.create_run_for_job(idle, tags=tags, status=dg.DagsterRunStatus.STARTED).run_id


def test_only_runs_of_processes_that_are_gone_fail() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host, pid, began = this_process().split(":")
    assert (host, int(pid)) == (socket.gethostname(), os.getpid())
    with dg.DagsterInstance.ephemeral() as instance:
        alive = {
            started(instance, process)
            for process in (
                this_process(),
                f"{host}:{pid}:{int(began) + 1}",  # the clock was set a little
                f"other-machine:{ended.pid}:1",
                "nonsense",
                f"{host}:{pid}:",
                None,
            )
        }
        gone = {
            started(instance, f"{host}:{ended.pid}:{began}"),
            started(instance, f"{host}:{pid}:{int(began) - 3600}"),
        }
        assert set(fail_orphans(instance)) == gone
        assert fail_orphans(instance) == []
        for run_id in alive:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            assert run.status == dg.DagsterRunStatus.STARTED
        for run_id in gone:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            assert run.status == dg.DagsterRunStatus.FAILURE
            assert "its process is gone" in str(instance.get_records_for_run(run_id).records)


def test_the_tag_is_the_start_of_this_very_process() -> None:
    assert abs(float(this_process().rpartition(":")[2]) - psutil.Process().create_time()) <= 0.5
