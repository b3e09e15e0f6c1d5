"""The dispatcher as a service: sends events as soon as they are committed, for as long as it is let.

PostgreSQL tells of every commit that wrote events (LISTEN; the trigger is in the migrations). Should a word be lost, as
with the session that listens, the outbox is looked into every `POLL_SECONDS` all the same. Several may run at once:
one sends, the others find it at work and look again.
"""

import threading
import time
from collections.abc import Callable

import psycopg

from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher
from tickstock_dagster.adapters.postgres.database import sqlalchemy_url
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.clock import Clock, real_clock
from tickstock_dagster.core.errors import ServiceUnavailableError

POLL_SECONDS = 5.0
"""How long an event can wait whose commit nobody told of."""

_STEP = 0.25  # seconds in which it notices that it shall stop
_AGAIN = 0.5  # seconds until the next try where another is sending, or a consumer is waited for
_PART = 10_000  # events between two looks at whether it shall stop
_LONGEST_PAUSE = 10.0


def follow(
    database_url: str,
    redis_url: str,
    stop: threading.Event,
    *,
    clock: Clock = real_clock,
    on_report: Callable[[DispatchReport], None] = lambda _: None,
    on_trouble: Callable[[str], None] = lambda _: None,
    on_well: Callable[[], None] = lambda: None,
) -> None:
    """Send until `stop` is set. What is under way then is brought to its end, at most some 10,000 events.

    PostgreSQL or Redis being away is told once, and again when it changes; it goes on when they are back.

    Args:
        database_url: the warehouse, `postgresql://…`.
        redis_url: `redis://…`.
        stop: ends it, within about a second.
        clock: what `sent_at` is taken from.
        on_report: told of every dispatch that sent something.
        on_trouble: told in one line what is wrong, and when it no longer is.
        on_well: told after every look at the outbox for which PostgreSQL and Redis were there, at least every
            `POLL_SECONDS` while all is well.

    Raises:
        ConfigurationError: one of the URLs is not accepted.
    """
    dispatcher = OutboxDispatcher(database_url, redis_url, clock=clock)
    service = _Service(dispatcher, stop, on_report, on_trouble, on_well)
    # SQLAlchemy's word for the driver is of no use to the driver itself.
    address = sqlalchemy_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with psycopg.connect(address, autocommit=True, connect_timeout=10) as listener:
                listener.execute(statement("events/listen"))
                service.run(listener)
        except psycopg.OperationalError as error:
            service.trouble(f"the database is away: {(str(error).strip().splitlines() or [type(error).__name__])[0]}")
            service.pause()


class _Service:
    def __init__(
        self,
        dispatcher: OutboxDispatcher,
        stop: threading.Event,
        on_report: Callable[[DispatchReport], None],
        on_trouble: Callable[[str], None],
        on_well: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._stop = stop
        self._on_report = on_report
        self._on_trouble = on_trouble
        self._on_well = on_well
        self._told: str | None = None
        self._failures = 0

    def run(self, listener: psycopg.Connection) -> None:
        """Send, wait to be told, and so on."""
        while not self._stop.is_set():
            due = time.monotonic() + self._send()
            told = False
            while not told and not self._stop.is_set() and (left := due - time.monotonic()) > 0:
                told = any(True for _ in listener.notifies(timeout=min(_STEP, left), stop_after=1))
                if self._failures:
                    told = False  # while something is away, a commit is no reason to try sooner

    def _send(self) -> float:
        """One dispatch; returns after how many seconds to look again without being told."""
        try:
            report = self._dispatcher.dispatch(_PART)
        except ServiceUnavailableError as error:
            self.trouble(str(error))
            return self._longer()
        if report.sent:
            self._on_report(report)
        if not report.error or report.refused:
            self._on_well()
        if report.error:
            self.trouble(f"{report.error} ({report.left} events wait)")
            # A refused event is no reason to keep the others waiting.
            return POLL_SECONDS if report.refused else self._longer()
        self._failures = 0
        if report.waits_for:
            self.trouble(f"{report.waits_for}; the rest waits in the outbox")
            return _AGAIN
        if report.busy:
            return _AGAIN
        self.trouble(None)
        return 0.0 if report.sent >= _PART else POLL_SECONDS

    def trouble(self, text: str | None) -> None:
        """Tell what is wrong if that is news; None: nothing any more."""
        if text != self._told:
            self._on_trouble(text or "it works again")
        self._told = text

    def pause(self) -> None:
        """Wait before the next try, each time longer."""
        self._stop.wait(self._longer())

    def _longer(self) -> float:
        self._failures += 1
        return min(_STEP * 2.0**self._failures, _LONGEST_PAUSE)
