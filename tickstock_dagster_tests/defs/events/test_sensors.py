"""The outbox sensor: what runs left over is sent, and in which words."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import redis

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
