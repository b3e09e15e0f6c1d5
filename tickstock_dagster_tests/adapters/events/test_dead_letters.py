"""Events that Redis refuses: counted, given up, listed, released and dropped, and nobody else waits for them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import redis

from tickstock_dagster.adapters.events.dead_letters import dead_letters, drop, release
from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
from tickstock_dagster.adapters.events.outbox_drain import DEAD_AFTER
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.envelope import EodStatus, Event, ScheduleAdjusted
from tickstock_dagster_tests.adapters.events.outbox_helpers import (
    NOW,
    PrivateValkey,
    commit,
    ids,
    interleaved,
    progress,
    prune,
    rows,
)

ADJUSTED = "tickstock.schedule.adjusted"


@pytest.fixture
def private_valkey(tmp_path: Path) -> Iterator[PrivateValkey]:
    valkey = PrivateValkey(tmp_path / "state")
    yield valkey
    valkey.stop()


def adjusted(number: int, day: int = 27, **details: str) -> Event:
    data = ScheduleAdjusted(
        market="XNYS", session=date(2026, 11, day), adjustment_type="early_close", details=dict(details)
    )
    return Event.of(data, time=NOW, dedupe_key=str(number))


def status(number: int, day: int = 27) -> Event:
    """An event of another channel about the same subject as `adjusted`."""
    counts = {"expected": 1, "stored": 0, "explained": 0, "missing": 1}
    data = EodStatus(session=date(2026, 11, day), market="XNYS", state="started", attempt=number, **counts)
    return Event.of(data, time=NOW, dedupe_key=str(number))


def as_ids(*events: Event) -> list[str]:
    return [str(event.id) for event in events]


def test_a_refused_event_is_given_up_after_five_dispatches_and_blocks_nobody_else(
    migrated_database_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused, behind, other = adjusted(1), status(1), status(1, day=25)
    commit(migrated_database_url, [refused, behind, other, *interleaved(2, 150)])
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW)
    with redis.Redis.from_url(redis_url) as client:
        client.set(ADJUSTED, "not a stream")
    first = dispatcher.dispatch()
    assert (first.sent, first.left, first.refused) == (301, 2, 1)
    assert first.error is not None
    assert f"the key {ADJUSTED} is no stream, it is a string" in first.error
    for _ in range(DEAD_AFTER - 1):
        assert dead_letters(migrated_database_url) == []
        assert dispatcher.dispatch().refused == 1
    (letter,) = dead_letters(migrated_database_url)
    assert (letter.event_id, letter.attempts, letter.held) == (str(refused.id), DEAD_AFTER, 1)
    assert "is a dead letter after 5 refusals" in caplog.text

    later = dispatcher.dispatch()
    assert (later.sent, later.left, later.refused, later.error) == (0, 2, 0, None)
    found = dispatcher.status(NOW)
    assert (found.unsent, found.dead, found.held, found.last_error) == (1, 1, 1, None)
    # Each was added once, and the refused one never: the stream of all events was not touched for it.
    assert sorted(ids(redis_url)) == sorted(as_ids(other, *interleaved(2, 150)))


def test_a_released_event_comes_before_what_waited_behind_it(migrated_database_url: str, redis_url: str) -> None:
    events = [adjusted(1), status(1), adjusted(2), status(2)]
    commit(migrated_database_url, events)
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(ADJUSTED, "not a stream")
        for _ in range(DEAD_AFTER):
            dispatcher.dispatch()
        assert [letter.held for letter in dead_letters(migrated_database_url)] == [3]
        client.delete(ADJUSTED)
    assert dispatcher.dispatch().sent == 0
    assert release(migrated_database_url) == as_ids(events[0])
    report = dispatcher.dispatch()
    assert (report.sent, report.left, report.error) == (4, 0, None)
    assert ids(redis_url) == as_ids(*events)
    assert rows(migrated_database_url, "SELECT resolution, dead_at FROM dead_letters") == [("sent", None)]


def test_a_dropped_event_is_never_sent_and_lets_the_others_go(migrated_database_url: str, redis_url: str) -> None:
    refused, behind = adjusted(1), status(1)
    commit(migrated_database_url, [refused, behind])
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(ADJUSTED, "not a stream")
        for _ in range(DEAD_AFTER):
            dispatcher.dispatch()
        client.delete(ADJUSTED)
    assert drop(migrated_database_url, [str(refused.id).upper()], NOW) == as_ids(refused)
    report = dispatcher.dispatch()
    assert (report.sent, report.left) == (1, 0)
    assert ids(redis_url) == as_ids(behind)
    assert dead_letters(migrated_database_url) == []
    assert prune(migrated_database_url, NOW.replace(year=2030)) == 2


def test_an_event_that_is_refused_once_and_taken_then_is_no_dead_letter(
    migrated_database_url: str, redis_url: str
) -> None:
    commit(migrated_database_url, [adjusted(1), adjusted(2)])
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(ADJUSTED, "not a stream")
        assert dispatcher.dispatch().refused == 1
        client.delete(ADJUSTED)
    assert dispatcher.dispatch().sent == 2
    assert ids(redis_url, ADJUSTED) == as_ids(adjusted(1), adjusted(2))


def test_a_broken_stream_of_all_events_is_an_outage_in_which_nothing_is_given_up(
    migrated_database_url: str, redis_url: str
) -> None:
    commit(migrated_database_url, interleaved(1, 3))
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set("tickstock.events", "not a stream")
        for _ in range(DEAD_AFTER + 1):
            report = dispatcher.dispatch()
            assert (report.sent, report.refused) == (0, 0)
            assert "WRONGTYPE" in str(report.error)
        client.delete("tickstock.events")
    assert dispatcher.dispatch().sent == 3
    assert ids(redis_url) == as_ids(*interleaved(1, 3))


def test_an_event_longer_than_the_server_takes_is_refused_and_the_rest_is_sent(
    migrated_database_url: str, private_valkey: PrivateValkey
) -> None:
    private_valkey.configure("proto-max-bulk-len", 1_048_576)
    long = adjusted(1, reason="x" * 1_100_000)
    commit(migrated_database_url, [progress("job", 1), long, progress("job", 2)])
    report = OutboxDispatcher(migrated_database_url, private_valkey.url).dispatch()
    assert (report.sent, report.left, report.refused) == (2, 1, 1)
    assert "longer than the 1,048,576 bytes" in str(report.error)
    assert ids(private_valkey.url) == as_ids(progress("job", 1), progress("job", 2))


def test_long_events_are_sent_in_smaller_batches(migrated_database_url: str, private_valkey: PrivateValkey) -> None:
    private_valkey.configure("client-query-buffer-limit", 4_194_304)
    events = [adjusted(number, reason="x" * 400_000) for number in range(12)]
    commit(migrated_database_url, events)
    report = OutboxDispatcher(migrated_database_url, private_valkey.url).dispatch()
    assert (report.sent, report.error) == (12, None)


def test_a_channel_that_is_closed_to_us_is_refused_alone(
    migrated_database_url: str, private_valkey: PrivateValkey
) -> None:
    commit(migrated_database_url, [progress("job", 1), adjusted(1), progress("job", 2)])
    with redis.Redis.from_url(private_valkey.url) as client:
        keys = ["~tickstock.events", "~tickstock.jobs.progress"]
        client.execute_command("ACL", "SETUSER", "tenant", "on", ">word", *keys, "&*", "+@all")
    tenant = f"redis://tenant:word@{private_valkey.url.rpartition('@')[2]}"
    report = OutboxDispatcher(migrated_database_url, tenant).dispatch()
    assert (report.sent, report.left, report.refused) == (2, 1, 1)
    assert ids(private_valkey.url) == as_ids(progress("job", 1), progress("job", 2))


def test_an_id_that_is_no_dead_letter_is_refused(migrated_database_url: str) -> None:
    commit(migrated_database_url, [adjusted(1)])
    for given in (str(adjusted(1).id), "42"):
        with pytest.raises(BadInputError, match="dead list"):
            release(migrated_database_url, [given])
        with pytest.raises(BadInputError, match="dead list"):
            drop(migrated_database_url, [given], NOW)
