import logging

import pytest

from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    MalformedAnswerError,
    NotEntitledError,
    NotFoundError,
    NotPublishedYetError,
    OutOfHistoryError,
    RateLimitedError,
    RejectedRequestError,
    UpstreamError,
)
from tickstock_dagster.adapters.sources.retry import RetryPolicy, call_with_retry, wait_before_retry
from tickstock_dagster.core.errors import ServiceUnavailableError
from tickstock_dagster.core.loading.vendor_plans import vendor_plan

QUICK = RetryPolicy(first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)


class Turns:
    """A rate that grants every call and says that it waited."""

    def __init__(self, wait: float = 0.0) -> None:
        self.granted = 0
        self.wait = wait

    def acquire(self) -> float:
        self.granted += 1
        return self.wait


def failing(*errors):
    """A call that raises these in turn and then answers with its attempt's number."""
    left = list(errors)

    def call(attempt: int) -> int:
        if left:
            raise left.pop(0)
        return attempt

    return call


@pytest.mark.parametrize("error", [RateLimitedError("x"), UpstreamError("x"), MalformedAnswerError("x")])
def test_what_may_go_away_is_asked_again_and_takes_a_turn_each_time(error):
    turns = Turns()
    assert call_with_retry(failing(error, error), policy=QUICK, limiter=turns) == 3
    assert turns.granted == 3


@pytest.mark.parametrize(
    "error",
    [
        AuthFailedError("x"),
        NotEntitledError("x"),
        OutOfHistoryError("x"),
        NotFoundError("x"),
        RejectedRequestError("x"),
        NotPublishedYetError("x"),
        ServiceUnavailableError("x"),
        ValueError("x"),
    ],
)
def test_what_stays_as_it_is_is_asked_once(error):
    turns = Turns()
    with pytest.raises(type(error)):
        call_with_retry(failing(error), policy=QUICK, limiter=turns)
    assert turns.granted == 1


def test_attempts_are_bounded_and_the_last_error_is_what_comes_out():
    turns = Turns()
    errors = [UpstreamError(f"attempt {number}") for number in range(1, 9)]
    with pytest.raises(UpstreamError, match="attempt 6"):
        call_with_retry(failing(*errors), policy=QUICK, limiter=turns)
    assert turns.granted == 6


def test_after_the_deadline_nothing_is_asked_again():
    now = iter([0.0, 50.0, 121.0])
    with pytest.raises(UpstreamError, match="second"):
        call_with_retry(
            failing(UpstreamError("first"), UpstreamError("second"), UpstreamError("third")),
            policy=QUICK,
            limiter=Turns(),
            clock=lambda: next(now),
        )


def test_time_queued_for_the_rate_does_not_count_against_the_deadline():
    now = iter([0.0, 500.0])
    assert (
        call_with_retry(failing(UpstreamError("x")), policy=QUICK, limiter=Turns(499.0), clock=lambda: next(now)) == 2
    )


def test_the_wait_the_vendor_asks_for_is_kept():
    wait = wait_before_retry(RateLimitedError("x", retry_after=7), RetryPolicy(), elapsed=0, attempt=1)
    assert 7 <= wait <= 7.5


def test_a_vendor_that_asks_for_too_long_a_wait_is_left_to_a_later_run():
    assert wait_before_retry(RateLimitedError("x", retry_after=3600), RetryPolicy(), elapsed=0, attempt=1) is False


def test_a_wait_that_would_end_after_the_deadline_is_not_begun():
    assert wait_before_retry(RateLimitedError("x", retry_after=60), RetryPolicy(), elapsed=100, attempt=1) is False


@pytest.mark.parametrize(("plan", "waits"), [("free", [60, 60, 60, 60, 60]), ("starter", [1, 2, 4, 8, 16])])
def test_a_refusal_without_a_time_is_waited_out_for_the_plans_window(plan, waits):
    policy = RetryPolicy.for_plan(vendor_plan(plan))
    elapsed = 0.0
    for attempt, expected in enumerate(waits, start=1):
        wait = wait_before_retry(RateLimitedError("x"), policy, elapsed=elapsed, attempt=attempt)
        assert expected <= wait <= expected + policy.jitter
        elapsed += wait


def test_a_retry_is_logged_with_what_happened_and_nothing_is_printed(caplog, capsys):
    with caplog.at_level(logging.INFO):
        call_with_retry(failing(UpstreamError("the vendor answered 502")), policy=QUICK, limiter=Turns())
    assert "attempt 1: the vendor answered 502; again in 0.0 s" in caplog.text
    assert capsys.readouterr() == ("", "")


def test_a_refusal_that_speaks_of_minutes_is_waited_for_whatever_the_plan_is_thought_to_be():
    policy, elapsed = RetryPolicy.for_plan(vendor_plan("starter")), 0.0
    for attempt in range(1, 6):
        wait = wait_before_retry(RateLimitedError("x", per_minute=True), policy, elapsed=elapsed, attempt=attempt)
        assert 60 <= wait <= 60.5
        elapsed += wait
    assert wait_before_retry(UpstreamError("x"), policy, elapsed=130, attempt=2) is False
