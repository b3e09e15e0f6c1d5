"""What commands load: nothing that they do not use. No second of a clock is measured: only which modules are there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from tickstock_dagster.cli import cli
from tickstock_dagster_tests.cli.office import Office

NEVER = {
    "pandas", "pyarrow", "adbc_driver_manager", "alembic", "matplotlib", "PIL", "scipy", "dagster", "dagster_postgres",
    "pandas_market_calendars", "exchange_calendars",
}  # fmt: skip
"""What no command needs that runs nothing in Dagster: each takes from a tenth of a second to a second."""

WRITING = {
    "tickstock_dagster.core.events.data", "tickstock_dagster.adapters.events.outbox", "redis", "massive", "starlette",
    "tickstock_dagster.core.securities.etf_classification", "tickstock_dagster.core.securities.equity_types",
}  # fmt: skip
"""What `status` has no use for: events, servers, the vendor, the rules of securities."""

RUN_AGAIN = {
    "massive", "starlette", "grpc", "pandas", "pyarrow", "adbc_driver_manager", "matplotlib", "scipy",
    "pandas_market_calendars", "exchange_calendars", "tickstock_dagster.simulator.server",
}  # fmt: skip
"""What a run has no use for that finds everything stored: the vendor's client, servers, and heavy libraries."""

READING = (
    ("status",),
    ("status", "--json"),
    ("status", "--by", "universe"),
    ("calendar", "show", "NYSE", "--from", "2026-11-20", "--to", "2026-11-27"),
    ("universe", "list"),
    ("events", "status"),
)
"""Commands that read, each of them as people type it: the status, which loads least, before the others."""

RUN = """
import json, sys
from tickstock_dagster.cli import cli
loaded = []
for arguments in json.loads(sys.argv[1]):
    before = set(sys.modules)
    try:
        cli(arguments, standalone_mode=False)
    except SystemExit:
        pass
    loaded.append(sorted(set(sys.modules) - before))
print(json.dumps(loaded), file=sys.stderr)
"""


def loaded_by(*commands: tuple[str, ...]) -> list[set[str]]:
    """The modules that each command loads, of those that the ones before it have not loaded, in one new process."""
    command = [sys.executable, "-W", "ignore", "-c", RUN, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return [set(modules) for modules in json.loads(done.stderr.splitlines()[-1])]


def tree(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command of the command line, as it is typed."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from tree(command, *path, name)


def test_no_help_loads_what_only_the_work_needs() -> None:
    commands = list(tree(cli))
    assert ("universe", "list") in commands
    found = {
        " ".join(command): sorted(NEVER & modules)
        for command, modules in zip(commands, loaded_by(*((*path, "--help") for path in commands)), strict=True)
    }
    assert {name: heavy for name, heavy in found.items() if heavy} == {}


def test_a_command_that_reads_loads_nothing_that_writes(office: Office) -> None:
    assert office.tickstock("status").code == 0, "the first command of a store may bring it up to date"
    found = dict(zip(READING, loaded_by(*READING), strict=True))
    assert {name: NEVER & modules for name, modules in found.items() if NEVER & modules} == {}
    reading = {name: WRITING & modules for name, modules in found.items() if name[0] == "status"}
    assert {name: modules for name, modules in reading.items() if modules} == {}


@pytest.mark.slow
def test_a_run_with_nothing_to_do_loads_nothing_that_asks_the_vendor(office: Office) -> None:
    assert office.tickstock("run", "--profile", "ui_testing_lite").code == 0
    [modules] = loaded_by(("run", "--profile", "ui_testing_lite"))
    assert "dagster_postgres" in modules, "it is a run of Dagster's all the same"
    assert RUN_AGAIN & modules == set()
