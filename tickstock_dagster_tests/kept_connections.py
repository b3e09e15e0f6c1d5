"""Sessions in which tests look at a database and change it behind our code's back, kept until the test's end.

A session for every statement costs 5 to 8 ms, several times what the statement costs: a thousand tests have thousands.
"""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

Values = Mapping[str, Any] | Sequence[Any] | None

_OPTIONS = "-c timezone=UTC"
_ALONE = re.compile(
    r"advisory_lock|^\s*SET\b|\b(set_config|LISTEN|TEMP(ORARY)?|PREPARE|BEGIN|ANALYZE|VACUUM)\b"
    r"|ALTER (DATABASE|ROLE)",
    re.IGNORECASE,
)
"""What changes its session or all later ones, has a transaction in it, or counts what ended sessions have changed: that
is run in a session of its own, and what comes then in a new one."""

_kept: dict[tuple[str, int, int], psycopg.Connection[Any]] = {}


def kept(database_url: str) -> psycopg.Connection[Any]:
    """The session of this thread, with the login's own rights and every statement a transaction; times are in UTC."""
    key = (database_url, os.getpid(), threading.get_ident())
    if key not in _kept or _kept[key].closed:
        _kept[key] = psycopg.connect(database_url, autocommit=True, options=_OPTIONS)
        _kept[key].prepare_threshold = None  # a plan would not survive a change of the schema
    return _kept[key]


def run(database_url: str, text: str, values: Values = None) -> list[tuple[Any, ...]]:
    """What a statement returns; nothing for a statement without rows.

    Where the server has ended the session since its last statement, the statement gets a new one.
    """
    if _ALONE.search(text):
        _end(database_url)
        with psycopg.connect(database_url, autocommit=True, options=_OPTIONS) as alone:
            return _run(alone, text, values)
    connection = kept(database_url)
    try:
        return _run(connection, text, values)
    except psycopg.OperationalError:
        if not connection.closed:
            raise
    return _run(kept(database_url), text, values)


def _end(database_url: str) -> None:
    connection = _kept.pop((database_url, os.getpid(), threading.get_ident()), None)
    if connection is not None:
        connection.close()


def _run(connection: psycopg.Connection[Any], text: str, values: Values) -> list[tuple[Any, ...]]:
    cursor = connection.execute(text.encode(), values)
    return cursor.fetchall() if cursor.description else []


def close_kept() -> None:
    """End all sessions of this process."""
    while _kept:
        (_, process, _), connection = _kept.popitem()
        if process == os.getpid():  # a fork must not end its parent's
            connection.close()
