"""Time to load the code location and to start the command line, beside Dagster alone. Prints a table.

    python -m benchmarks.code_location_load [--rounds N]

Each figure is the median over new processes, in seconds of processor time (which a busy machine does not change) and
of wall time. "first" is without compiled bytecode, as in a new installation; the others have it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

DAGSTER = "import dagster"
LOCATION = "from tickstock_dagster.definitions import definitions; definitions().get_repository_def()"
HELP = "import sys; sys.argv[1:] = ['--help']; from tickstock_dagster.cli import main; main()"
BUDGETS = {"the code location": 3.0, "tickstock --help": 0.5}
"""Seconds of wall time that the project allows, on an idle machine."""


def seconds(code: str, environment: Mapping[str, str]) -> tuple[float, float]:
    """Processor time and wall time of one new process."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL, check=True)
    after, elapsed = os.times(), time.perf_counter() - began
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, elapsed


def main() -> int:
    """Measure and print; fails if processor time exceeds a budget: other processes cannot make that longer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    table = Table(title=f"New processes, median of {rounds}", title_justify="left")
    for name in ("", "processor s", "clock s", "of Dagster alone", "budget s"):
        table.add_column(name, justify="left" if not name else "right")
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("TICKSTOCK_", "MASSIVE_"))}
        cached = {**plain, "PYTHONPYCACHEPREFIX": str(Path(folder) / "cache")}
        cached.pop("PYTHONDONTWRITEBYTECODE", None)
        bare = {**plain, "PYTHONPYCACHEPREFIX": str(Path(folder) / "none"), "PYTHONDONTWRITEBYTECODE": "1"}
        cases = {
            "Dagster alone": (DAGSTER, cached),
            "the code location": (LOCATION, cached),
            "tickstock --help": (HELP, cached),
            "Dagster alone, first": (DAGSTER, bare),
            "the code location, first": (LOCATION, bare),
        }
        alone = 0.0
        for name, (code, environment) in cases.items():
            seconds(code, environment)
            measured = [seconds(code, environment) for _ in range(rounds)]
            used, clock = (statistics.median(column) for column in zip(*measured, strict=True))
            alone = used if name.startswith("Dagster") else alone
            budget = BUDGETS.get(name)
            table.add_row(name, f"{used:.2f}", f"{clock:.2f}", f"{used / alone:.1f} ×", f"{budget}" if budget else "")
            if budget and used > budget:
                missed.append(name)
    Console().print(table)
    if missed:
        print(f"over budget: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
