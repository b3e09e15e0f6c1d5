"""What the embedded servers have in common: launching, recognising, waiting and stopping."""

import errno
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from tickstock_dagster.adapters.services.processes import recorded_pid, release, spawn, stop, tail
from tickstock_dagster.adapters.services.state import StateDir
from tickstock_dagster.core.errors import ServiceUnavailableError

READY_TIMEOUT = 90.0
"""Seconds for a server to answer; a database that recovers from a crash needs more than one that starts."""

ATTEMPTS = 5
SERVER_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
"""In place of our own environment: PGDATA, PGPORT and the like would change the server's behaviour."""


class EmbeddedService(ABC):
    """One server of a state folder. Hold the folder's lock to call its methods, other than `pid` and `answers`."""

    name: str
    stop_signal = signal.SIGTERM
    environment: Mapping[str, str] | None = SERVER_ENVIRONMENT
    writes_own_pid = False

    def __init__(self, state: StateDir) -> None:
        self.state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self.state.path / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Where the server's process id is."""
        return self.state.path / f"{self.name}.pid"

    @property
    @abstractmethod
    def marker(self) -> str:
        """Text that only the command line of this folder's server contains."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server can be used now; checked over its port, within a second."""

    @abstractmethod
    def prepare(self, port: int) -> list[str]:
        """Create everything that the server needs, and return its command line. Idempotent."""

    def clear_remains(self) -> None:
        """Remove what a killed server left behind and would disturb the next. Called when none runs."""
        self.pid_file.unlink(missing_ok=True)

    def is_current(self) -> bool:
        """Whether the running server is the one that `launch` would start now; else `launch` restarts it."""
        return True

    @property
    def pid(self) -> int | None:
        """The living server's process id."""
        return recorded_pid(self.pid_file, self.marker)

    def is_up(self) -> bool:
        """Whether the server runs, is current and answers."""
        return self.state.port(self.name) is not None and self.pid is not None and self.is_current() and self.answers()

    def launch(self) -> None:
        """Start the server if it does not run. Returns before it is ready."""
        if self.pid is not None:
            if self.state.port(self.name) is not None and self.is_current():
                return
            self.stop()
        self.clear_remains()
        port = self.state.choose_port(self.name)
        command = self.prepare(port)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(
            command,
            log=self.log,
            cwd=self.state.path,
            env=self.environment,
            pid_file=None if self.writes_own_pid else self.pid_file,
        )

    def wait_until_ready(self) -> None:
        """Wait for the server to answer, and launch it again if it dies for a passing reason.

        Such reasons: another program took the port in the meantime; child processes of the last server still run.

        Raises:
            ServiceUnavailableError: it keeps dying or does not answer; with the end of its log.
        """
        deadline = time.monotonic() + READY_TIMEOUT
        attempt = 1
        while not (self.pid is not None and self.answers()):
            if self._has_ended():
                if attempt == ATTEMPTS:
                    raise self._failure("did not start")
                time.sleep(0.1 * 2**attempt)
                attempt += 1
                self.launch()
            if time.monotonic() > deadline:
                raise self._failure(f"does not answer after {READY_TIMEOUT:.0f} s")
            time.sleep(0.01)

    def let_go(self) -> None:
        """Forget the launched process: it outlives us, and from now on only its pid file identifies it."""
        if self._process:
            deadline = time.monotonic() + 1.0
            while self.pid is None and self._process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            release(self._process)
            self._process = None

    def stop(self, timeout: float = 60.0) -> bool:
        """Stop the server, and the remains of one that was killed. True if it ran."""
        pid = self.pid
        if pid is not None:
            stop(pid, self.marker, self.stop_signal, timeout)
            if self.pid is not None:
                raise self._failure(f"(process {pid}) does not stop")
        self.clear_remains()
        return pid is not None

    def _has_ended(self) -> bool:
        return (self._process is None or self._process.poll() is not None) and self.pid is None

    def _failure(self, what: str) -> ServiceUnavailableError:
        log = tail(self.log, self._log_start)
        if (full := os.strerror(errno.ENOSPC)) in log:
            return ServiceUnavailableError(f"the embedded {self.name} {what}: {self.state.path}: {full}")
        return ServiceUnavailableError(f"the embedded {self.name} {what}; the end of {self.log}:\n{log}")
