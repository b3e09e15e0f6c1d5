import os
import threading
from dataclasses import replace

import psycopg
import pytest

from tickstock_dagster.adapters.sources.adaptive_rate import AdaptiveRateLimiter
from tickstock_dagster.adapters.sources.rate_limit import (
    LocalRateLimiter,
    PostgresRateLimiter,
    pace,
    rate_bucket,
)
from tickstock_dagster.core.errors import ConfigurationError, ServiceUnavailableError
from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName, vendor_plan
from tickstock_dagster_tests.forked import context

FREE, STARTER = vendor_plan("free"), vendor_plan("starter")
RECORDED = """
    CREATE TABLE reservations (slot timestamptz NOT NULL);
    CREATE FUNCTION record_slot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN INSERT INTO public.reservations VALUES (NEW.slots[cardinality(NEW.slots)]); RETURN NULL; END';
    CREATE TRIGGER record_slot AFTER INSERT OR UPDATE ON vendor_rate_limits FOR EACH ROW EXECUTE FUNCTION record_slot();
"""


def no_sleep(seconds: float) -> None:
    """Reserve only."""


def reserve(database_url: str, turns: int) -> None:
    """What one of several processes does: four threads that share a limiter."""
    limiter = PostgresRateLimiter(database_url, "shared", STARTER, sleep=no_sleep)
    threads = [threading.Thread(target=lambda: [limiter.acquire() for _ in range(turns)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.close()


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("plan", list(PLANS.values()), ids=list(PLANS))
def test_no_window_ever_holds_more_calls_than_the_plan_allows(plan):
    hours, times = Hours(), []
    limiter = LocalRateLimiter(plan, clock=lambda: hours.now, sleep=hours.sleep)
    for turn in range(4 * plan.calls):
        hours.now += (turn % 7) * plan.per_seconds / (10 * plan.calls)
        limiter.acquire()
        times.append(hours.now)
    gaps = [later - earlier for earlier, later in zip(times, times[plan.calls :], strict=False)]
    assert plan.per_seconds <= min(gaps) + 1e-9
    assert min(gaps) < 1.2 * plan.per_seconds


def test_a_stream_that_is_held_up_still_arrives_below_what_the_vendor_tolerates():
    plan, held_up, hours, times = STARTER, 0.05, Hours(), []
    limiter = LocalRateLimiter(plan, clock=lambda: hours.now, sleep=hours.sleep)
    for _ in range(4 * plan.calls):
        limiter.acquire()
        times.append(hours.now)
    for start in times:  # what leaves in this moment is held up until its end, and arrives together with what follows
        arrived = [time for time in times if start <= time < start + held_up + plan.per_seconds]
        assert len(arrived) <= plan.tolerated


def test_a_burst_within_the_plan_does_not_wait_and_the_next_call_waits_out_the_window():
    hours = Hours()
    limiter = LocalRateLimiter(FREE, clock=lambda: hours.now, sleep=hours.sleep)
    assert [limiter.acquire() for _ in range(FREE.calls)] == [0.0] * FREE.calls
    assert limiter.acquire() == pytest.approx(60.6)


def test_processes_and_threads_together_never_exceed_the_window(migrated_database_url):
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(RECORDED)
        processes = [context.Process(target=reserve, args=(migrated_database_url, 40)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        slots = [row[0].timestamp() for row in connection.execute("SELECT slot FROM reservations ORDER BY slot")]
    assert len(slots) == 320
    for calls, seconds in (pace(STARTER), (STARTER.calls, STARTER.per_seconds)):
        gaps = [later - earlier for earlier, later in zip(slots, slots[calls:], strict=False)]
        assert min(gaps) >= seconds - 1e-4


def test_a_full_window_makes_the_caller_sleep_for_what_is_left_of_it(migrated_database_url):
    slept = []
    limiter = PostgresRateLimiter(migrated_database_url, "b", FREE, sleep=slept.append)
    waits = [limiter.acquire() for _ in range(FREE.calls + 1)]
    assert waits[: FREE.calls] == [0.0] * FREE.calls
    assert 50 < waits[-1] < 61
    assert slept == [waits[-1]]
    with psycopg.connect(migrated_database_url) as connection:
        assert connection.execute("SELECT cardinality(slots) FROM vendor_rate_limits").fetchone() == (FREE.calls,)
    limiter.close()


def test_buckets_do_not_disturb_each_other(migrated_database_url):
    one = replace(FREE, calls=1)
    limiters = [PostgresRateLimiter(migrated_database_url, bucket, one, sleep=no_sleep) for bucket in ("a", "b")]
    assert [limiter.acquire() for limiter in limiters] == [0.0, 0.0]
    for limiter in limiters:
        limiter.close()


def test_a_lost_connection_is_replaced_without_the_caller_noticing(migrated_database_url):
    limiter = PostgresRateLimiter(migrated_database_url, "b", STARTER, sleep=no_sleep)
    limiter.acquire()
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
            ["tickstock rate limit"],
        )
    assert limiter.acquire() == 0.0
    limiter.close()
    assert limiter.acquire() == 0.0
    limiter.close()


def test_a_forked_child_makes_a_connection_of_its_own(migrated_database_url, monkeypatch):
    limiter = PostgresRateLimiter(migrated_database_url, "b", STARTER, sleep=no_sleep)
    limiter.acquire()
    inherited = limiter._connection
    monkeypatch.setattr(os, "getpid", lambda: -1)
    limiter.acquire()
    assert limiter._connection is not inherited
    assert not inherited.closed
    inherited.close()
    limiter.close()


def test_a_database_that_is_down_is_named_without_its_password():
    limiter = PostgresRateLimiter("postgresql://u:hunter2@127.0.0.1:1/db", "b", STARTER)
    words = r"rate limit needs the warehouse: database 127\.0\.0\.1:1/db cannot be reached: Connection refused"
    with pytest.raises(ServiceUnavailableError, match=words) as caught:
        limiter.acquire()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres//u:hunter2@h", "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h/d?x=1"])
def test_a_database_url_that_is_none_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigurationError, match="the database URL is not accepted") as caught:
        PostgresRateLimiter(url, "b", STARTER).acquire()
    assert "hunter2" not in str(caught.value)


@pytest.mark.usefixtures("migrated_template")  # the roles belong to the server
def test_a_database_without_schema_says_what_to_run(database_url):
    limiter = PostgresRateLimiter(database_url, "b", STARTER)
    with pytest.raises(ServiceUnavailableError, match="run `tickstock migrate`"):
        limiter.acquire()
    limiter.close()


def test_the_bucket_is_one_per_key_and_rate_and_shows_nothing_of_the_key():
    bucket = rate_bucket("s3cret-key", STARTER)
    assert bucket == rate_bucket("s3cret-key", vendor_plan(PlanName.DEVELOPER))
    assert bucket != rate_bucket("s3cret-key", FREE)
    assert bucket != rate_bucket("other", STARTER)
    assert "s3cret" not in bucket


def test_a_clock_that_was_set_back_costs_one_window_and_is_told(migrated_database_url, caplog):
    waits = []
    limiter = PostgresRateLimiter(migrated_database_url, "b", FREE, sleep=waits.append)
    limiter.acquire()
    ahead = "UPDATE vendor_rate_limits SET slots = (SELECT array_agg(clock_timestamp() + interval '1 hour') %s)"
    for calls in (FREE.calls, 1):
        with psycopg.connect(migrated_database_url, autocommit=True) as connection:
            connection.execute(ahead % f"FROM generate_series(1, {calls})")
        caplog.clear()
        assert limiter.acquire() == pytest.approx(pace(FREE)[1], abs=0.5)
        assert "as after a clock was set back: they begin anew in 60.6 s" in caplog.text
    limiter.close()
    assert len(waits) == 2


def test_a_queue_of_callers_is_no_clock_set_back(migrated_database_url, caplog):
    limiter = PostgresRateLimiter(migrated_database_url, "b", FREE, sleep=no_sleep)
    waits = [limiter.acquire() for _ in range(9 * FREE.calls)]
    assert waits[-1] == pytest.approx(8 * pace(FREE)[1], abs=1)
    assert "set back" not in caplog.text
    limiter.close()


def adaptive(hours: Hours) -> AdaptiveRateLimiter:
    rates = (LocalRateLimiter(plan, clock=lambda: hours.now, sleep=hours.sleep) for plan in (STARTER, FREE))
    return AdaptiveRateLimiter(*rates, clock=lambda: hours.now, sleep=hours.sleep)


def test_a_key_that_is_refused_after_few_calls_in_a_minute_gets_the_free_rate_from_the_next_minute_on(caplog):
    hours = Hours()
    limiter = adaptive(hours)
    assert sum(limiter.acquire() for _ in range(6)) < 0.1
    assert limiter.refused_per_minute()
    assert limiter.refused_per_minute()
    assert caplog.text.count("Set MASSIVE_PLAN=free") == 1
    assert "refused after few calls" in caplog.text, "how many others made with the key is not known here"
    begun = hours.now
    times = []
    for _ in range(11):
        limiter.acquire()
        times.append(hours.now - begun)
    assert times[:5] == pytest.approx([60.0] * 5)
    assert times[5:10] == pytest.approx([120.6] * 5)
    assert times[10] == pytest.approx(181.2)


def test_a_paid_key_that_is_refused_after_many_calls_keeps_its_rate(caplog):
    hours = Hours()
    limiter = adaptive(hours)
    for _ in range(160):
        limiter.acquire()
    assert not limiter.refused_per_minute(), "a second is enough"
    assert limiter.acquire() < 2
    assert caplog.text == ""
