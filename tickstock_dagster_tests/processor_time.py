"""How much processor time the tests take: the last line of a session, so that nobody has to guess what made it slow."""

import resource
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tickstock_dagster.adapters.services.local import LocalServices

_OUTPUT = "processor_time"


class ProcessorTime:
    """Seconds of processor time by who spent them; adds up those of all workers.

    What a test leaves running without waiting for its end is nobody's, other than the servers of the session.
    """

    def __init__(self) -> None:
        self._servers = 0.0
        self._others = {"tests": 0.0, "what they start": 0.0, "servers": 0.0}

    def note_servers(self, state_dir: Path) -> None:
        """Before they are stopped: what the servers of a state folder have taken, with every session of PostgreSQL."""
        for service in LocalServices(state_dir).services:
            if service.pid is not None:
                self._servers += _of_tree(psutil.Process(service.pid))

    def _own(self) -> dict[str, float]:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "tests": time.process_time(),
            "what they start": ended.ru_utime + ended.ru_stime,
            "servers": self._servers,
        }

    def _total(self, own: dict[str, float]) -> dict[str, float]:
        return {who: seconds + self._others[who] for who, seconds in own.items()}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._others = self._total(getattr(node, "workeroutput", {}).get(_OUTPUT, dict.fromkeys(self._others, 0.0)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_OUTPUT] = self._own()

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        own = self._own()
        if any(self._others.values()):  # then the children of this process are the workers
            own["what they start"] = 0.0
        total = self._total(own)
        parts = ", ".join(f"{who} {_minutes(seconds)}" for who, seconds in total.items())
        terminalreporter.write_line(f"processor time: {_minutes(sum(total.values()))} min ({parts})")


def _of_tree(process: psutil.Process) -> float:
    """Of a process, its children that have ended and those that live; a child may end meanwhile."""
    try:
        alive = sum(_of_tree(child) for child in process.children())
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system) + alive


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
