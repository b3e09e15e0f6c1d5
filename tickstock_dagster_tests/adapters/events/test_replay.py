"""Replay from a real outbox into a real Valkey: the same ids, marked, and nothing else changes."""

from datetime import UTC, date, datetime, timedelta

import pytest
import redis

from tickstock_dagster.adapters.events import replay as event_replay
from tickstock_dagster.adapters.events import stream_commands
from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
from tickstock_dagster.adapters.events.replay import Selection, replay
from tickstock_dagster.core.errors import BadInputError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import Event, ScheduleAdjusted
from tickstock_dagster_tests.adapters.events.outbox_helpers import (
    NOW,
    commit,
    entries,
    ids,
    interleaved,
    progress,
    rows,
)

ALL = Selection(from_position=1)
LATER = NOW + timedelta(days=3)


def adjusted(day: int) -> Event:
    """An event of another channel, `day` days later than the others."""
    data = ScheduleAdjusted(market="XNYS", session=date(2026, 11, day), adjustment_type="early_close")
    return Event.of(data, time=NOW + timedelta(days=1), dedupe_key="1")


@pytest.fixture
def sent(migrated_database_url: str, redis_url: str) -> list[Event]:
    """Events that were sent, and one that was not; the streams are gone."""
    events = [*interleaved(2, 5), adjusted(27)]
    commit(migrated_database_url, events)
    OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW).dispatch()
    commit(migrated_database_url, [progress("waiting", 1)])
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return events


def test_what_was_sent_comes_again_under_its_ids_and_marked(
    migrated_database_url: str, redis_url: str, sent: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_replay, "PART", 4)
    before = rows(migrated_database_url, "SELECT * FROM outbox ORDER BY position")
    told: list[tuple[int, int]] = []
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as listener:
        listener.psubscribe("*")
        assert listener.get_message(timeout=5) is not None
        report = replay(migrated_database_url, redis_url, ALL, LATER, on_sent=lambda *done: told.append(done))
        assert listener.get_message(timeout=0.2) is None, "nothing is published"
    assert (report.sent, report.total, report.error) == (11, 11, None)
    assert told == [(0, 11), (4, 11), (8, 11), (11, 11)]
    assert ids(redis_url) == [str(event.id) for event in sent]
    assert ids(redis_url, "tickstock.schedule.adjusted") == [str(sent[-1].id)]
    assert {entry["replayed"] for entry in entries(redis_url)} == {LATER.isoformat()}
    assert rows(migrated_database_url, "SELECT * FROM outbox ORDER BY position") == before


def test_a_stream_of_its_own_has_no_cap_and_leaves_the_others_alone(
    migrated_database_url: str, redis_url: str, sent: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_commands, "MAX_ENTRIES", 2)
    replay(migrated_database_url, redis_url, ALL, LATER, to_stream="mine")
    assert ids(redis_url, "mine") == [str(event.id) for event in sent]
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == [b"mine"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"since": "2026-11-20"}, slice(None)),
        ({"since": "2026-11-21"}, slice(10, None)),
        ({"since": "2026-11-20", "until": "2026-11-20T23:00:00+01:00"}, slice(0)),
        ({"since": "2026-11-20", "until": "2026-11-20T23:00:01+01:00"}, slice(10)),
        ({"from_position": 4}, slice(3, None)),
        ({"from_position": 4, "channel": "tickstock.jobs.progress"}, slice(3, 10)),
    ],
)
def test_a_replay_has_what_was_chosen(
    migrated_database_url: str, redis_url: str, sent: list[Event], given: dict[str, str], wanted: slice
) -> None:
    report = replay(migrated_database_url, redis_url, Selection.of(**given), LATER, to_stream="mine")  # type: ignore[arg-type]
    assert ids(redis_url, "mine") == [str(event.id) for event in sent[wanted]]
    assert report.sent == len(sent[wanted])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "since"),
        ({"until": "2026-11-20"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-20", "until": "2026-11-20"}, "until"),
        ({"since": "2026-11-20", "channel": "eod"}, "channel"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(given: dict[str, str], field: str) -> None:
    with pytest.raises(BadInputError, match=f"{field} "):
        Selection.of(**given)  # type: ignore[arg-type]
    assert Selection.of(since="2026-11-20T09:00").since == datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_a_replay_takes_nothing_from_a_group_that_is_reading(
    migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_replay, "PART", 100)
    monkeypatch.setattr(stream_commands, "MAX_ENTRIES", 450)
    commit(migrated_database_url, interleaved(1, 300))
    OutboxDispatcher(migrated_database_url, redis_url).dispatch()
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_create("tickstock.events", "app", id="0")
        client.xreadgroup("app", "one", {"tickstock.events": ">"}, count=1)
    report = replay(migrated_database_url, redis_url, ALL, LATER)
    assert (report.sent, report.total, report.next_position) == (100, 300, 101)
    assert "group app has" in str(report.error)


@pytest.mark.usefixtures("sent")
def test_a_name_that_is_taken_is_refused(migrated_database_url: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("mine", "a text")
    for name in ("mine", "tickstock.events", "tickstock.jobs.progress"):
        with pytest.raises(BadInputError, match="to-stream"):
            replay(migrated_database_url, redis_url, ALL, LATER, to_stream=name)


@pytest.mark.usefixtures("sent")
def test_a_redis_that_is_away_is_told_at_once(migrated_database_url: str) -> None:
    with pytest.raises(ServiceUnavailableError, match="refused"):
        replay(migrated_database_url, "redis://:hidden-word@127.0.0.1:1/0", ALL, LATER)
