"""Which lines and branches of our own modules the tests run: `pytest -p tickstock_dagster_tests.covered -n 2`.

SlipCover puts probes into our modules as they are imported and takes them out where they have been hit. coverage.py,
before Python 3.14, has the interpreter trace every line of every library instead: half of the suite's processor time.

Workers measure and the process that controls them adds up, so that without workers nothing is measured. Loaded by name,
since `conftest.py` would be too late: it imports what is to be measured.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import slipcover

SOURCE = Path(__file__).resolve().parent.parent / "tickstock_dagster"

AT_LEAST = 90.0
"""Percent of lines and branches."""

_OUTPUT = "covered"


class _Worker:
    """Measures from now on: everything of ours has yet to be imported."""

    def __init__(self) -> None:
        self._probes = slipcover.Slipcover(branch=True, d_miss_threshold=-1)
        slipcover.ImportManager(self._probes, slipcover.FileMatcher(sources=[SOURCE])).__enter__()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.workeroutput[_OUTPUT] = json.dumps(self._probes.get_coverage())  # type: ignore[attr-defined]


class _Controller:
    """Adds up what the workers have measured, and fails a run that covers too little."""

    def __init__(self) -> None:
        self._measured: list[dict[str, Any]] = []
        self._total: dict[str, Any] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        if _OUTPUT in (output := getattr(node, "workeroutput", {})):
            self._measured.append(json.loads(output[_OUTPUT]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._measured:
            return
        # Nothing of ours was imported with probes here: all of it, with not a line run.
        self._total = slipcover.Slipcover(branch=True, source=[str(SOURCE)]).get_coverage()
        for measured in self._measured:
            slipcover.merge_coverage(self._total, measured)
        if self._percent() < AT_LEAST and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._total:
            return
        terminalreporter.section("coverage of lines and branches")
        slipcover.print_coverage(self._total, outfile=terminalreporter, skip_covered=True, missing_width=60)
        verdict = "reached" if self._percent() >= AT_LEAST else "NOT REACHED"
        terminalreporter.write_line(f"\n{AT_LEAST:.0f} % {verdict}: {self._percent():.2f} %")

    def _percent(self) -> float:
        return float(self._total["summary"]["percent_covered"])


_OURS = _Worker() if "PYTEST_XDIST_WORKER" in os.environ else _Controller()


def pytest_configure(config: pytest.Config) -> None:
    """Have the part of this process called."""
    config.pluginmanager.register(_OURS, "tickstock-covered")
