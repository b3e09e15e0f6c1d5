"""Which lines and branches of our own modules the tests run: `pytest -p tickstock_dagster_tests.covered -n 2`.

SlipCover puts probes into our modules as they are imported and takes them out where they have been hit. coverage.py,
before Python 3.14, has the interpreter trace every line of every library instead: half of the suite's processor time.

Workers measure and the process that controls them adds up, so that without workers nothing is measured. That process
also compiles our modules, once for all workers: they are ready for probes when a worker imports them. Loaded by name,
since `conftest.py` would be too late: it imports what is to be measured.
"""

import ast
import json
import marshal
import os
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
import slipcover
from slipcover.branch import preinstrument
from slipcover.importer import SlipcoverLoader

SOURCE = Path(__file__).resolve().parent.parent / "tickstock_dagster"

AT_LEAST = 90.0
"""Percent of lines and branches."""

_OUTPUT = "covered"


_COMPILED = "TICKSTOCK_TESTS_COMPILED"
"""The variable that names a worker's file of compiled modules."""


def _compiled(path: Path) -> CodeType:
    """A module with its branches marked."""
    return compile(preinstrument(ast.parse(path.read_bytes())), str(path), "exec")


class _Worker:
    """Measures from now on: everything of ours has yet to be imported."""

    def __init__(self) -> None:
        self._probes = slipcover.Slipcover(branch=True, d_miss_threshold=-1)
        slipcover.ImportManager(self._probes, slipcover.FileMatcher(sources=[SOURCE])).__enter__()
        if compiled := os.environ.pop(_COMPILED, None):
            self._codes: dict[str, CodeType] = marshal.loads(Path(compiled).read_bytes())  # noqa: S302 - our own
            self._load_compiled(SlipcoverLoader.exec_module)

    def _load_compiled(self, otherwise: Any) -> None:
        """Have modules of the file put their probes into what was compiled, and others compile as before."""

        def execute(loader: SlipcoverLoader, module: ModuleType) -> None:
            code = self._codes.pop(str(loader.origin), None)
            if code is None or not isinstance(loader.orig_loader, SourceFileLoader):
                otherwise(loader, module)
                return
            self._probes.register_module(module)
            exec(self._probes.instrument(code), module.__dict__)  # noqa: S102 - an import

        SlipcoverLoader.exec_module = execute

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.workeroutput[_OUTPUT] = json.dumps(self._probes.get_coverage())  # type: ignore[attr-defined]


class _Controller:
    """Adds up what the workers have measured, and fails a run that covers too little."""

    def __init__(self) -> None:
        self._measured: list[dict[str, Any]] = []
        self._total: dict[str, Any] = {}
        self._codes = {str(path): _compiled(path) for path in sorted(SOURCE.rglob("*.py"))}
        with tempfile.NamedTemporaryFile(prefix="covered-", delete=False) as compiled:
            compiled.write(marshal.dumps(self._codes))
        os.environ[_COMPILED] = compiled.name

    def pytest_unconfigure(self) -> None:
        Path(os.environ.pop(_COMPILED)).unlink()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        if _OUTPUT in (output := getattr(node, "workeroutput", {})):
            self._measured.append(json.loads(output[_OUTPUT]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._measured:
            return
        # What no worker has imported counts, too, with not a line run.
        unseen = slipcover.Slipcover(branch=True)
        imported = {str(Path(name).resolve()) for measured in self._measured for name in measured["files"]}
        for name in self._codes.keys() - imported:
            unseen.code_lines[name] = set(slipcover.Slipcover.lines_from_code(self._codes[name]))
            unseen.code_branches[name] = set(slipcover.Slipcover.branches_from_code(self._codes[name]))
        self._total = unseen.get_coverage()
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
