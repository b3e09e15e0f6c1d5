"""The state folder of one checkout: its lock, its ports, its passwords.

A server's own files in the folder belong to that server's module.
"""

import fcntl
import json
import os
import secrets
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tickstock_dagster.core.errors import ServiceUnavailableError

LOOPBACK = "127.0.0.1"
PORTS_FILE = "ports.json"
PASSWORDS_FILE = "passwords.json"
FIRST_PORT, LAST_PORT = 20_000, 29_999
"""Below the ephemeral ports of Linux (32768) and macOS (49152), so that no outgoing connection takes one."""


class StateDir:
    """The folder `path`, with files that only their owner can read. Nothing is created before it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()

    @contextmanager
    def lock(self, timeout: float = 120.0) -> Iterator[None]:
        """Lock the folder against other starters. The kernel releases the lock when this process dies, in any way.

        Args:
            timeout: seconds to wait for the other starter.

        Raises:
            ServiceUnavailableError: another process kept the lock all that time, or the folder cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Python marks descriptors close-on-exec: a server that is started under the lock does not inherit it.
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServiceUnavailableError(
                f"the state folder {self.path} cannot be used ({error.strerror}): "
                "set TICKSTOCK_STATE_DIR to a folder of your own"
            ) from error
        try:
            deadline = time.monotonic() + timeout
            while not _try_lock(descriptor):
                if time.monotonic() > deadline:
                    raise ServiceUnavailableError(
                        f"another process has been starting or stopping the services of {self.path} for {timeout:.0f} s"
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def port(self, service: str) -> int | None:
        """The port that `service` had at its last start, None if it was never started."""
        return self._ports().get(service)

    def choose_port(self, service: str) -> int:
        """The port of the last start, or another free one if that is taken now; stored in the folder.

        A first port derives from the folder's path: it stays the same when the folder is deleted and recreated.
        """
        ports = self._ports()
        last = ports.get(service)
        if last is not None and _becomes_free(last):
            return last
        count = LAST_PORT - FIRST_PORT + 1
        start = zlib.crc32(f"{self.path}:{service}".encode()) % count
        derived = (FIRST_PORT + (start + step) % count for step in range(count))
        taken = {port for name, port in ports.items() if name != service}
        for port in derived:
            if port not in taken and port_is_free(port):
                self.write_private(PORTS_FILE, json.dumps({**ports, service: port}, indent=1) + "\n")
                return port
        raise ServiceUnavailableError(f"no free port for {service} between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK}")

    def password(self, login: str) -> str | None:
        """The generated password of `login`, None if none was generated yet."""
        return self._passwords().get(login)

    def generate_password(self, login: str) -> str:
        """The password of `login`, generated at the first call: 32 hexadecimal digits, safe in URLs and in SASLprep."""
        passwords = self._passwords()
        if login not in passwords:
            passwords[login] = secrets.token_hex(16)
            self.write_private(PASSWORDS_FILE, json.dumps(passwords, indent=1) + "\n")
        return passwords[login]

    def write_private(self, name: str, text: str) -> None:
        """Replace the file `name` atomically, mode 0600: a reader sees the old text or the new one, never a part."""
        write_private(self.path / name, text)

    def _ports(self) -> dict[str, int]:
        advice = "delete it, and the servers get other ports"
        found = self._read(PORTS_FILE, advice)
        ports = {name: port for name, port in found.items() if type(port) is int and 0 < port < 65536}
        if ports != found:
            raise self._damaged(PORTS_FILE, f"{_odd(found, ports)} is not a port", advice)
        return ports

    def _passwords(self) -> dict[str, str]:
        found = self._read(PASSWORDS_FILE, _PASSWORDS_ADVICE)
        passwords = {login: word for login, word in found.items() if isinstance(word, str) and word}
        if passwords != found:
            raise self._damaged(PASSWORDS_FILE, f"{_odd(found, passwords)} is not a password", _PASSWORDS_ADVICE)
        return passwords

    def _read(self, name: str, advice: str) -> dict[str, Any]:
        """A JSON object from a file; empty where there is none.

        Raises:
            ServiceUnavailableError: it cannot be read, or is something else; says so without repeating what it holds.
        """
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._damaged(name, f"it cannot be read: {error.strerror}", advice) from None
        except UnicodeDecodeError:
            raise self._damaged(name, "it is not UTF-8", advice) from None
        except (ValueError, RecursionError):
            raise self._damaged(name, "it is no JSON", advice) from None
        if not isinstance(content, dict):
            raise self._damaged(name, "it is no JSON object", advice)
        return content

    def _damaged(self, name: str, why: str, advice: str) -> ServiceUnavailableError:
        return ServiceUnavailableError(f"{self.path / name} is damaged ({why}): {advice}")


_PASSWORDS_ADVICE = (
    "restore it (.env may hold the passwords as well), or delete the folder and begin with empty databases"
)


def _odd(found: dict[str, Any], good: dict[str, Any]) -> str:
    """The name of the first value that is not good."""
    return f"the value of {next(name for name in found if name not in good)!r}"


def write_private(path: Path, text: str) -> None:
    """Replace the file at `path` atomically, mode 0600. A file that root writes goes to the folder's owner."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(temporary, folder.st_uid, folder.st_gid)
    temporary.replace(path)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of a server that has just stopped, still in TIME_WAIT, does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _becomes_free(port: int, seconds: float = 1.0) -> bool:
    """Whether `port` is free within `seconds`: a killed process ends a moment before its sockets close."""
    deadline = time.monotonic() + seconds
    while not port_is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
