"""The queue of mails to the administrators: one per event of a mailed kind, tried until the server accepts it.

The outbox is the source of truth: the queue notes its events and the outcome of each mail, so that an outage of the
server loses nothing and an event is mailed once. Once as far as SMTP allows: after a crash between the server's
acceptance and our note of it, a mail goes out again, under the same Message-ID. The texts are in
`core.operations.mails`, sending in `adapters.operations.mail`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.operations.mail import Mailer, MailReport
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock_if_free
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.operations.mails import MAILED, mail_of, wait_after

NEWS_FOR = timedelta(days=7)
"""Older events are not mailed any more, for instance when a mail server is configured later."""


@dataclass(frozen=True, slots=True)
class MailRun:
    """What one pass over the queue did.

    Attributes:
        sent: mails that the server accepted.
        waiting: mails that wait.
        next_try_at: when the first of them is due again, UTC; None where none waits.
        error: why the server did not accept a mail, one line; None where it accepted all.
        busy: another process is mailing.
    """

    sent: int
    waiting: int
    next_try_at: datetime | None
    error: str | None = None
    busy: bool = False


def send_due_mails(
    engine: sa.Engine, mailer: Mailer, clock: Callable[[], datetime], *, at_once: bool = False
) -> MailRun:
    """Queue the events to mail, and send the mails that are due, each in a transaction of its own; ends at a refusal.

    Args:
        engine: the store's.
        mailer: configured.
        clock: gives times with a time zone.
        at_once: whether to try refused mails before they are due again.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    now = clock()
    with transaction(engine) as connection:
        values = {"now": now, "since": now - NEWS_FOR, "kinds": list(MAILED)}
        connection.execute(statement("operations/mails_note"), values)
    sent, busy, error = 0, False, None
    while error is None:
        with transaction(engine) as connection:
            busy = not lock_if_free(connection, Lock.MAILS)
            due = None if busy else _due(connection, clock(), at_once=at_once)
            if due is None:
                break
            event_id, envelope, attempts = due
            report = _mailed(mailer, envelope, event_id)
            error = report.why_not
            if report.sent:
                connection.execute(statement("operations/mails_sent"), {"event_id": event_id, "now": clock()})
                sent += 1
            else:
                values = {"event_id": event_id, "error": error, "next_try_at": clock() + wait_after(attempts + 1)}
                connection.execute(statement("operations/mails_failed"), values)
    with transaction(engine) as connection:
        waiting, next_try_at = _one(connection, "operations/mails_waiting")
    return MailRun(sent, waiting, next_try_at, error, busy)


def _mailed(mailer: Mailer, envelope: dict[str, Any], event_id: UUID) -> MailReport:
    try:
        mail = mail_of(envelope)
    except (KeyError, TypeError, ValueError) as error:
        # An event of another release: it waits, and the others pass.
        return MailReport(sent=False, why_not=f"event {event_id} cannot be put in words: {error!r}")
    return mailer.send(mail, mail_id=str(event_id))


def _due(
    connection: psycopg.Connection[Any], now: datetime, *, at_once: bool
) -> tuple[UUID, dict[str, Any], int] | None:
    values = {"now": now, "at_once": at_once}
    row: tuple[UUID, dict[str, Any], int] | None = connection.execute(
        statement("operations/mails_due"), values
    ).fetchone()
    return row


def _one(connection: psycopg.Connection[Any], name: str, **values: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(statement(name), values).fetchone()
    assert row is not None  # noqa: S101  # these statements always have one row
    return row
