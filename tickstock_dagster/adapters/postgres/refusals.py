"""What PostgreSQL refuses, in words: one table from SQLSTATE to what is wrong and what to do.

All drivers are read alike: psycopg, SQLAlchemy around it, and psycopg 2, which Dagster's storage uses. Only the
state of a server, of its disk, its connections and its locks is here: a wrong statement, or a row that breaks a
constraint, is a mistake of ours and keeps its traceback. Nothing here repeats a URL: it may hold a password.
"""

import re
from typing import NamedTuple

from tickstock_dagster.core.errors import ServiceUnavailableError, shortened


class DatabaseError(ServiceUnavailableError):
    """The database refuses what is in order, for a reason that is its own or its operator's.

    Attributes:
        sqlstate: the five letters; None where the driver has none, as for a connection that was never made.
    """

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class LockTimeoutError(DatabaseError):
    """A lock was not free in time; the message says who holds it, as far as the server shows."""


class Refusal(NamedTuple):
    """What is wrong, as it follows the database's address, and what to do; empty where there is nothing to do."""

    what: str
    advice: str = ""


_LOGIN = Refusal("refuses the login", "check the login and the password in its URL")
_FULL = Refusal("has no connection left", "close other sessions, or raise its max_connections")
_AWAY = Refusal("cannot be used now", "try again in a moment")
_RIGHTS = Refusal("refuses", "run `tickstock migrate` as the database's owner, or give the login its rights")

BY_STATE: dict[str, Refusal] = {
    "08": Refusal("was lost"),
    "25006": Refusal("is read-only", "use the primary server, or end its default_transaction_read_only"),
    "25P03": Refusal("ended a transaction that did nothing for too long", "run it again"),
    "25P04": Refusal("ended a transaction that took too long", "run it again"),
    "28": _LOGIN,
    "3D000": Refusal("cannot be reached", "create it, or correct its URL"),
    "40001": Refusal("undid a transaction that another one overtook", "run it again"),
    "40P01": Refusal("undid one of two transactions that waited for each other", "run it again"),
    "42501": _RIGHTS,
    "53000": Refusal("lacks resources"),
    "53100": Refusal("has no space left on its disk", "free some, and run it again"),
    "53200": Refusal("is out of memory", "end other work on it, or raise what its error names"),
    "53300": _FULL,
    "53400": Refusal("reached a limit of its configuration"),
    "54000": Refusal(
        "reached a limit of its own", "a full queue of NOTIFY is held by a session that listens with a transaction open"
    ),
    "55P03": Refusal("did not give a lock in time", "run it again when the other has ended"),
    "57014": Refusal("ended a statement", "see its statement_timeout, or who cancelled it"),
    "57P01": Refusal("was lost"),
    "57P02": Refusal("was lost"),
    "57P03": _AWAY,
    "57P04": Refusal("was lost"),
    "57P05": Refusal("was lost"),
    "58": Refusal("cannot read or write its files", "see the server's log"),
    "XX001": Refusal("has a damaged table", "see the server's log, and restore a backup"),
    "XX002": Refusal("has a damaged index", "see the server's log, and reindex it"),
}
"""By SQLSTATE, or by its class, the first two letters."""

_BY_TEXT = (
    (r"password authentication failed|no password supplied|no pg_hba\.conf entry|not permitted to log in", _LOGIN),
    (r"too many (connections|clients)|remaining connection slots", _FULL),
    (r'database ".*" does not exist', BY_STATE["3D000"]),
    (r"starting up|shutting down|recovery mode|not accepting connections", _AWAY),
    (r"permission denied (for database|to set role)", _RIGHTS),
)
"""Of connections that were never made: libpq keeps their SQLSTATE to itself."""

_UNREACHABLE = Refusal("cannot be reached")

_PREFIXES = re.compile(
    r"^(connection failed: |connection to server at .*? failed: "
    r"|(FATAL|ERROR|PANIC):\s+)+"
)


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a driver's error, or of the one that SQLAlchemy wraps."""
    of_driver = getattr(error, "orig", None) or error
    found = getattr(of_driver, "sqlstate", None) or getattr(of_driver, "pgcode", None)
    return str(found) if found else None


def refusal_of(error: BaseException) -> Refusal | None:
    """What a driver's error says about the server; None where the statement is to blame."""
    state = sqlstate(error)
    if state is None:
        return None
    return BY_STATE.get(state) or BY_STATE.get(state[:2])


def reason(error: BaseException) -> str:
    """The line of a driver's error that gives the reason, without what libpq and the driver put around it."""
    text = str(getattr(error, "orig", None) or error).strip()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("Is the server running")]
    if not lines:
        return type(error).__name__
    told = lines[0] if sqlstate(error) else lines[-1]
    return _PREFIXES.sub("", told.strip())


def in_words(where: str, error: BaseException, *, made: bool = True, holders: str = "") -> DatabaseError | None:
    """A driver's error as one line for people; None where the statement is to blame.

    Args:
        where: host:port/database.
        error: of any of the drivers.
        made: whether there was a connection.
        holders: who holds the lock that was waited for, where that is known.
    """
    state, why = sqlstate(error), reason(error)
    refusal = refusal_of(error)
    if refusal is None and state is None:
        # Without a connection there is no SQLSTATE; with one, the driver has none where the connection broke.
        known = next((told for pattern, told in _BY_TEXT if re.search(pattern, why)), _UNREACHABLE)
        refusal = BY_STATE["08"] if made else known
    if refusal is None:
        return None
    kind = LockTimeoutError if state == "55P03" else DatabaseError
    advice = f" ({refusal.advice})" if refusal.advice else ""
    held = f"; {holders}" if holders else ""
    return kind(f"database {where} {refusal.what}: {shortened(why)}{held}{advice}", state)
