"""Keeping to a plan's call rate: never more than `plan.calls` requests in any `plan.per_seconds`.

Every thread and process that uses a key shares one bucket per key and rate: the warehouse holds the last reservations,
and each request reserves the next free moment under a row lock and waits for it. Backing off after a refusal belongs
in `adapters.sources.retry`.
"""

import hashlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import ConfigurationError, ServiceUnavailableError
from tickstock_dagster.core.loading.vendor_plans import VendorPlan

if TYPE_CHECKING:
    import psycopg


logger = logging.getLogger(__name__)

LONGEST_QUEUE = 10
"""Windows of the rate: no call waits for longer. A later reservation comes from a clock that was set back since."""

LEAST_QUEUE_SECONDS = 60.0

LONG_WAIT = 5.0
"""Seconds: a longer wait for the rate is reported."""


class RateLimiter(Protocol):
    """Grants requests at the plan's rate. Thread-safe."""

    def acquire(self) -> float:
        """Block until one request may leave; returns the seconds waited."""

    def __hash__(self) -> int:
        """By identity: each limiter is one queue."""


def rate_bucket(api_key: str, plan: VendorPlan) -> str:
    """Name of the bucket of a key under a plan's rate. Reveals nothing about the key."""
    return f"{hashlib.sha256(api_key.encode()).hexdigest()[:12]}-{plan.calls}/{plan.per_seconds}s"


def pace(plan: VendorPlan) -> tuple[int, float]:
    """What the limiters keep: so many requests at most in any window of so many seconds.

    That is the window of the requests that may leave together. Reservations are exact to the microsecond, but the
    vendor counts arrivals, and a late request of this window and a prompt one of the next are closer there than here:
    where it tolerates no more than what leaves, the plan's window has a margin for uneven travel times.
    """
    seconds = float(plan.per_seconds)
    if plan.calls >= plan.tolerated:
        seconds += max(0.1, 0.01 * seconds)
    together = min(plan.at_once, plan.calls)
    return together, together * seconds / plan.calls


class LocalRateLimiter:
    """The same window within one process, without a database."""

    def __init__(
        self,
        plan: VendorPlan,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        calls, self._window = pace(plan)
        self._slots: deque[float] = deque(maxlen=calls)
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def acquire(self) -> float:
        """Block until one request may leave; returns the seconds waited."""
        with self._lock:
            now = self._clock()
            full = len(self._slots) == self._slots.maxlen
            slot = max(now, self._slots[0] + self._window) if full else now
            self._slots.append(slot)
        wait = slot - now
        if wait > 0:
            self._sleep(wait)
        return wait


class PostgresRateLimiter:
    """The window shared by all processes through the table `vendor_rate_limits`.

    One connection per process, opened at the first request. A reservation lost with its process leaves a slot unused,
    and never allows one too many.
    """

    def __init__(
        self,
        database_url: str,
        bucket: str,
        plan: VendorPlan,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database_url = database_url
        calls, seconds = pace(plan)
        self._parameters: dict[str, object] = {"bucket": bucket, "calls": calls, "window_seconds": seconds}
        self._parameters["longest_seconds"] = max(LONGEST_QUEUE * seconds, LEAST_QUEUE_SECONDS)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._owner = os.getpid()

    def acquire(self) -> float:
        """Block until one request may leave; returns the seconds waited.

        Raises:
            ServiceUnavailableError: the database does not answer, or lacks the table.
            ConfigurationError: the database URL is not valid.
        """
        with self._lock:
            wait = self._reserve()
        if wait > 0:
            self._sleep(wait)
        return max(wait, 0.0)

    def close(self) -> None:
        """Close the connection; a later `acquire` opens a new one."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        # A connection inherited through fork belongs to the parent: closing it here would end the parent's session.
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None

    def _reserve(self) -> float:
        import psycopg

        from tickstock_dagster.adapters.postgres.refusals import in_words

        for last_try in (False, True):
            try:
                row = self._connected().execute(statement("sources/rate_limit"), self._parameters).fetchone()
            except psycopg.errors.UndefinedTable:
                raise ServiceUnavailableError(
                    "the table vendor_rate_limits is missing from the warehouse: run `tickstock migrate`"
                ) from None
            except psycopg.Error as error:
                made = self._connection is not None
                self._disconnect()
                told = in_words(self._where, error, made=made)
                if told is None:
                    raise
                if "role" in str(told) and "does not exist" in str(told):
                    raise ServiceUnavailableError("the warehouse has no schema yet: run `tickstock migrate`") from None
                if last_try:
                    raise ServiceUnavailableError(f"the vendor's rate limit needs the warehouse: {told}") from None
            else:
                wait, restarted = row or (0.0, False)
                if restarted:
                    logger.warning(
                        "the reservations of the vendor's rate lay too far ahead, as after a clock was set back: "
                        "they begin anew in %.1f s",
                        wait,
                    )
                elif wait > LONG_WAIT:
                    logger.info("waiting %.1f s for the vendor's rate", wait)
                return float(wait)
        raise AssertionError("unreachable: the second try returns or raises")

    @property
    def _where(self) -> str:
        """host:port/database of the warehouse."""
        from tickstock_dagster.adapters.postgres.database import address, sqlalchemy_url

        return address(sqlalchemy_url(self._database_url))

    def _connected(self) -> "psycopg.Connection[Any]":
        import psycopg

        from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, sqlalchemy_url

        if self._connection is not None and self._owner == os.getpid() and not self._connection.closed:
            return self._connection
        # A crash may lose half a second of reservations, which is harmless; waiting for the disk each time is not.
        options = f"-c role={WRITER_ROLE} -c synchronous_commit=off -c statement_timeout=30s"
        url = sqlalchemy_url(self._database_url).set(drivername="postgresql")
        try:
            connection = psycopg.connect(
                url.render_as_string(hide_password=False),
                autocommit=True,
                options=options,
                connect_timeout=10,
                application_name="tickstock rate limit",
            )
        except psycopg.ProgrammingError:
            # The driver's error quotes the whole text, password included.
            raise ConfigurationError("the database URL is not accepted: an option in it is unknown") from None
        self._connection, self._owner = connection, os.getpid()
        return connection
