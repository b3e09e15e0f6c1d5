"""What every test that asks the simulated vendor through our own code needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tickstock_dagster.adapters.sources import factory as vendor_factory
from tickstock_dagster.adapters.sources.rate_limit import PostgresRateLimiter, RateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy


@contextmanager
def closed_limiters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give back the connections that rate limiters keep for as long as a process lives."""
    limiters = []

    def remembered(*arguments: Any) -> RateLimiter:
        limiters.append(limiter := limiter_of(*arguments))
        return limiter

    limiter_of = vendor_factory._limiter
    monkeypatch.setattr(vendor_factory, "_limiter", remembered)
    yield
    for limiter in limiters:
        if isinstance(limiter, PostgresRateLimiter):
            limiter.close()


def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor is asked as often as ever, without the waits in between."""
    policy = RetryPolicy(first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
    monkeypatch.setattr(RetryPolicy, "for_plan", classmethod(lambda cls, plan: policy))  # noqa: ARG005
