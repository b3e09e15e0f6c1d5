"""What runs write is sent at their end, however they end; the outbox sensor sends what they left, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import redis

from tickstock_dagster.defs.resources import SendingWarehouse
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, progress
from tickstock_dagster_tests.defs.factory import FRI, Factory, all_definitions, facts_of
from tickstock_dagster_tests.defs.ticking import eastern

CLOSED_PORT = "redis://:hidden-word@127.0.0.1:1/0"


def deliver(factory: Factory) -> str:
    """What the outbox sensor says."""
    context = dg.build_sensor_context(
        instance=factory.instance, resources=factory.resources(eastern("2026-11-20 17:00"))
    )
    answer = all_definitions().resolve_sensor_def("outbox_sensor")(context)
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


@contextmanager
def streams(factory: Factory) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(factory.redis_url, decode_responses=True) as client:
        yield client


def test_redis_being_away_fails_no_run_and_the_sensor_delivers_later(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track()
    factory.configure(TICKSTOCK_REDIS_URL=CLOSED_PORT)
    result = factory.run("us_eod", FRI)
    assert result.success
    waiting = facts_of(result)["events_waiting"]
    assert (waiting, facts_of(result)["events_sent"]) == (4, 0), "started, two of progress, complete"
    away = Factory(factory.database_url, CLOSED_PORT, factory.vendor, factory.instance, factory.monkeypatch)
    words = deliver(away)
    assert words.startswith("4 events wait: ")
    assert "hidden-word" not in words

    assert deliver(factory).startswith("sent 4; 0 wait")
    assert deliver(factory).startswith("nothing to send; 0 wait")
    with streams(factory) as client:
        assert client.xlen("tickstock.eod.complete") == 1


def test_a_run_that_fails_half_way_sends_what_it_has_committed(factory: Factory) -> None:
    @dg.op(required_resource_keys={"warehouse"})
    def write_and_fail() -> None:
        commit(factory.database_url, [progress("half-way", 1)])
        raise dg.Failure("no more", allow_retries=False)

    @dg.job(resource_defs={"warehouse": SendingWarehouse(database_url=factory.database_url)})
    def broken() -> None:
        write_and_fail()

    result = broken.execute_in_process(instance=factory.instance, raise_on_error=False)
    assert not result.success
    assert factory.rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [0]
    with streams(factory) as client:
        assert client.xlen("tickstock.jobs.progress") == 1
