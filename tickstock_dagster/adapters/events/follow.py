"""The dispatcher as a service: sends events as soon as they are committed, until it is stopped.

PostgreSQL notifies it of every commit that wrote events (LISTEN; the trigger is in the migrations). A notification can
be lost, for instance with the listening session, so the service also polls the outbox every `POLL_SECONDS`. Several may
run at once: one sends, the others find it at work and try again.
"""

import threading
import time
from collections.abc import Callable

import psycopg

from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher
from tickstock_dagster.adapters.postgres.database import address, connection_options, open_engine
from tickstock_dagster.adapters.postgres.refusals import in_words, reason
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.clock import Clock, real_clock
from tickstock_dagster.core.errors import ServiceUnavailableError

POLL_SECONDS = 5.0
"""How long an event can wait when the notification of its commit was lost."""

_STEP = 0.05  # seconds between two checks of `stop` while it waits
_AGAIN = 0.5  # seconds until the next try while another dispatcher sends or a consumer has to catch up
_APART = 0.02  # seconds by which a notified dispatch comes later, with all that were notified meanwhile
_PART = 10_000  # events between two checks of `stop`
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
    """Send until `stop` is set, and then finish the dispatch in progress: at most some 10,000 events.

    An outage of PostgreSQL or Redis is reported once, and again when it changes; sending resumes when they are back.

    Args:
        database_url: the warehouse, `postgresql://…`.
        redis_url: `redis://…`.
        stop: ends the service within about a second.
        clock: gives `sent_at`, with a time zone.
        on_report: called with the report of every dispatch that sent something.
        on_trouble: called with one line that says what is wrong, and again when the trouble is over.
        on_well: called after every dispatch for which PostgreSQL and Redis were available, at least every
            `POLL_SECONDS` while all is well.

    Raises:
        ConfigurationError: one of the URLs is not accepted.
    """
    dispatcher = OutboxDispatcher(database_url, redis_url, clock=clock)
    service = _Service(dispatcher, stop, on_report, on_trouble, on_well)
    engine = open_engine(database_url)
    where = address(engine)
    # psycopg does not know the driver suffix of SQLAlchemy's URLs.
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        listener = None
        try:
            with psycopg.connect(url, autocommit=True, **connection_options(None)) as listener:
                listener.execute(statement("events/listen"))
                service.run(listener)
        except psycopg.OperationalError as error:
            service.trouble(str(in_words(where, error, made=listener is not None) or reason(error)))
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
        self._reported: str | None = None
        self._failures = 0

    def run(self, listener: psycopg.Connection) -> None:
        """Send, wait for a notification or the next poll, and repeat."""
        while not self._stop.is_set():
            due = time.monotonic() + self._send()
            notified = False
            while not notified and not self._stop.is_set() and (left := due - time.monotonic()) > 0:
                notified = any(True for _ in listener.notifies(timeout=min(_STEP, left), stop_after=1))
                if notified:
                    # Whoever may connect may notify: a thousand of them are one reason to look, and a short wait apart.
                    self._stop.wait(_APART)
                    for _ in listener.notifies(timeout=0):
                        pass
                if self._failures:
                    notified = False  # during an outage a commit is no reason to try sooner

    def _send(self) -> float:
        """Dispatch once; returns the seconds until the next dispatch if no notification comes before."""
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
        """Report what is wrong if that has changed; None: nothing is wrong any more."""
        if text != self._reported:
            self._on_trouble(text or "it works again")
        self._reported = text

    def pause(self) -> None:
        """Wait before the next try, each time longer."""
        self._stop.wait(self._longer())

    def _longer(self) -> float:
        self._failures += 1
        return min(_STEP * 2.0**self._failures, _LONGEST_PAUSE)
