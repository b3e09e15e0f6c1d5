"""Who holds the lock that one of our sessions waits for: seen while it waits, since it cannot be seen afterwards.

One thread per process looks after sessions that have been at work for `LOOK_AFTER` seconds. It connects only to look,
says once for each wait whom it is for, and keeps that for the error that a lock which never comes free ends in.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.turns import turns
from tickstock_dagster.core.errors import shortened

LOOK_AFTER = 5.0
"""Seconds of work after which somebody looks whether it waits; and between two looks."""

Connect = Callable[[], psycopg.Connection[Any]]

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watched:
    """One session at work; `holders` says whom it waited for when it was last looked at, empty if for no one."""

    pid: int
    connect: Connect
    began: float
    holders: str = ""


_watched: set[Watched] = set()
_guard = threading.Lock()
_wake = threading.Event()
_thread: threading.Thread | None = None
_rests = True
"""Whether the thread waits until it is woken: while there is work again and again it looks by itself."""


@contextmanager
def watching(pid: int, connect: Connect) -> Iterator[Watched]:
    """Watch a session while the block runs.

    Args:
        pid: the session's process on the server.
        connect: opens another session on the same database.
    """
    watched = Watched(pid, connect, time.monotonic())
    with _guard:
        if _rests:
            _wake.set()
        _watched.add(watched)
        _start()
    try:
        yield watched
    finally:
        with _guard:
            _watched.discard(watched)


def _start() -> None:
    global _thread  # noqa: PLW0603  # one per process; a fork has none
    if _thread is None or not _thread.is_alive():
        _wake.set()
        _thread = threading.Thread(target=_look_around, name="lock watch", daemon=True)
        _thread.start()


def _look_around() -> None:
    global _rests  # noqa: PLW0603  # as above
    pause: float | None = None
    while True:
        _wake.wait(pause)
        with _guard:
            _wake.clear()
            old = [one for one in _watched if time.monotonic() - one.began >= LOOK_AFTER]
            pause = None if not _watched else LOOK_AFTER if old else min(LOOK_AFTER, 1.0)
            _rests = pause is None
        for connect in {one.connect for one in old}:
            with suppress(Exception):  # a server that cannot be asked is the working session's to report
                _look([one for one in old if one.connect is connect])


def _look(sessions: list[Watched]) -> None:
    values = {"pids": [one.pid for one in sessions], **turns()}
    with sessions[0].connect() as connection:
        rows = connection.execute(statement("postgres/lock_holders"), values).fetchall()
    for session in sessions:
        found = [row[1:] for row in rows if row[0] == session.pid]
        held = " and ".join(dict.fromkeys(_described(*row[1:]) for row in found))
        words = f"{found[0][0]} is held by {held}" if found else ""
        if words and words != session.holders:
            logger.warning("waiting: %s", words)
        session.holders = words


def _described(
    pid: int, user: str | None, application: str | None, since: datetime | None, state: str | None, query: str | None
) -> str:
    """A session in words: process, program, login, since when, state, its last statement."""
    named = ", ".join(filter(None, [application, f"login {user}" if user else None, state]))
    when = f" since {since:%H:%M:%S} UTC" if since else ""
    doing = f": {shortened(' '.join(query.split()), 80)}" if query else ""
    return f"process {pid} ({named}){when}{doing}"
