"""Looking at the processing queue: its entries, one of them, and what is due.

Changing it belongs in `adapters.ledger.queue`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.ledger import UnitStatus
from tickstock_dagster.core.printable import counted


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One unit as `processing_queue` has it; times are aware. `symbol` is * where it asks for all."""

    id: str
    dataset: str
    kind: str
    market: str
    source: str
    symbol: str
    first_session: date
    last_session: date
    equity_type: str | None
    priority: int
    status: str
    attempts: int
    failures: int
    max_retries: int
    error_class: str | None
    last_error: str | None
    next_attempt_at: datetime | None
    enqueued_at: datetime | None
    waiting_since: datetime | None
    lease_holder: str | None
    leased_until: datetime | None
    run_id: str
    finished_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def queue_entries(
    engine: sa.Engine,
    *,
    statuses: Iterable[UnitStatus],
    equity_type: str | None = None,
    dataset: str | None = None,
    limit: int = 50,
) -> tuple[list[QueueEntry], int]:
    """Entries of the queue, the most urgent first and the newest of what is over behind them, and how many match.

    Args:
        engine: the store's.
        statuses: of these alone.
        equity_type: of this type alone.
        dataset: of this dataset alone.
        limit: at most so many are returned.
    """
    values = {
        "statuses": [str(status) for status in statuses],
        "equity_type": equity_type,
        "dataset": dataset,
        "limit": limit,
    }
    with transaction(engine) as connection:
        rows = connection.execute(statement("ledger/queue_list"), values).fetchall()
    return [QueueEntry(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


def queue_entry(engine: sa.Engine, unit_id: str) -> QueueEntry:
    """One unit of the ledger by its id, an entry of the queue or not.

    Raises:
        BadInputError: there is none.
    """
    with transaction(engine) as connection:
        row = connection.execute(statement("ledger/queue_show"), {"unit_id": unit_id}).fetchone()
    if row is None:
        raise unknown_entry(unit_id)
    return QueueEntry(*row)


def entries_due(engine: sa.Engine, market: str, source: str, now: datetime) -> dict[str, int]:
    """How many entries of a source may be leased at `now` (aware), by dataset.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source.
        now: aware.
    """
    with transaction(engine) as connection:
        values = {"market": market, "source": source, "now": now}
        return dict(connection.execute(statement("ledger/queue_waiting"), values).fetchall())


def entries_elsewhere(engine: sa.Engine, market: str, source: str) -> dict[str, int]:
    """How many open entries wait for workers that ask another source than this one, by source: no worker takes them.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source that workers ask.
    """
    with transaction(engine) as connection:
        values = {"market": market, "source": source}
        return dict(connection.execute(statement("ledger/queue_elsewhere"), values).fetchall())


def waiting_elsewhere(entries: Mapping[str, int], source: str) -> list[str]:
    """What `entries_elsewhere` found, in words: a line for each source."""
    return [
        f"{counted(count, 'entry is', 'entries are')} about {other}, and workers ask {source}: waiting until they ask "
        f"{other} again, or `tickstock queue drop`"
        for other, count in entries.items()
    ]


def unknown_entry(unit_id: str) -> BadInputError:
    """The error for an id that the ledger does not have."""
    return BadInputError("id", unit_id, "the id of an entry, as `tickstock queue list` shows it")
