"""The launcher's side of the warm process: starting it, and asking it for workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import psutil

from tickstock_dagster.launching.code_stamp import code_stamp

PROGRAM = "tickstock_dagster.launching.parent"
START_SECONDS = 60.0
"""Within which a forked worker must have reached Dagster's storage; then its run starts the ordinary way."""


class NotWarmError(Exception):
    """No worker can come from the warm process; the run has not started."""


@dataclass(frozen=True)
class WorkerId:
    """Which process executes a run. Stored as a tag of the run, so that every process of the machine finds it.

    Attributes:
        host: name of the machine.
        pid: process id.
        token: of the warm process, whose command line a fork shares; tells it from a later process of that id.
    """

    host: str
    pid: int
    token: str

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """The worker that a tag names; None where it names none."""
        try:
            return cls(**json.loads(text)) if text else None
        except (ValueError, TypeError):
            return None

    def __str__(self) -> str:
        return json.dumps(self.__dict__)

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, on this machine."""
        return self.host == socket.gethostname()

    def process(self) -> psutil.Process | None:
        """The living process; None where it has ended."""
        try:
            process = psutil.Process(self.pid)
            return process if self.is_here and self.token in process.cmdline() else None
        except psutil.Error:
            return None


class WarmProcess:
    """A started warm process. It ends by itself after `close`, or with this process."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.token = uuid.uuid4().hex
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", PROGRAM, self.token, module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._control.setblocking(False)
        self._said = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """Ask for no further worker: it ends after its last one."""
        self._control.close()

    def trouble(self) -> str:
        """Why it can start no worker, in words; empty where it can."""
        if self._process.poll() is not None:
            return "the warm process has ended"
        try:
            self._said += self._control.recv(1_000)
        except BlockingIOError:
            pass
        except OSError:
            return "the warm process has ended"
        if not self._said.endswith(b"\n"):
            return "the warm process is still loading"
        return "" if self.is_current else "code has changed since the warm process loaded it"

    @property
    def is_current(self) -> bool:
        """Whether it has loaded what is on disk; True while it is loading."""
        return not self._said.endswith(b"\n") or self._said.split()[-1].decode() == code_stamp(self.module)

    @property
    def has_ended(self) -> bool:
        """Whether it has, by whatever cause."""
        return self._process.poll() is not None

    def start_worker(self, job: str, arguments: str, tell: Callable[[WorkerId], None]) -> str:
        """Start a run in a fork.

        Args:
            job: Dagster's serialized `JobPythonOrigin`.
            arguments: Dagster's serialized `ExecuteExternalJobArgs`.
            tell: stores which process it is; the run starts afterwards.

        Returns:
            Dagster's serialized error, where the run could not start for a reason of its own; else empty.

        Raises:
            NotWarmError: the worker ended, or did nothing in time and was killed; the run has not started.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(START_SECONDS)
        pid = 0
        with ours:
            try:
                with theirs:
                    socket.send_fds(self._control, [b"r"], [theirs.fileno()])
                ours.sendall(json.dumps({"job": job, "arguments": arguments}).encode() + b"\n")
                with ours.makefile("rb") as lines:
                    pid = int(_words(lines.readline(), "pid"))
                    tell(WorkerId(socket.gethostname(), pid, self.token))
                    ours.sendall(b"g")
                    answer = lines.readline()
            except OSError as error:
                self._kill(pid, ours)
                raise NotWarmError(f"its worker did not start: {error}") from error
        if answer == b"started\n":
            return ""
        return _words(answer, "error")

    def _kill(self, pid: int, link: socket.socket) -> None:
        """End a worker that may not have started, and see that it has; without an id, the whole warm process."""
        try:
            os.kill(pid or self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        try:
            while link.recv(1_000):
                pass
        except OSError:
            pass


def _words(line: bytes, first: str) -> str:
    """What follows the first word of an answer."""
    word, _, rest = line.decode().rstrip("\n").partition(" ")
    if word != first:
        raise NotWarmError("its worker ended before the run started" if not line else f"its worker said {word!r}")
    return rest
