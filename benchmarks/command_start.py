"""How fast commands start, beside `import dagster` in the same round: help, status on two stores, and others that read.

    python -m benchmarks.command_start [--rounds N]

Each is a new process, as a person starts it, on compiled bytecode. The stores have 15 × 20 and 505 × 1,260 bars, all
there. Wall time is what people wait for; processor time, the server's included, is what other load hardly changes.
Bounds: status ≤ 1.0 × `import dagster`, help ≤ 0.1 s. Needs about a minute.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping

from rich.table import Table

from benchmarks.measuring import Cost, console, stopwatch
from benchmarks.owed import Store, fill
from benchmarks.servers import Servers, running_servers

DAGSTER = "import dagster"
TICKSTOCK = "import sys; sys.argv[1:] = {!r}; from tickstock_dagster.cli import main; main()"
STORES = (Store(15, 20, 1.0), Store(505, 1_260, 1.0))
STATUS_BOUND, HELP_BOUND = 1.0, 0.1
COMMANDS = (
    ("--help",),
    ("status", "--help"),
    ("status",),
    ("universe", "list"),
    ("calendar", "show", "NYSE", "--from", "2026-11-16", "--to", "2026-11-20"),
    ("events", "status"),
)


def started(servers: Servers, code: str, environment: Mapping[str, str]) -> Cost:
    """The cost of a new process, the server's part of it included."""
    before = os.times()
    with stopwatch(servers.postmaster) as watch:
        subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(watch.cost.wall, watch.cost.cpu + own)


def environment_of(servers: Servers, url: str) -> dict[str, str]:
    """A checkout's whose services are these, on the Saturday after the last session."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("TICKSTOCK_", "MASSIVE_"))}
    plain.pop("PYTHONDONTWRITEBYTECODE", None)
    return plain | {
        "TICKSTOCK_STATE_DIR": str(servers.folder / "state"),
        "TICKSTOCK_DATABASE_URL": url,
        "TICKSTOCK_DAGSTER_STORAGE_URL": servers.addresses.dagster_storage_url,
        "TICKSTOCK_REDIS_URL": servers.addresses.redis_url,
        "TICKSTOCK_NOW": "2026-11-21T12:00:00+00:00",
        "MASSIVE_API_KEY": "none",  # no simulator is started
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="new processes of each (5)")
    rounds = parser.parse_args().rounds
    table = Table("store", "new process", "s", "CPU s", "× import dagster", "CPU ×", title="starting")
    worst, slowest = 0.0, 0.0
    with running_servers() as servers:
        for store in STORES:
            with servers.fresh_database() as url:
                fill(url, store)
                environment = environment_of(servers, url)
                programs = {DAGSTER: DAGSTER} | {
                    f"tickstock {' '.join(command[:2])}": TICKSTOCK.format(list(command)) for command in COMMANDS
                }
                costs: dict[str, list[Cost]] = {name: [] for name in programs}
                for number in range(rounds + 1):  # the first copies the calendars, and compiles
                    order = list(programs.items())
                    for name, code in order if number % 2 else reversed(order):
                        cost = started(servers, code, environment)
                        if number:
                            costs[name].append(cost)
            for name, of in costs.items():
                pairs = list(zip(of, costs[DAGSTER], strict=True))
                wall = statistics.median(one.wall / other.wall for one, other in pairs)
                cpu = statistics.median(one.cpu / other.cpu for one, other in pairs)
                seconds = statistics.median(cost.wall for cost in of)
                spent = statistics.median(cost.cpu for cost in of)
                table.add_row(
                    f"{store.symbols} × {store.sessions:,}", name, f"{seconds:.2f}", f"{spent:.2f}", f"{wall:.2f}",
                    f"{cpu:.2f}",
                )  # fmt: skip
                worst = max(worst, wall) if name == "tickstock status" else worst
                slowest = max(slowest, spent) if name == "tickstock --help" else slowest
    console.print(table)
    met = worst <= STATUS_BOUND and slowest <= HELP_BOUND
    console.print(
        f"`tickstock status`: [bold]{worst:.2f} × import dagster[/], bound {STATUS_BOUND}; `tickstock --help`: "
        f"[bold]{slowest:.2f} s[/] of CPU, bound {HELP_BOUND}: {'met' if met else 'NOT MET'}"
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"medians; {os.cpu_count()} cores, load average at the end {load}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
