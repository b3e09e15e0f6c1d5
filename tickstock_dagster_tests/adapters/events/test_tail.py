"""Following the streams of a real Valkey: from where, until when, and through its restarts."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
import redis

from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
from tickstock_dagster.adapters.events.tail import StreamEntry, tail
from tickstock_dagster.core.errors import BadInputError, ConfigurationError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import Event, ScheduleAdjusted
from tickstock_dagster_tests.adapters.events.outbox_helpers import NOW, PrivateValkey, commit, interleaved, wait_until

EVENTS = interleaved(1, 5)
EARLY_CLOSE = Event.of(
    ScheduleAdjusted(market="XNYS", session=date(2026, 11, 27), adjustment_type="early_close"),
    time=NOW,
    dedupe_key="1",
)


def send(database_url: str, redis_url: str, events: list[Event]) -> None:
    commit(database_url, events)
    assert OutboxDispatcher(database_url, redis_url).dispatch().error is None


def ids(entries: Iterator[StreamEntry], count: int | None = None) -> list[str]:
    return [entry.id for entry in islice(entries, count)]


def wait_for_reader(redis_url: str) -> None:
    """Return when somebody blocks on the stream."""
    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: int(client.info("clients")["blocked_clients"]) > 0)


def test_a_stream_is_read_from_its_start(migrated_database_url: str, redis_url: str) -> None:
    send(migrated_database_url, redis_url, EVENTS)
    entries = list(islice(tail(redis_url, start="0", timeout=10), len(EVENTS)))
    assert [entry.envelope for entry in entries] == [event.envelope() for event in EVENTS]
    assert [(entry.id, entry.channel, entry.subject) for entry in entries] == [
        (str(event.id), event.channel, event.subject) for event in EVENTS
    ]
    assert ids(tail(redis_url, start=entries[2].entry_id, timeout=10), 2) == [str(event.id) for event in EVENTS[3:]]


def test_a_follower_gets_what_is_sent_from_now_on(migrated_database_url: str, redis_url: str) -> None:
    send(migrated_database_url, redis_url, EVENTS[:2])
    with ThreadPoolExecutor() as pool:
        following = pool.submit(ids, tail(redis_url, timeout=20), 3)
        wait_for_reader(redis_url)
        send(migrated_database_url, redis_url, EVENTS[2:])
        assert following.result() == [str(event.id) for event in EVENTS[2:]]


def test_one_channel_is_followed_alone(migrated_database_url: str, redis_url: str) -> None:
    send(migrated_database_url, redis_url, [*EVENTS, EARLY_CLOSE])
    assert ids(tail(redis_url, channel="tickstock.schedule.adjusted", start="0", timeout=0.2)) == [str(EARLY_CLOSE.id)]


def test_following_ends_after_the_time_asked_for(redis_url: str) -> None:
    began = time.monotonic()
    assert ids(tail(redis_url, timeout=0.3)) == []
    assert 0.3 <= time.monotonic() - began < 30


def test_a_follower_misses_nothing_when_redis_is_killed_and_comes_back(
    migrated_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    valkey = PrivateValkey(tmp_path / "state")
    try:
        with ThreadPoolExecutor() as pool:
            following = pool.submit(ids, tail(valkey.url, timeout=30), len(EVENTS))
            wait_for_reader(valkey.url)
            for outage, events in enumerate((EVENTS[:2], EVENTS[2:]), start=1):
                valkey.kill()
                wait_until(lambda times=outage: caplog.text.count("trying again") == times)  # type: ignore[misc]
                valkey.start()
                send(migrated_database_url, valkey.url, events)  # most likely before the follower looks again
                wait_until(lambda times=outage: caplog.text.count("Redis is back") == times)  # type: ignore[misc]
            assert following.result() == [str(event.id) for event in EVENTS]
    finally:
        valkey.stop()


def test_an_entry_of_somebody_else_is_passed_over_and_told(
    migrated_database_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.xadd("tickstock.events", {"event": "{}"})
        client.xadd("tickstock.events", {"id": "1", "channel": "c", "subject": "s", "event": "not JSON"})
    send(migrated_database_url, redis_url, EVENTS[:1])
    assert ids(tail(redis_url, start="0", timeout=10), 1) == [str(EVENTS[0].id)]
    assert caplog.text.count("skipped") == 2


def test_a_redis_that_is_not_there_at_the_start_is_an_error_without_its_password() -> None:
    with pytest.raises(ServiceUnavailableError, match="refused") as refusal:
        next(tail("redis://:hidden-word@127.0.0.1:1/0"))
    assert "hidden-word" not in str(refusal.value)
    with pytest.raises(ServiceUnavailableError, match="refused"):
        next(tail("redis://:hidden-word@127.0.0.1:1/0", start="0"))


def test_a_malformed_url_start_or_channel_is_refused(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="Redis URL"):
        tail("localhost:6379")
    with pytest.raises(BadInputError, match="start 'yesterday' is not accepted"):
        tail(redis_url, start="yesterday")
    with pytest.raises(BadInputError, match="channel 'eod' is not accepted"):
        tail(redis_url, channel="eod")
