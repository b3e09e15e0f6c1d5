"""Starting, recognising and ending server processes. Their commands and folders belong to the services' modules."""

import errno
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tickstock_dagster.core.errors import ServiceUnavailableError

LOG_LIMIT = 10_000_000


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    pid_file: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server that outlives this process and its terminal, and shares no descriptor with it.

    Args:
        command: the program and its arguments.
        log: file to append to; moved to `<log>.1` first when it is larger than 10 MB.
        cwd: the server's working directory.
        env: its environment; None: ours.
        pid_file: the child writes its process id here before it becomes the server, so that a kill of this process
            at any moment leaves no unknown server behind.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_name(log.name + ".1"))
    if pid_file:
        command = ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(pid_file), *command]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - what it runs is the services' own
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def release(process: subprocess.Popen[bytes]) -> None:
    """Let go of a server that shall outlive us: `Popen` would warn about a child that was never waited for."""
    if process.poll() is None:
        process.returncode = 0


def recorded_pid(pid_file: Path, marker: str) -> int | None:
    """The process in the first line of `pid_file` if it lives and has `marker` in its command line.

    The marker distinguishes our server from another process that got the same id after a reboot.
    """
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if is_running(pid, marker) else None


def is_running(pid: int, marker: str) -> bool:
    """Whether process `pid` lives and has `marker` in its command line. A zombie has none."""
    try:
        return marker in " ".join(psutil.Process(pid).cmdline())
    except (psutil.Error, ValueError):  # ended, not accessible, or not a process id
        return False


def processes_in(directory: Path) -> list[int]:
    """Living processes whose working directory is `directory`, as far as this user may see them."""
    return [process.pid for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(directory)]


def stop(pid: int, marker: str, first: signal.Signals, timeout: float) -> bool:
    """Stop a process with signal `first`, and after `timeout` seconds with SIGKILL.

    A zombie counts as ended: waiting for its id to be free would wait for its parent, which in a container may never
    collect it.

    Args:
        pid: process id.
        marker: text in its command line; a process without it counts as ended.
        first: the signal to try first.
        timeout: seconds to wait after it.

    Returns:
        Whether signal `first` was enough.

    Raises:
        PermissionError: it belongs to another user.
    """
    number = first
    try:
        process = psutil.Process(pid)
        for number, seconds in ((first, timeout), (signal.SIGKILL, 5.0)):
            process.send_signal(number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not is_running(pid, marker):
                    return number is first
                time.sleep(0.01)
    except psutil.NoSuchProcess:
        return number is first
    except psutil.AccessDenied as error:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM)) from error
    return False


def tail(log: Path, since: int = 0, lines: int = 12) -> str:
    """The last lines of `log` after byte `since`, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - 16_000))
            text = file.read().decode(errors="replace").strip()
    except OSError:
        text = ""
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


def launch_prefix(directory: Path) -> list[str]:
    """What to put before the command of a server that refuses to run as root, and owns `directory`.

    Ordinary users need nothing. Root keeps its files, but enters a user namespace as `nobody`. Where namespaces are not
    allowed, as in many containers, the server runs as the owner of the directory; if that is root, this function gives
    the directory to `nobody`, and the server runs as `nobody`. The server may pass through folders that its user could
    not enter, so that no parent's mode has to change.

    Raises:
        ServiceUnavailableError: this machine allows none of these.
    """
    user = os.geteuid()
    if user != 0 and _has_account(user):
        return []
    owner = directory.stat().st_uid
    nobody = pwd.getpwnam("nobody")
    unshare = ["unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--"]
    if owner == user and _works(unshare):
        return unshare
    runs_as, group = (owner, directory.stat().st_gid) if owner else (nobody.pw_uid, nobody.pw_gid)
    setpriv = ["setpriv", f"--reuid={runs_as}", f"--regid={group}", "--clear-groups"]
    setpriv += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"]
    if user == 0 and _works(setpriv):
        if not owner:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, runs_as, group, follow_symlinks=False)
        return setpriv
    who = "PostgreSQL does not run as root" if user == 0 else f"PostgreSQL does not run as user {user}, who has no name"
    raise ServiceUnavailableError(
        f"{who}, and neither unshare (user namespaces) nor setpriv works here: start as an ordinary user, or set "
        "TICKSTOCK_DATABASE_URL and TICKSTOCK_DAGSTER_STORAGE_URL"
    )


def _has_account(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _works(prefix: list[str]) -> bool:
    if not shutil.which(prefix[0]):
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603
