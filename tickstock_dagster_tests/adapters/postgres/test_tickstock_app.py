"""The example application as a process: gets everything, does nothing twice, takes over, survives being killed."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
from tickstock_dagster_tests.adapters.events.event_chaos import EXAMPLE, Killable, consumer, done, group_is_there
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, interleaved, progress, rows, wait_until

STREAM, GROUP = "tickstock.events", "tickstock-app"


@pytest.fixture
def started() -> Iterator[list[Killable]]:
    running: list[Killable] = []
    yield running
    for process in running:
        if process.process.poll() is None:
            process.kill()


def send(database_url: str, redis_url: str, events: list) -> None:
    commit(database_url, events)
    assert OutboxDispatcher(database_url, redis_url).dispatch().error is None


def pending(redis_url: str) -> int:
    with redis.Redis.from_url(redis_url) as client:
        return int(client.xpending(STREAM, GROUP)["pending"])


def test_it_prints_what_it_gets_once_and_ends_when_asked(
    migrated_database_url: str, redis_url: str, tmp_path: Path, started: list[Killable]
) -> None:
    events = interleaved(2, 10)
    send(migrated_database_url, redis_url, events)
    started.append(consumer(tmp_path, redis_url))
    wait_until(lambda: len(done(tmp_path)) == len(events))
    # The dispatcher crashed before it marked them: they come again.
    with redis.Redis.from_url(redis_url) as client:
        for _, fields in client.xrange(STREAM):
            client.xadd(STREAM, fields)
    send(migrated_database_url, redis_url, [progress("last", 1)])
    wait_until(lambda: len(done(tmp_path)) == len(events) + 1)
    wait_until(lambda: pending(redis_url) == 0)
    assert started[0].end(5) == 0
    lines = (tmp_path / "app.log").read_text().splitlines()
    assert len(lines) == len(events) + 1
    time, channel, subject, data = lines[0].split(" ", 3)
    assert (time, channel, subject) == ("2026-11-20T22:00:00Z", "tickstock.jobs.progress", "job-0")
    assert json.loads(data) == events[0].envelope()["data"]


@pytest.mark.slow
def test_killed_again_and_again_it_misses_nothing_and_does_nothing_twice(
    migrated_database_url: str, redis_url: str, tmp_path: Path, started: list[Killable]
) -> None:
    events = interleaved(5, 400)
    process = consumer(tmp_path, redis_url)
    started.append(process)
    wait_until(lambda: group_is_there(redis_url))
    for part in range(4):
        send(migrated_database_url, redis_url, events[part * 500 : part * 500 + 500])
        wait_until(lambda least=part * 500 + 100: len(done(tmp_path)) > least)  # type: ignore[misc]
        process.kill()
        process.start()
    wait_until(lambda: len(done(tmp_path)) == len(events))
    assert [event_id for event_id, _ in done(tmp_path)] == [str(event.id) for event in events]
    wait_until(lambda: pending(redis_url) == 0)


def test_what_a_dead_reader_holds_is_taken_over(
    migrated_database_url: str, redis_url: str, tmp_path: Path, started: list[Killable]
) -> None:
    events = interleaved(1, 30)
    send(migrated_database_url, redis_url, events)
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_create(STREAM, GROUP, id="0")
        client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=20)
    impatient = f"""
import runpy, sys
sys.argv = [{str(EXAMPLE)!r}, {redis_url!r}, {str(tmp_path / "seen.sqlite")!r}, "heir"]
example = runpy.run_path({str(EXAMPLE)!r})
example["main"].__globals__.update(DEAD_MS=300, BLOCK_MS=50)
example["main"]()
"""
    started.append(Killable(tmp_path / "heir.log", "-c", impatient))
    wait_until(lambda: len(done(tmp_path)) == len(events))
    assert Counter(event_id for event_id, _ in done(tmp_path)) == Counter(str(event.id) for event in events)
    wait_until(lambda: pending(redis_url) == 0)


def test_a_redis_that_forgot_the_group_is_joined_again(
    migrated_database_url: str, redis_url: str, tmp_path: Path, started: list[Killable]
) -> None:
    started.append(consumer(tmp_path, redis_url))
    wait_until(lambda: group_is_there(redis_url))
    with redis.Redis.from_url(redis_url) as client, suppress(redis.RedisError):
        client.flushall()
    send(migrated_database_url, redis_url, interleaved(1, 5))
    wait_until(lambda: len(done(tmp_path)) == 5)
    assert rows(migrated_database_url, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]
