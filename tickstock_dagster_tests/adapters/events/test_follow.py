"""The dispatcher as a service, as a process of its own and as a thread: prompt, harmless twice, and ended politely."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tickstock_dagster.adapters.events import follow as event_follow
from tickstock_dagster.adapters.events.follow import follow
from tickstock_dagster_tests.adapters.events.event_chaos import dispatcher
from tickstock_dagster_tests.adapters.events.outbox_helpers import (
    PrivateValkey,
    commit,
    expected_by_subject,
    first_copies_by_subject,
    ids,
    interleaved,
    progress,
    rows,
    wait_until,
)

LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE '%LISTEN tickstock%'"


@contextmanager
def following(database_url: str, redis_url: str, told: list[str]) -> Iterator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(follow, database_url, redis_url, stop, on_trouble=told.append)
        try:
            wait_until(lambda: bool(rows(database_url, LISTENING)))
            yield
        finally:
            stop.set()
            running.result(timeout=20)


def test_an_event_arrives_by_its_commit_long_before_the_next_look(
    migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_follow, "POLL_SECONDS", 60.0)  # so that it is the database's word that does it
    with following(migrated_database_url, redis_url, []), redis.Redis.from_url(redis_url) as client:
        last = "0"
        for number in range(1, 21):
            commit(migrated_database_url, [progress("job", number)])
            ((_, found),) = client.xread({"tickstock.events": last}, block=30_000)
            assert [fields[b"id"].decode() for _, fields in found] == [str(progress("job", number).id)]
            last = found[-1][0]
            time.sleep(0.02 * (number % 7))


def test_an_event_of_which_nobody_told_is_found_all_the_same(
    migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_follow, "POLL_SECONDS", 0.5)
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE outbox DISABLE TRIGGER outbox_announce")
    with following(migrated_database_url, redis_url, []):
        commit(migrated_database_url, [progress("job", 1)])
        wait_until(lambda: ids(redis_url) == [str(progress("job", 1).id)], seconds=5)


def test_it_goes_on_when_its_database_sessions_are_cut(migrated_database_url: str, redis_url: str) -> None:
    told: list[str] = []
    with following(migrated_database_url, redis_url, told):
        commit(migrated_database_url, [progress("job", 1)])
        wait_until(lambda: len(ids(redis_url)) == 1)
        cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query ILIKE '%LISTEN tickstock%'"
        assert (True,) in rows(migrated_database_url, f"{cut} AND pid <> pg_backend_pid()")
        commit(migrated_database_url, [progress("job", 2)])
        wait_until(lambda: len(ids(redis_url)) == 2)
    assert any("was lost: " in text or "cannot be " in text for text in told)


def test_it_is_not_well_while_redis_is_away(migrated_database_url: str) -> None:
    stop, told, beats = threading.Event(), list[str](), list[int]()
    with ThreadPoolExecutor() as pool:
        closed = "redis://127.0.0.1:1/0"
        options = {"on_trouble": told.append, "on_well": lambda: beats.append(1)}
        commit(migrated_database_url, [progress("job", 1)])
        running = pool.submit(follow, migrated_database_url, closed, stop, **options)
        try:
            wait_until(lambda: bool(told))
            assert beats == []
        finally:
            stop.set()
            running.result(timeout=20)


def test_it_waits_for_redis_and_tells_once(migrated_database_url: str, tmp_path: Path) -> None:
    valkey = PrivateValkey(tmp_path / "state")
    told: list[str] = []
    try:
        with following(migrated_database_url, valkey.url, told):
            valkey.kill()
            commit(migrated_database_url, interleaved(1, 3))
            wait_until(lambda: bool(told))
            time.sleep(1.0)
            valkey.start()
            wait_until(lambda: valkey.length() == 3)
            wait_until(lambda: told[-1] == "it works again")
        assert Counter(text.partition(" ")[0] for text in told)["Redis:"] <= 2  # away, and perhaps loading its file
    finally:
        valkey.stop()


def test_two_at_once_send_everything_once_and_in_order(migrated_database_url: str, redis_url: str) -> None:
    events = interleaved(5, 60)
    with following(migrated_database_url, redis_url, []), following(migrated_database_url, redis_url, []):
        for start in range(0, len(events), 10):
            commit(migrated_database_url, events[start : start + 10])
        wait_until(lambda: rows(migrated_database_url, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)])
    assert len(ids(redis_url)) == len(events)
    assert first_copies_by_subject(redis_url) == expected_by_subject(events)


def test_sigterm_ends_the_process_after_what_is_under_way(
    migrated_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    service = dispatcher(tmp_path, migrated_database_url, redis_url)
    wait_until(lambda: bool(rows(migrated_database_url, LISTENING)))
    commit(migrated_database_url, interleaved(10, 400))
    wait_until(lambda: len(ids(redis_url)) > 100)
    began = time.monotonic()
    assert service.end() == 0
    assert time.monotonic() - began < 30
    marked = rows(migrated_database_url, "SELECT event_id::text FROM outbox WHERE sent_at IS NOT NULL")
    assert {event_id for (event_id,) in marked} == set(ids(redis_url)), "nothing is sent and not marked"
