"""How long sessions wait for locks, work on a statement, and may sit in a transaction.

Set when a connection opens; what the server or the database says otherwise does not reach the factory. Sessions of
others, TickStockApp's among them, get theirs from the database (`sql/statements/postgres/guards_close.sql`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; 0 is without end.

    Attributes:
        lock: for a row, a table or a turn, before the statement fails and says who holds it.
        statement: for one statement.
        idle: for a transaction in which nothing happens.
    """

    lock: float
    statement: float
    idle: float

    def options(self) -> str:
        """The same as options of libpq."""
        return (
            f"-c lock_timeout={self.lock}s -c statement_timeout={self.statement}s "
            f"-c idle_in_transaction_session_timeout={self.idle}s"
        )


AT_WORK = Timeouts(lock=300, statement=1800, idle=1800)
"""Loads write batches of seconds, so that five minutes are many turns of others; half an hour is no statement of ours.
A plan for a plan of few calls may sit in its rehearsal for minutes."""

AS_OWNER = Timeouts(lock=60, statement=0, idle=1800)
"""Migrations rewrite tables for as long as it takes, but whoever reads waits behind one that waits for a lock."""

UNLIMITED = "SET statement_timeout = 0"
"""For statements that may take as long as they need: VACUUM, removing what has expired, reading a whole store."""

UNLIMITED_HERE = "SET LOCAL statement_timeout = 0"
"""The same until the end of the transaction."""

AS_BEFORE = "RESET statement_timeout"
"""What `UNLIMITED` set is over."""

PATIENCE = 900
"""Seconds for turns during which a vendor is asked, and for another process's migrations."""
