"""The local vendor as a service: runs `python -m tickstock_dagster.simulator`."""

import socket
import sys
from datetime import datetime
from pathlib import Path

import tickstock_dagster
from tickstock_dagster.adapters.services.base import EmbeddedService
from tickstock_dagster.adapters.services.processes import recorded_pid
from tickstock_dagster.adapters.services.state import LOOPBACK, StateDir

MODULE = "tickstock_dagster.simulator"


class Simulator(EmbeddedService):
    """The vendor of a checkout without a vendor key."""

    name = "simulator"
    environment = None  # it is our own program and reads our own environment

    def __init__(self, state: StateDir, plan: str, now: datetime | None = None) -> None:
        """Nothing is started yet.

        Args:
            state: the checkout's.
            plan: the vendor plan whose limits it applies.
            now: the instant at which its clock stands; None: the real clock. It must be the commands' own: a vendor
                with another today would refuse the sessions of a rehearsal in the future, and publish at once what a
                rehearsed evening has to wait for. A simulator with another clock is restarted.
        """
        super().__init__(state)
        self.plan = plan
        self.now = now

    @property
    def marker(self) -> str:
        """Module and port: ports differ between checkouts."""
        return f"-m {MODULE} --port {self.state.port(self.name)} "

    def url(self) -> str | None:
        """`http://…`, None if the server was never started."""
        port = self.state.port(self.name)
        return None if port is None else f"http://{LOOPBACK}:{port}"

    def answers(self) -> bool:
        """Whether GET /health answers ok."""
        port = self.state.port(self.name)
        if port is None:
            return False
        try:
            # A machine with more to do than it can needs seconds for an answer; a server that is gone refuses at once.
            with socket.create_connection((LOOPBACK, port), timeout=5.0) as connection:
                connection.sendall(f"GET /health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
                head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        except OSError:
            return False
        return b" 200 " in head.split(b"\r\n", 1)[0] and b'"ok"' in body

    def is_current(self) -> bool:
        """Whether it serves the wanted plan at the wanted time, with the simulator's code as it is on disk now."""
        if recorded_pid(self.pid_file, self.marker + " ".join(self._options)) is None:
            return False
        started = self.pid_file.stat().st_mtime
        code = Path(tickstock_dagster.__file__).parent / "simulator"
        return all(path.stat().st_mtime <= started for path in code.rglob("*.py"))

    def prepare(self, port: int) -> list[str]:
        """Return the command; the market is drawn from a seed, so there is nothing to store."""
        return [sys.executable, "-m", MODULE, "--port", str(port), *self._options]

    @property
    def _options(self) -> list[str]:
        clock = ["--now", self.now.isoformat()] if self.now else []
        return [*clock, "--plan", self.plan]  # the plan comes last: without a clock it follows the port
