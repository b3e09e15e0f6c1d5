"""A rate that adapts to what the vendor shows: the key's plan may be another than the settings say.

The windows themselves belong in `adapters.sources.rate_limit`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from tickstock_dagster.adapters.sources.rate_limit import PostgresRateLimiter, RateLimiter

logger = logging.getLogger(__name__)


class AdaptiveRateLimiter:
    """The usual rate, until the vendor shows that the key's plan counts in minutes; from then on the slow one.

    A paid plan that is refused after hundreds of calls in a minute is only too fast for the moment: its rate stays.
    """

    FEW = 60
    """Calls in a minute. A refusal after more of them is not one of a plan with a handful of calls a minute."""

    MINUTE = 60.0

    def __init__(
        self,
        usual: RateLimiter,
        slow: RateLimiter,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._usual = usual
        self._slow = slow
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._granted: deque[float] = deque(maxlen=self.FEW + 1)
        self._slow_from: float | None = None

    def acquire(self) -> float:
        """Block until one request may leave; returns the seconds waited."""
        waited = 0.0
        if self._slow_from is None:
            waited = self._usual.acquire()
        if self._slow_from is not None:  # perhaps only since this request began to wait
            pause = max(self._slow_from - self._clock(), 0.0)
            if pause:
                self._sleep(pause)
            waited += pause + self._slow.acquire()
        with self._lock:
            self._granted.append(self._clock())
        return waited

    def close(self) -> None:
        """Close the connections of both rates; a later `acquire` opens new ones."""
        for limiter in (self._usual, self._slow):
            if isinstance(limiter, PostgresRateLimiter):
                limiter.close()

    def refused_per_minute(self) -> bool:
        """The vendor has just refused a call, with its words about calls per minute.

        Returns:
            Whether the key's plan counts in minutes, so that only the next one helps. The vendor has the same words for
            every plan; after more than `FEW` calls in a minute they are about the moment.
        """
        with self._lock:
            now = self._clock()
            calls = sum(granted > now - self.MINUTE for granted in self._granted)  # of this process alone
            if self._slow_from is not None:
                return True
            if calls > self.FEW:
                return False
            self._slow_from = now + self.MINUTE
        logger.warning(
            "the vendor refused after few calls in a minute, as it does on its free plan: "
            "now at most 5 calls a minute. Set MASSIVE_PLAN=free, or the plan that the key has"
        )
        return True
