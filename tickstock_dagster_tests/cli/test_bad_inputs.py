"""Bad input, over the whole tree of commands: exit code 2, one line on stderr, and nothing is changed."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import redis

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.cli.typed import check_typed
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.cli.bad_inputs import (
    BY_HAND,
    EVERYWHERE,
    GOOD,
    NEEDS,
    NOT_OURS,
    VARIABLES,
    Words,
    cases_of,
    commands,
    make_files,
    parameters,
)
from tickstock_dagster_tests.cli.office import Office
from tickstock_dagster_tests.test_settings import EMPTY_IS_UNSET, example

TREE = {" ".join(path): command for path, command in commands()}

QUICK: tuple[Words, ...] = (
    ("load", "--symbols", "AAPL", "--from", "2024-02-30"),
    ("load", "--symbols", "AAPL", "--years", str(10**30)),
    ("load", "--symbols", "AAPL", "--source", "files:bytes.csv"),
    ("plan", "--symbols", "^GSPC"),
    ("status", "--gaps", str(10**30)),
    ("universe", "export", "mine", "no-such-folder/out.csv"),
    ("universe", "import", "mine", "bytes.csv"),
    ("universe", "set", "mine", "--rule", "bytes.json"),
    ("calendar", "override", "NYSE", "2026-12-24", "--closed", "--reason", "a\nb"),
    ("events", "replay", "--from-position", "1", "--to-stream", ""),
    ("events", "tail", "--count", "1", "--timeout", "nan"),
    ("simulator", "--port", "70000"),
)


@pytest.fixture
def desk(office: Office, tmp_path: Path) -> Office:
    """An office with a universe, some events and files; nothing that serves, waits or stops a server is let loose."""

    def loose(*_: object, **__: object) -> None:
        raise AssertionError("a bad input was not refused, and the command went on")

    make_files(tmp_path)
    office.monkeypatch.chdir(tmp_path)
    assert office.tickstock("universe", "set", "mine", "--symbols", "AAPL,MSFT").code == 0
    # What the vendor lists is taken in to find out whether a ticker is unknown: before, so that it is no change later.
    assert office.tickstock("universe", "import", "new_one", "unknown.csv").code == 2
    assert office.tickstock("events", "dispatch").code == 0
    with redis.Redis.from_url(office.redis_url) as client:
        client.set("a string", "not a stream")
    for name in (
        "tickstock_dagster.simulator.server.build_server",
        "tickstock_dagster.adapters.services.local.LocalServices.down",
        "tickstock_dagster.adapters.events.follow.follow",
        "tickstock_dagster.cli.operations.services.write_dotenv",
        "os.execv",
    ):
        office.monkeypatch.setattr(name, loose)
    return office


def everything(office: Office) -> dict[str, Any]:
    """The content of the store, of Redis, of the folder and of Dagster's records."""
    with redis.Redis.from_url(office.redis_url) as client:
        keys = {key: client.dump(key) for key in sorted(client.keys())}
    files = {str(path): path.stat().st_mtime_ns for path in sorted(Path.cwd().rglob("*")) if path.is_file()}
    return {
        "store": fingerprint(open_engine(office.database_url)).sha256,
        "redis": keys,
        "files": files,
        "state": sorted(Path(os.environ["TICKSTOCK_STATE_DIR"]).iterdir()),
        "runs": office.runs(),
    }


def complaints(office: Office, lines: Iterable[Words]) -> list[str]:
    """What is wrong with how command lines are refused, one line each."""
    found = []
    for line in lines:
        try:
            answer = office.tickstock(*line)
        except Exception as error:  # noqa: BLE001  # a traceback is what is looked for
            found.append(f"{line!r}: {type(error).__name__}: {error}"[:300])
            continue
        said = answer.err.splitlines()
        if answer.code != 2 or len(said) != 1 or not said[0].isprintable() or answer.out:
            found.append(f"{line!r}: exit {answer.code}, {answer.out[-100:]!r} {answer.err[-200:]!r}")
    return found


def test_every_value_of_every_command_has_bad_ones_to_try() -> None:
    unknown = [
        f"{one.command} {one.name}"
        for path, command in commands()
        for one in parameters(path, command)
        if one.kind is None or (one.argument and one.required and one.name not in GOOD)
    ]
    assert unknown == [], "say in `bad_inputs.KINDS` what they hold, and in `GOOD` a value of each argument"


