"""Dead letters: events that Redis refused so often that the dispatcher no longer tries them.

This module lists, releases and drops them.

Order is kept per subject: while Redis refuses an event, the later events of its subject wait behind it, and those of
all other subjects go out. Releasing it sends it and then them, in order; dropping it sends them without it. Refusals
are counted in `adapters.events.outbox_drain`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tickstock_dagster.adapters.events.outbox import outbox_session
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that the dispatcher gave up. Times in UTC; `held`: later events of its subject that wait behind it."""

    event_id: str
    channel: str
    subject: str
    error: str
    attempts: int
    first_tried_at: datetime
    last_tried_at: datetime
    dead_at: datetime
    held: int

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; times in ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }


def dead_letters(database_url: str) -> list[DeadLetter]:
    """All dead letters that are neither released nor dropped, in the order of writing.

    Raises:
        ServiceUnavailableError: the database cannot be reached, or has no outbox.
    """
    with outbox_session(database_url) as database:
        return [DeadLetter(*row) for row in database.execute(statement("events/dead_letters_list")).fetchall()]


def release(database_url: str, event_ids: Sequence[str] | None = None) -> list[str]:
    """Let the next dispatch try dead letters again, with a full number of attempts.

    Args:
        database_url: the warehouse.
        event_ids: the dead letters to release; None for all.

    Returns:
        The ids released.

    Raises:
        BadInputError: one of the ids is not a dead letter; then none is released.
        ServiceUnavailableError: the database cannot be reached, or has no outbox.
    """
    wanted = None if event_ids is None else _known(database_url, event_ids)
    with outbox_session(database_url) as database:
        rows = database.execute(statement("events/dead_letters_release"), {"event_ids": wanted}).fetchall()
    return [row[0] for row in rows]


def drop(database_url: str, event_ids: Sequence[str], now: datetime) -> list[str]:
    """Give up dead letters permanently; they stay in the outbox, unsent, for 90 days.

    Args:
        database_url: the warehouse.
        event_ids: the dead letters to drop.
        now: with a time zone.

    Returns:
        The ids dropped.

    Raises:
        BadInputError: one of the ids is not a dead letter; then none is dropped.
        ServiceUnavailableError: the database cannot be reached, or has no outbox.
    """
    values = {"event_ids": _known(database_url, event_ids), "now": now}
    with outbox_session(database_url) as database:
        rows = database.execute(statement("events/dead_letters_drop"), values).fetchall()
    return [row[0] for row in rows]


def _known(database_url: str, event_ids: Sequence[str]) -> list[str]:
    there = {letter.event_id for letter in dead_letters(database_url)}
    wanted = []
    for given in event_ids:
        try:
            event_id = str(uuid.UUID(given))
        except ValueError:
            event_id = given
        if event_id not in there:
            raise BadInputError("event id", given, "the id of a dead letter, as `tickstock events dead list` shows it")
        wanted.append(event_id)
    return wanted
