"""Names of what only one process per database may do at a time. Taking a turn belongs in `adapters.postgres.locks`."""

from enum import Enum


class Lock(Enum):
    """A lock. The value is its key, or the text that PostgreSQL hashes to one; running releases share it."""

    BARS = "tickstock bars"
    """Two loads of the same cells would lock rows in different orders and deadlock."""
    CALENDARS = "tickstock calendars"
    """A new override must not fall in the middle of copying calendars for readers."""
    CORRELATIONS = "tickstock correlations"
    """Published values are read, compared and written back."""
    EQUITY_TYPES = "tickstock equity types"
    """Rules are read, changed and written back."""
    LISTINGS = "tickstock listings"
    """Ticker histories are read, changed and written back; the vendor may be asked meanwhile."""
    MEMBERSHIPS = "universe_memberships"
    """One revision of memberships; the SQL function update_etf_universe takes the same lock."""
    MIGRATIONS = 0x7469636B
    """One migration at a time per database."""
    PROCESSING_PERFORMANCE = "tickstock processing performance"
    """What was measured is compared with what stands there, and written back with its event."""
    QUEUE = "tickstock processing queue"
    """Open entries are counted, and as many added as there is room for."""
    OUTBOX = 0x7469636B6F757462
    """One dispatcher of events."""
    MAILS = 0x7469636B6D61696C
    """One sender of mails."""


def turns() -> dict[str, list[str | int | None]]:
    """Names of all turns, and their keys; None where PostgreSQL hashes the name to one."""
    return {
        "names": [which.value if isinstance(which.value, str) else which.name.lower() for which in Lock],
        "keys": [None if isinstance(which.value, str) else which.value for which in Lock],
    }