def test_every_variable_has_bad_values_to_try() -> None:
    assert VARIABLES.keys() | NOT_OURS.keys() == example().keys()


def test_there_are_more_than_four_hundred_bad_inputs_that_only_one_command_knows_to_be_bad() -> None:
    lines = [line for path, command in commands() for line in cases_of(path, command)]
    everywhere = {*EVERYWHERE, *(f"={value}" for value in EVERYWHERE)}
    special = [line for line in lines if not any(text[text.find("=") :] in everywhere for text in line)]
    assert len({*special, *BY_HAND}) > 400


@pytest.mark.parametrize("value", EVERYWHERE)
def test_an_empty_or_unprintable_value_is_refused_wherever_it_stands(value: str) -> None:
    for line in (("x", value), ("x", "--reason", value), ("x", f"--reason={value}"), ("x", "--yes", "a", value)):
        with pytest.raises(BadInputError) as refused:
            check_typed(line)
        assert str(refused.value).isprintable()
        assert refused.value.field == ("argument" if line[-2] in ("x", "a") and "=" not in line[-1] else "--reason")


def test_names_with_blanks_and_letters_of_any_script_are_no_mistake() -> None:
    check_typed(["load", "--source", "files:Meine Börse 取引.csv", "--reason=geändert – ja", "-"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((b"events", b"replay", b"--to-stream", b""), "--to-stream '' is not accepted"),
        (
            (b"calendar", b"override", b"NYSE", b"2026-12-24", b"--reason=a\xffb"),
            r"'a\udcffb' is not accepted",
        ),
        ((b"load", b"--symbols", "A\u202eB".encode()), r"--symbols 'A\u202eB' is not accepted"),
        ((b"status", b"--gaps", b"ten"), "Invalid value for '--gaps'"),
        ((b"no\nsuch",), r"argument 'no\nsuch' is not accepted"),
    ],
)
def test_the_program_itself_refuses_bytes_that_are_no_text(arguments: tuple[bytes, ...], words: str) -> None:
    program = Path(sys.executable).with_name("tickstock")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


def test_an_error_of_a_file_with_an_odd_name_gives_the_terminal_no_order(office: Office, tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "a\x1b[2J\nb.csv").write_text("ticker,date\n")
    answer = office.tickstock("plan", "--symbols", "AAPL", "--source", f"files:{tmp_path / 'bars'}")
    assert answer.code == 2
    assert answer.err.strip().isprintable()


def test_some_bad_inputs_are_refused_in_one_line_and_change_nothing(desk: Office) -> None:
    before = everything(desk)
    assert "\n".join(complaints(desk, QUICK)) == ""
    assert everything(desk) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", TREE)
def test_every_bad_input_of_a_command_is_refused_in_one_line_and_changes_nothing(desk: Office, name: str) -> None:
    before = everything(desk)
    assert "\n".join(complaints(desk, cases_of(tuple(name.split()), TREE[name]))) == ""
    assert everything(desk) == before


@pytest.mark.slow
def test_contradictions_are_refused_in_one_line_and_change_nothing(desk: Office) -> None:
    before = everything(desk)
    assert "\n".join(complaints(desk, BY_HAND)) == ""
    assert everything(desk) == before


@pytest.mark.slow
def test_every_bad_variable_is_refused_in_one_line_and_changes_nothing(desk: Office) -> None:
    desk.configure(TICKSTOCK_SMTP_HOST="127.0.0.1", TICKSTOCK_MAIL_TO="a@example.com")
    before = everything(desk)
    found = []
    for name, values in VARIABLES.items():
        mail = name.startswith(("TICKSTOCK_SMTP_", "TICKSTOCK_MAIL_"))
        command = ("events", "mail", "--test") if mail else NEEDS.get(name, ("status",))
        everywhere = [value for value in EVERYWHERE if "\x00" not in value]  # no environment can hold one
        for value in dict.fromkeys((*values, *everywhere)):
            if value == "" and (name in EMPTY_IS_UNSET or name.startswith("TICKSTOCK_FILES_")):
                continue
            with desk.monkeypatch.context() as patch:
                patch.setenv(name, value)
                found += [f"{name}={value!r} {text}" for text in complaints(desk, [command])]
    desk.configure()
    assert "\n".join(found) == ""
    assert everything(desk) == before
