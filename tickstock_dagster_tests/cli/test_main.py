"""The group itself: quick, complete, and short in its errors."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tickstock_dagster.cli import COMMANDS, cli
from tickstock_dagster_tests.cli.office import Office

HELP = """
import sys
sys.argv = ["tickstock", *sys.argv[1:]]
from tickstock_dagster.cli import main
try:
    main()
finally:
    heavy = {"polars", "pandas", "numpy", "dagster", "sqlalchemy", "psycopg", "redis", "matplotlib", "PIL", "pyarrow",
             "pydantic", "rich", "alembic", "starlette", "uvicorn", "massive"}
    print("loaded:", *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("laod",)], ids=lambda arguments: arguments[0])
def test_the_group_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", HELP, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "loaded:"
    assert "Traceback" not in done.stderr
    if arguments == ("--help",):
        assert done.returncode == 0
        for name, (_, text) in COMMANDS.items():
            assert f"  {name} " in done.stdout
            assert text.split()[0] in done.stdout
    if arguments == ("laod",):
        assert done.returncode == 2
        assert "No such command 'laod'" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_every_option_of_it(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(f"Usage: cli {name} [OPTIONS]")
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.opts} has no help"


def test_an_interrupted_command_says_so_and_fails(office: Office) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    office.monkeypatch.setattr("tickstock_dagster.cli.loading.status.open_workspace", interrupt)
    answer = office.tickstock("status")
    assert (answer.code, answer.error) == (130, "interrupted; run it again to continue")


def test_output_that_is_not_read_is_no_error() -> None:
    script = "import sys; sys.argv[0] = 'tickstock'; from tickstock_dagster.cli import main; main()"
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", script, "events", "catalogue"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/tmp/state/ports.json"),
            "/tmp/state/ports.json: No space le",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere"), "/somewhere: Permission denied"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_machine_refuses_is_one_line(office: Office, error: OSError, line: str) -> None:
    def refuse(*_: object) -> None:
        raise error

    office.monkeypatch.setattr("tickstock_dagster.cli.loading.status.open_workspace", refuse)
    answer = office.tickstock("status")
    assert answer.code == 1
    assert answer.error.startswith(line)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MASSIVE_PLAN", "gold-with-secret"), ("MASSIVE_CALLS_PER_SECOND", "0"), ("TICKSTOCK_AUTOMATION", "maybe")],
)
def test_an_environment_that_is_not_accepted_names_the_variable(office: Office, variable: str, value: str) -> None:
    office.configure(**{variable: value})
    answer = office.tickstock("status")
    assert answer.code == 2
    assert answer.error.startswith(f"the environment is not accepted: {variable}: ")
    assert "with-secret" not in answer.err
