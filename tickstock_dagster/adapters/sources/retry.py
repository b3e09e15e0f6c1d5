"""The one retry loop around every vendor call: what to ask again, after how long, and when to give up.

Waits between attempts are here; `adapters.sources.rate_limit` waits for the plan's rate. After a refusal because of the
rate, the loop waits as the vendor asks (`Retry-After`), or for a whole rate window where the vendor states no time.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from tickstock_dagster.adapters.sources.protocol import NotPublishedYetError, RateLimitedError, TransientVendorError
from tickstock_dagster.adapters.sources.rate_limit import RateLimiter
from tickstock_dagster.core.loading.vendor_plans import VendorPlan

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How to repeat one call. All times in seconds.

    Attributes:
        attempts: at most this many requests, the first included.
        deadline: no attempt starts later than this after the first; time spent waiting for the rate does not count.
        first_wait: wait after the first failure; doubles with each further one.
        longest_wait: bound of the doubling.
        jitter: at most this much is added at random, so that threads that failed together do not return together.
        rate_window: least wait after a refusal because of the rate that states no time.
        longest_retry_after: if the vendor asks for a longer wait, the call fails, and a later run asks again.
        minute_window: the same as `rate_window` after a refusal whose words are about calls per minute, whatever the
            plan is thought to be; None: `rate_window`.
        rate_deadline: the same as `deadline` after a refusal because of the rate; None: `deadline`.
    """

    attempts: int = 6
    deadline: float = 120.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    rate_window: float = 1.0
    longest_retry_after: float = 120.0
    minute_window: float | None = None
    rate_deadline: float | None = None

    @classmethod
    def for_plan(cls, plan: VendorPlan) -> "RetryPolicy":
        """The policy whose waits after a refusal because of the rate cover the plan's window on every attempt."""
        return cls(
            deadline=120.0 + 5 * plan.per_seconds,
            rate_window=float(plan.per_seconds),
            minute_window=float(max(plan.per_seconds, 60)),
            rate_deadline=120.0 + 5 * max(plan.per_seconds, 60),
        )


def wait_before_retry(error: Exception, policy: RetryPolicy, *, elapsed: float, attempt: int) -> bool | float:
    """Whether to ask again after `error`, and how long to wait first.

    Args:
        error: what the attempt raised.
        policy: the policy in force.
        elapsed: seconds since the first attempt, without waits for the rate.
        attempt: number of the attempt that failed, 1 for the first.

    Returns:
        False: give up. True: the ordinary exponential wait. A number: that many seconds.
    """
    if not isinstance(error, TransientVendorError) or isinstance(error, NotPublishedYetError):
        return False
    deadline = policy.deadline
    if isinstance(error, RateLimitedError) and policy.rate_deadline is not None:
        deadline = policy.rate_deadline
    if elapsed >= deadline:
        return False
    if not isinstance(error, RateLimitedError):
        return True
    window = policy.rate_window
    if error.per_minute and policy.minute_window is not None:
        window = policy.minute_window
    wait = error.retry_after
    if wait is None:
        wait = min(window * 2 ** (attempt - 1), max(window, policy.longest_wait))
    if wait > policy.longest_retry_after or elapsed + wait > deadline:
        return False
    return wait + random.uniform(0, policy.jitter)  # noqa: S311 - spreads retries, protects nothing


def call_with_retry(
    call: Callable[[int], T],
    *,
    policy: RetryPolicy,
    limiter: RateLimiter,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make `call`, repeated as `policy` says; every attempt first waits for the rate.

    Args:
        call: makes one attempt; its argument is the number of the attempt, 1 for the first.
        policy: the policy in force.
        limiter: keeps the plan's rate.
        clock: monotonic seconds.

    Raises:
        VendorError: the error of the last attempt.
        ServiceUnavailableError: the limiter's database cannot be reached.
    """
    started = clock()
    queued = 0.0
    number = 0

    def decide(error: Exception) -> bool | float:
        return wait_before_retry(error, policy, elapsed=clock() - started - queued, attempt=number)

    for attempt in stamina.retry_context(
        on=decide,
        attempts=policy.attempts,
        timeout=None,
        wait_initial=policy.first_wait,
        wait_max=policy.longest_wait,
        wait_jitter=policy.jitter,
    ):
        with attempt:
            number = attempt.num
            queued += limiter.acquire()
            return call(number)
    raise AssertionError("unreachable: the loop ends with an answer or an error")


def _log_retry(details: RetryDetails) -> None:
    level = logging.WARNING if details.wait_for >= 5 else logging.INFO
    logger.log(level, "attempt %d: %s; again in %.1f s", details.retry_num, details.caused_by, details.wait_for)


# The library's own hooks print to stdout where structlog is installed; scripts read stdout.
set_on_retry_hooks([_log_retry])
