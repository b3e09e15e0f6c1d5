"""Runs whose process died. The command line executes runs itself, and Dagster's daemon does not monitor those.

A run carries its process in a tag. When that process is gone, the run is reported as failed by the next command that
launches one, or by the next sensor that would otherwise wait for it.
"""

import os
import socket

import dagster as dg
import psutil

PROCESS_TAG = "tickstock/process"
"""host:pid:start of the process that executes a run; start in seconds of the epoch."""

CLOCK_SLACK = 5.0
"""Seconds by which the start of the same process may differ between two readings."""


def this_process() -> str:
    """The tag's value for this process. The start time distinguishes it from a later process with the same pid."""
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
