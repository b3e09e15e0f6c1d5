"""Processes that tests kill, forked from one that has imported what they need: each start is 0.7 s cheaper.

What runs in them is a process like any other, which a signal ends at any moment. The one that they are forked from runs
nothing of ours before, so that it has neither threads nor connections.
"""

import multiprocessing
import os
import socket
import sys
import tempfile
from multiprocessing import forkserver

context = multiprocessing.get_context("forkserver")
"""Its `Process` is such a process, for a function instead of a script."""

context.set_forkserver_preload(
    [
        "tickstock_dagster_tests.adapters.load_helpers",
        "tickstock_dagster.adapters.events.outbox",
        "tickstock_dagster.adapters.securities.symbol_master",
        "tickstock_dagster.adapters.universes.sync_store",
    ]
)


class Forked:
    """A process that runs a script, with as much of `subprocess.Popen` as tests use; text goes in and out by lines.

    Args:
        code: the script.
        arguments: its `sys.argv` from 1 on.
    """

    def __init__(self, code: str, *arguments: str) -> None:
        self._errors = tempfile.NamedTemporaryFile("r", prefix="forked-", encoding="utf-8")  # noqa: SIM115
        ours, theirs = socket.socketpair()
        self._process = context.Process(target=_run, args=(code, arguments, theirs, self._errors.name), daemon=True)
        self._process.start()
        theirs.close()
        self.stdin, self.stdout = ours.makefile("w", encoding="utf-8"), ours.makefile("r", encoding="utf-8")
        ours.close()  # the last of the two files closes it

    @property
    def returncode(self) -> int | None:
        """As that of `Popen`: negative for a signal, None as long as it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Whether it has ended, and how."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self._process.pid and self.poll() is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it has written, and what went wrong."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"it has not ended after {timeout} s"
        with self.stdin, self.stdout, self._errors:
            return self.stdout.read(), self._errors.read()


def _run(code: str, arguments: tuple[str, ...], connection: socket.socket, errors: str) -> None:
    os.dup2(os.open(errors, os.O_WRONLY), 2)
    sys.argv = ["-c", *arguments]
    sys.stdin, sys.stdout = connection.makefile("r", encoding="utf-8"), connection.makefile("w", encoding="utf-8")
    exec(compile(code, "<a test's script>", "exec"), {"__name__": "__main__"})  # noqa: S102 - the test's own


def stop_forking() -> None:
    """End the process from which others are forked, so that its processor time is counted."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
