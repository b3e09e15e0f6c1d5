"""The warm process: it has loaded the code location, and each run is a fork of it.

    python -m tickstock_dagster.launching.parent TOKEN MODULE DESCRIPTOR

It opens no connection, starts no thread of its own and no gRPC, so that a fork inherits none of them; threads of
libraries that were started by their import (allocators, BLAS) are handled by their own fork handlers. It ends when its
launcher has gone and its last run has ended.
"""

import gc
import json
import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from tickstock_dagster.launching.code_stamp import code_stamp
from tickstock_dagster.launching.loaded_code import LoadedCode, computing_threads

FINISHED = 77
"""How a worker exits whose run has ended, successfully or not; anything else is a crash."""

POLL_SECONDS = 0.25
REQUEST_SECONDS = 10.0


@dataclass
class Worker:
    """A forked run: what was asked, and a pipe on which it says that its run has started."""

    request: bytes
    started: int


def main() -> None:
    """Load everything, say so, and fork a worker for each request."""
    module, descriptor = sys.argv[2:]
    control = socket.socket(fileno=int(descriptor))
    # Ctrl-C in the terminal reaches the whole group; runs take it as a cancellation, and this process waits for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stamp = code_stamp(module)
    code = LoadedCode.of(module)
    if pool := computing_threads():
        raise SystemExit(
            f"no run starts warm: loading {module} has computed with polars ({pool[0]}), a fork would hang"
        )
    gc.collect()
    gc.freeze()  # a collection in a worker touches nothing inherited, so that its pages stay shared
    control.sendall(f"ready {stamp}\n".encode())
    print(f"Runs start warm: process {os.getpid()} has the code loaded.", file=sys.stderr, flush=True)
    serve(control, code)


def serve(control: socket.socket, code: LoadedCode) -> None:
    """Fork workers until the launcher has gone and the last one has ended; report those that crash.

    Args:
        control: from the launcher: one byte, and the descriptor of a socket for the run.
        code: what the workers execute.
    """
    workers: dict[int, Worker] = {}
    open_ = True
    while open_ or workers:
        if open_:
            readable, _, _ = select.select([control], [], [], POLL_SECONDS if workers else None)
        else:
            readable, _, _ = select.select([], [], [], POLL_SECONDS)
        if readable:
            try:
                data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            except OSError:
                data, descriptors = b"", []
            open_ = bool(data)
            for descriptor in descriptors:
                with socket.socket(fileno=descriptor) as link:
                    fork_worker(link, control, workers, code)
        reap(workers)


def fork_worker(link: socket.socket, control: socket.socket, workers: dict[int, Worker], code: LoadedCode) -> None:
    """Start a run, and tell the launcher the worker's process id.

    Args:
        link: to the launcher, which describes the run.
        control: closed in the worker.
        workers: by process id; added to.
        code: what the worker executes.
    """
    link.settimeout(REQUEST_SECONDS)
    try:
        request = read_line(link)
    except OSError:
        return
    link.settimeout(None)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        for descriptor in (reading, *(worker.started for worker in workers.values())):
            os.close(descriptor)
        control.close()
        work(request, link, writing, code)
    os.close(writing)
    os.set_blocking(reading, False)
    workers[pid] = Worker(request, reading)
    try:
        link.sendall(f"pid {pid}\n".encode())
    except OSError:
        os.kill(pid, signal.SIGKILL)


def read_line(link: socket.socket) -> bytes:
    """The next line, without its end.

    Raises:
        OSError: the other side has gone, or says nothing in time.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = link.recv(65_536)
        if not piece:
            raise ConnectionResetError("the launcher has gone")
        line += piece
    return bytes(line[:-1])


def work(request: bytes, link: socket.socket, started: int, code: LoadedCode) -> NoReturn:
    """Be a run's worker, as a process is that Dagster's code server starts, and exit.

    Args:
        request: the launcher's, in JSON.
        link: to the launcher, which answers once the run bears this process's id.
        started: pipe to our parent, for a byte once the run has started.
        code: what our parent has loaded.
    """
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run(json.loads(request), link, started, code)
        status = FINISHED
    except BaseException:  # noqa: BLE001 - the fork must not go on as its parent
        traceback.print_exc()
    finally:
        try:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def run(request: dict[str, Any], link: socket.socket, started: int, code: LoadedCode) -> None:
    """Execute the run in this process; arguments as for `work`."""
    from dagster._core.origin import JobPythonOrigin
    from dagster._grpc.impl import StartRunInSubprocessSuccessful, start_run_in_subprocess
    from dagster._serdes import deserialize_value, serialize_value

    class Launcher:
        """The queue on which Dagster's worker says how its start went."""

        def put(self, message: object) -> None:
            if isinstance(message, StartRunInSubprocessSuccessful):
                link.sendall(b"started\n")
                os.write(started, b"s")
            elif hasattr(message, "serializable_error_info"):
                link.sendall(f"error {serialize_value(message.serializable_error_info)}\n".encode())

    job = code.job(deserialize_value(request["job"], JobPythonOrigin))
    if not link.recv(1):
        return  # the launcher starts the run another way
    # Of the "fork" kind: the others start a process that watches over semaphores.
    stop = multiprocessing.get_context("fork").Event()
    start_run_in_subprocess(request["arguments"], job, Launcher(), stop)  # type: ignore[no-untyped-call]


def reap(workers: dict[int, Worker]) -> None:
    """Collect workers that have ended; a run whose worker crashed has failed."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        worker = workers.pop(pid, None)
        if worker is None:
            continue  # one that reported a crash
        try:
            has_started = bool(os.read(worker.started, 1))
        except BlockingIOError:
            has_started = False
        os.close(worker.started)
        code = os.waitstatus_to_exitcode(status)
        # A run that never started is its launcher's, which knows that and starts it another way.
        if has_started and code != FINISHED and not os.fork():
            report_crash(worker.request, code)


def report_crash(request: bytes, code: int) -> NoReturn:
    """In a process of its own, for it needs a connection: end the run of a crashed worker as failed, and exit."""
    try:
        from dagster import DagsterInstance
        from dagster import _check as check
        from dagster._grpc.types import ExecuteExternalJobArgs
        from dagster._serdes import deserialize_value
        from dagster._utils import get_run_crash_explanation

        arguments = deserialize_value(json.loads(request)["arguments"], ExecuteExternalJobArgs)
        with DagsterInstance.from_ref(check.not_none(arguments.instance_ref)) as instance:
            of_run = instance.get_run_by_id(arguments.run_id)
            if of_run and not of_run.is_finished:
                why = get_run_crash_explanation(f"Run execution process for {of_run.run_id}", code)
                instance.report_engine_event(why, of_run)
                instance.report_run_failed(of_run)
    except BaseException:  # noqa: BLE001 - the fork must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
