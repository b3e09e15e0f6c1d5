"""Runs whose process died: the command line executes runs itself, and nobody else watches over those.

A run carries its process in a tag. When that process is gone, the run is reported as failed by whoever looks next: a
command that launches another, or a sensor that would otherwise wait for it.
"""

import os
import socket

import dagster as dg
import psutil

PROCESS_TAG = "tickstock/process"
"""host:pid:start of the process that executes a run."""

CLOCK_SLACK = 5.0
"""Seconds by which a process's start may seem to move."""


def this_process() -> str:
    """The tag's value for this process. The start time tells it from another that gets the same number later."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed whose executing process on this machine is gone; returns their ids."""
    orphans = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        host, _, rest = run.tags.get(PROCESS_TAG, "").partition(":")
        pid, _, created = rest.partition(":")
        if host != socket.gethostname() or not (pid.isdigit() and created.isdigit()):
            continue
        try:
            # The start is counted from a boot time in whole seconds, which moves when the clock is set.
            alive = abs(psutil.Process(int(pid)).create_time() - float(created)) < CLOCK_SLACK
        except psutil.NoSuchProcess:
            alive = False
        if not alive:
            instance.report_run_failed(run, "its process is gone")
            orphans.append(run.run_id)
    return orphans
