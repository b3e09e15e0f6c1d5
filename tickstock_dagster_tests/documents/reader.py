"""Somebody who types what a document says, in a copy of the checkout, with servers, a vendor and a mail server at hand.

A command of `tickstock` is run within this process, as its entry point does, since a process of its own costs a second;
everything else, and what pipes, redirects or writes beside the code, by a shell of its own. What stays until somebody
ends it is started, watched until it says that it is there, and interrupted.

Longer than 250 lines because each kind of thing to type has its few lines here, and they share one desk.
"""

import configparser
import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import uvicorn
import yaml

from tickstock_dagster.settings import PROJECT_ROOT
from tickstock_dagster.simulator import server
from tickstock_dagster.simulator.options import SimulatorOptions
from tickstock_dagster_tests.cli.office import Office
from tickstock_dagster_tests.documents.naming import is_typable, is_whole
from tickstock_dagster_tests.documents.reading import Step
from tickstock_dagster_tests.test_documents import tracked

LOOKED_AT = {
    "docker": "needs an engine: `make test-docker` starts and uses the stack, tickstock_dagster_tests/containers",
    "docker-compose": "the same",
    "stack": "the same, by the alias that docs/containers.md makes",
    "alias": "an alias for a shell that a person types into",
    "git": "changes a checkout, and needs the one from which it came",
    "pre-commit": "changes a checkout's hooks; `make lint` is what it runs",
    ".ci/run": "runs these tests; it consists of `make test` and `make lint`",
    "python -m benchmarks.calendar_lookups": "measures the machine against bounds that a busy one misses: `make bench`",
    "python -m benchmarks adjusted_prices": "the same, and beside Zipline in an environment of its own",
    "python -m benchmarks ingest": "the same",
    "python -m benchmarks quality_rules": "the same",
    "psql": "needs an administrator; tickstock_dagster_tests/adapters/postgres/test_guards.py runs the statements",
    "pytest": "runs tests; that its folders and files are there is tested with the names",
}
"""Beginning of a command that is not run → why. That it names what is there is tested all the same."""

MADE = {"run", "help", ""}
"""Targets of make that are run; of the others, which test, measure, install or delete, `make -n` shows what they do."""

STAYS = {
    "tickstock events tail": r"^\d{4}-\d\d-\d\dT",
    "tickstock events dispatch --follow": "following the outbox",
    "python -m tickstock_dagster.simulator": "simulator: http://",
    "tickstock dev": "Serving dagster-webserver on http",
    "make dev": "Serving dagster-webserver on http",
    "dagster dev": "Serving dagster-webserver on http",
}
"""Beginning of a command that stays → what it says when it is there."""

APART = ("services", "dev")
"""Commands that write beside the code: typed in a copy, they have to be that copy's own."""

PORT = 8089
"""Of a simulator. It may be taken on the machine of the tests: a free one stands for it in what calls it."""

UI_PORT = {"tickstock dev": " --port {}", "make dev": ' ARGS="--port {}"', "dagster dev": " --port {}"}
"""What a command gets behind it so that its UI has a free port, too."""

SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a step ended: exit code, and all that it said."""

    code: int
    said: str


@dataclass
class Reader:
    """One person with one document.

    Attributes:
        office: servers, vendor, and the command line in this process.
        folder: the copy of the checkout, where everything is typed.
        environment: of the shell; grows by what is exported.
        names: what Python snippets have defined.
    """

    office: Office
    folder: Path
    environment: dict[str, str]
    names: dict[str, Any] = field(default_factory=dict)
    port: int = PORT
    _serving: list[tuple[uvicorn.Server, Thread]] = field(default_factory=list)
    _typed: set[str] = field(default_factory=set)

    def do(self, step: Step) -> Done | None:
        """Take a step. None: it is a mention, or stands in `LOOKED_AT`.

        Raises:
            AssertionError: a command is typed that no shell finds, or stays silent for long.
        """
        if step.kind != "command":
            return self._block(step)
        if step.reason or self._is_mention(step):
            return None
        self._typed.add(step.text)
        for beginning, ready in STAYS.items():
            if _begins(step.text, beginning):
                return self._stay(step.text, ready)
        words = _words(step.text)
        if words[0] == "make":
            return self._make(words)
        if words[0] == "export":
            return self._export(step.text)
        if _is_ours(words[0]) and not _needs_a_shell(step.text) and words[1:2] not in ([one] for one in APART):
            return self._tickstock(words)
        return self._shell(step.text)

    def _is_mention(self, step: Step) -> bool:
        if step.inline and not is_typable(step.text):
            return True
        assert is_typable(step.text), "nobody can type this: a block has what a reader types, as it is"
        first = _words(step.text)[0]
        if any(_begins(step.text, beginning) for beginning in LOOKED_AT):
            return True
        if not step.inline:
            return False
        if step.text in self._typed:
            return True
        return _is_ours(first) and not _needs_a_shell(step.text) and not is_whole(step.text)

    def _block(self, step: Step) -> Done:
        if step.kind == "file":
            path = self.folder / step.language
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
        elif step.kind == "python":
            code = compile(step.text, f"{step.document}:{step.line}", "exec")
            exec(code, self.names)  # noqa: S102 - what the document says
        elif step.kind == "sql":
            with psycopg.connect(self.office.database_url) as connection:
                connection.execute("SET ROLE tickstock_app")
                for statement in step.text.split(";\n"):
                    connection.execute(statement)  # type: ignore[call-overload]
        else:
            _parse(step.language, step.text)
        return Done(0, "")

    def _tickstock(self, words: list[str]) -> Done:
        assert shutil.which(words[0], path=self.environment["PATH"]) or (self.folder / words[0]).is_file(), (
            f"the shell finds no {words[0]}: nothing above says where it is"
        )
        self.office.monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 5))
        answer = self.office.tickstock(*words[1:])
        return Done(answer.code, answer.out + answer.err)

    def _make(self, words: list[str]) -> Done:
        target = next((word for word in words[1:] if "=" not in word), "")
        return self._shell(shlex.join(words if target in MADE else ["make", "-n", *words[1:]]))

    def _export(self, line: str) -> Done:
        done = self._shell(f"{line}\nenv -0")
        self.environment.update(pair.split("=", 1) for pair in done.said.split("\0") if "=" in pair)
        return Done(done.code, "")

    def _shell(self, line: str) -> Done:
        done = subprocess.run(
            ["bash", "-c", self._reachable(line)], cwd=self.folder, env=self._environment(), text=True, timeout=SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def _stay(self, line: str, ready: str) -> Done:
        log = self.folder / "said.txt"
        with log.open("wb") as said:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._reachable(line)}"], cwd=self.folder, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + SECONDS
        try:
            while not re.search(ready, log.read_text(), re.MULTILINE) and process.poll() is None:
                assert time.monotonic() < deadline, f"silent for {SECONDS:.0f} s: {log.read_text()}"
                time.sleep(0.02)
            there, is_ui = process.poll() is None, any(_begins(line, one) for one in UI_PORT)
            code = _interrupt(process, patience=SECONDS if is_ui else 15.0)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if there and is_ui:
            return Done(0, "")  # how Dagster ends is its own affair
        return Done(0 if code in {-signal.SIGINT, 128 + signal.SIGINT} else code, log.read_text())

    def _environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if name.startswith(("TICKSTOCK_", "MASSIVE_"))}
        return {**self.environment, **given, "TICKSTOCK_STATE_DIR": str(self.folder / ".tickstock")}

    def _reachable(self, line: str) -> str:
        line += next((UI_PORT[one].format(free_port()) for one in UI_PORT if _begins(line, one)), "")
        return re.sub(rf"(127\.0\.0\.1|localhost):{PORT}\b", rf"\1:{self.port}", line)

    def serve(self, options: SimulatorOptions) -> None:
        """Stands for `simulator.server.serve`: the same in a thread and on a free port, until the next one begins."""
        self.close()
        vendor = server.build_vendor(options)
        listener = server.listening_socket(options.host, 0)
        running = server.build_server(vendor)
        thread = Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + SECONDS
        while not running.started:
            assert thread.is_alive(), "the simulator does not start"
            assert time.monotonic() < deadline, "the simulator is silent"
            time.sleep(0.005)
        self._serving.append((running, thread))
        self.port = listener.getsockname()[1]
        print(f"simulator: http://{options.host}:{options.port} plan {options.plan}", flush=True)

    def close(self) -> None:
        """End the simulator that runs, if one does."""
        while self._serving:
            running, thread = self._serving.pop()
            running.should_exit = True
            thread.join(SECONDS)


def checkout_copy(folder: Path, files: Collection[str]) -> None:
    """Files of the repository with their times, so that nothing is compiled or installed again, and `.venv`."""
    for parent in {(folder / name).parent for name in files}:
        parent.mkdir(parents=True, exist_ok=True)
    for name in files:
        shutil.copy2(PROJECT_ROOT / name, folder / name)
    for name in {str(Path(name).parent) for name in files if name.startswith("tickstock_dagster/")}:
        _link_bytecode(PROJECT_ROOT / name / "__pycache__", folder / name / "__pycache__")
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("."):
            (folder / ".venv" / path.name).symlink_to(path)
    newest = max((folder / name).stat().st_mtime for name in files)
    for stamp in (".uv", ".runtime", ".dev", ".bench"):  # what is here is what `make` would install, on any faked day
        (folder / ".venv" / stamp).touch()
        os.utime(folder / ".venv" / stamp, (newest, newest))


def _link_bytecode(compiled: Path, folder: Path) -> None:
    """Python never writes into a file of bytecode, but puts a new one in its place: links are as good as copies."""
    if not compiled.is_dir():
        return
    folder.mkdir()
    for path in compiled.glob("*.pyc"):
        try:
            os.link(path, folder / path.name)
        except FileNotFoundError:  # another worker has just compiled it again
            continue
        except OSError:  # another file system
            shutil.copy2(path, folder / path.name)


@contextmanager
def at_a_desk(
    office: Office,
    folder: Path,
    extra: Mapping[str, str],
    *,
    has_read_the_readme: bool,
    files: Collection[str] | None = None,
) -> Iterator[Reader]:
    """A reader in a fresh copy of the checkout.

    Args:
        office: with nothing loaded.
        folder: an empty one.
        extra: further variables of the environment.
        has_read_the_readme: what it says about PATH is done.
        files: those of the copy; all unless given.
    """
    checkout_copy(folder, tracked() if files is None else files)
    (folder / ".curlrc").write_text("fail-with-body\nsilent\n")  # a refusal has to end with a code
    path = os.environ["PATH"].replace(f"{PROJECT_ROOT}/.venv/bin:", "")
    environment = {
        "PATH": f"{folder}/.venv/bin:{path}" if has_read_the_readme else path,
        "HOME": str(folder), "CURL_HOME": str(folder), "PYTHONPATH": str(folder), "LANG": "C.UTF-8", **extra,
    }  # fmt: skip
    office.configure(**extra)
    reader = Reader(office, folder, environment)
    office.monkeypatch.chdir(folder)
    office.monkeypatch.setattr(server, "serve", reader.serve)
    try:
        yield reader
    finally:
        reader.close()


def _interrupt(process: subprocess.Popen[bytes], *, patience: float) -> int:
    """What a terminal does at Ctrl-C, and a person again where Python lost it (in a callback, while it imports)."""
    for _ in range(5):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(patience)
    raise AssertionError("it does not end when it is interrupted")


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _plain(text: str) -> str:
    return text.replace(".venv/bin/", "")


def _begins(text: str, beginning: str) -> bool:
    plain = _plain(text)
    return plain == beginning or plain.startswith(f"{beginning} ")


def _is_ours(word: str) -> bool:
    return _plain(word) == "tickstock"


def _words(text: str) -> list[str]:
    return shlex.split(text, comments=True)


def _needs_a_shell(text: str) -> bool:
    """Whether there is more in a line than one command with its arguments."""
    lexer = shlex.shlex(text, posix=False, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    return (
        any(re.fullmatch(r"[();<>|&]+", word) for word in words)
        or bool(re.search(r"[$*~`&|;<>]", quoted))
        or "=" in words[0]
    )


def _parse(language: str, text: str) -> None:
    if language == "json":
        json.loads(text)
    elif language == "yaml":
        yaml.safe_load(text)
    elif language == "ini":
        configparser.ConfigParser(strict=False).read_string(text)
    else:
        header, *rows = csv.reader(io.StringIO(text))
        assert all(len(row) == len(header) for row in rows), "rows of different lengths"
