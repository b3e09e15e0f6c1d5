"""The outbox against a real PostgreSQL and a real Valkey: what is written, what is sent, what survives."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tickstock_dagster.adapters.events import outbox, stream_commands
from tickstock_dagster.adapters.events import stream as event_stream
from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher, write_events
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.core.errors import BadInputError, ConfigurationError, ServiceUnavailableError
from tickstock_dagster.core.events.envelope import EodComplete, Event, ScheduleAdjusted
from tickstock_dagster_tests.adapters.events.outbox_helpers import (
    NOW,
    PrivateValkey,
    commit,
    end_marking_session,
    entries,
    expected_by_subject,
    first_copies_by_subject,
    ids,
    interleaved,
    marks_blocked,
    progress,
    prune,
    rows,
    wait_until,
    wait_until_marking,
)
from tickstock_dagster_tests.forked import Forked

CLOSED_PORT = "redis://:hidden-word@127.0.0.1:1/0"
DISPATCH = """
import sys
from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
OutboxDispatcher(sys.argv[1], sys.argv[2], round_size=int(sys.argv[3])).dispatch()
"""


@pytest.fixture
def private_valkey(tmp_path: Path) -> Iterator[PrivateValkey]:
    valkey = PrivateValkey(tmp_path / "state")
    yield valkey
    valkey.stop()


def test_events_of_committed_transactions_are_sent_and_those_of_rolled_back_ones_are_not(
    migrated_database_url: str, redis_url: str
) -> None:
    def change(number: int) -> None:
        with transaction(open_engine(migrated_database_url)) as connection:
            write_events(connection, [progress("job", number)])
            if number % 2:
                raise ZeroDivisionError

    for number in range(1, 7):
        with pytest.raises(ZeroDivisionError) if number % 2 else nullcontext():
            change(number)
    report = OutboxDispatcher(migrated_database_url, redis_url).dispatch()
    assert (report.sent, report.left, report.error) == (3, 0, None)
    assert ids(redis_url) == [str(progress("job", number).id) for number in (2, 4, 6)]


def test_an_event_that_is_written_twice_is_stored_and_sent_once(migrated_database_url: str, redis_url: str) -> None:
    assert commit(migrated_database_url, [progress("job", 1), progress("job", 1)]) == 1
    assert commit(migrated_database_url, [progress("job", 1), progress("job", 2)]) == 1
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    assert dispatcher.dispatch().sent == 2
    assert commit(migrated_database_url, [progress("job", 2)]) == 0
    assert dispatcher.dispatch().sent == 0
    assert ids(redis_url) == [str(progress("job", 1).id), str(progress("job", 2).id)]


def test_writing_no_events_is_fine(migrated_database_url: str) -> None:
    assert commit(migrated_database_url, []) == 0


def test_an_event_outside_of_a_transaction_is_refused(migrated_database_url: str) -> None:
    with (
        psycopg.connect(migrated_database_url, autocommit=True) as connection,
        pytest.raises(RuntimeError, match="transaction"),
    ):
        write_events(connection, [progress("job", 1)])
    assert rows(migrated_database_url, "SELECT count(*) FROM outbox") == [(0,)]


def test_an_event_reaches_both_streams_its_channel_and_its_alias(migrated_database_url: str, redis_url: str) -> None:
    done = EodComplete(
        session=date(2026, 11, 20),
        market="XNYS",
        expected=3,
        stored=2,
        explained=1,
        missing=0,
        gaps_by_reason={"halted": 1},
        run_id="run-1",
        started_at=NOW - timedelta(seconds=30),
        finished_at=NOW,
    )
    early = ScheduleAdjusted(market="XNYS", session=date(2026, 11, 27), adjustment_type="early_close")
    events = [Event.of(done, time=NOW, dedupe_key="run-1"), Event.of(early, time=NOW, dedupe_key="1")]
    events.append(progress("job", 25_000))
    commit(migrated_database_url, events)
    channels = [event.channel for event in events]
    aliases = ["eod_complete", "schedule_notification", "job_progress"]
    with redis.Redis.from_url(redis_url, decode_responses=True) as client, client.pubsub() as listener:
        listener.subscribe(*channels, *aliases)
        for _ in channels + aliases:
            assert listener.get_message(timeout=5) is not None
        OutboxDispatcher(migrated_database_url, redis_url).dispatch()
        messages = [listener.get_message(timeout=5) for _ in range(6)]

    envelopes = [event.envelope() for event in events]
    told = [(message["channel"], json.loads(message["data"])) for message in messages if message]
    assert told == [
        (channels[0], envelopes[0]),
        ("eod_complete", envelopes[0]["data"]),
        (channels[1], envelopes[1]),
        (
            "schedule_notification",
            {
                "type": "schedule_adjustment",
                "adjustment_type": "early_close",
                "details": {"market": "XNYS", "session": "2026-11-27"},
                "timestamp": "2026-11-20T22:00:00Z",
            },
        ),
        (channels[2], envelopes[2]),
        ("job_progress", {"job_id": "job", "symbol": None, "progress": 0.25}),
    ]
    for stream, wanted in [("tickstock.events", events), *zip(channels, [[event] for event in events], strict=True)]:
        found = entries(redis_url, stream)
        assert [json.loads(entry.pop("event")) for entry in found] == [event.envelope() for event in wanted]
        assert found == [{"id": str(e.id), "channel": e.channel, "subject": e.subject} for e in wanted]


def test_events_wait_while_redis_is_away_and_are_sent_when_it_is_back(
    migrated_database_url: str, redis_url: str
) -> None:
    commit(migrated_database_url, interleaved(2, 3))
    away = OutboxDispatcher(migrated_database_url, CLOSED_PORT).dispatch()
    assert (away.sent, away.left, away.confirmed) == (0, 6, None)
    assert away.error is not None
    assert "refused" in away.error
    assert rows(migrated_database_url, "SELECT DISTINCT attempts, last_error FROM outbox") == [(1, away.error)]
    assert "hidden-word" not in away.error

    back = OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW).dispatch()
    assert (back.sent, back.left, back.error) == (6, 0, None)
    assert ids(redis_url) == [str(event.id) for event in interleaved(2, 3)]
    stored = rows(migrated_database_url, "SELECT DISTINCT attempts, last_error, sent_at FROM outbox")
    assert stored == [(2, None, NOW)]


def test_a_wrong_password_of_redis_is_told_without_the_password(migrated_database_url: str, redis_url: str) -> None:
    commit(migrated_database_url, [progress("job", 1)])
    address = redis_url.rpartition("@")[2]
    report = OutboxDispatcher(migrated_database_url, f"redis://:hidden-word@{address}").dispatch()
    assert (report.sent, report.left) == (0, 1)
    assert report.error is not None
    assert "password" in report.error
    assert "hidden-word" not in report.error


def test_a_malformed_redis_url_is_refused_without_being_repeated(migrated_database_url: str) -> None:
    commit(migrated_database_url, [progress("job", 1)])
    with pytest.raises(ConfigurationError) as refusal:
        OutboxDispatcher(migrated_database_url, "http://:hidden-word@127.0.0.1/0").dispatch()
    assert "hidden-word" not in str(refusal.value)


def test_with_nothing_to_send_redis_is_not_needed(migrated_database_url: str) -> None:
    report = OutboxDispatcher(migrated_database_url, CLOSED_PORT).dispatch()
    assert (report.sent, report.left, report.error) == (0, 0, None)


def test_a_database_without_the_schema_is_told_with_what_to_do(database_url: str, redis_url: str) -> None:
    with pytest.raises(ServiceUnavailableError, match="tickstock migrate"):
        OutboxDispatcher(database_url, redis_url).dispatch()


def test_dispatch_stops_at_the_number_asked_for(migrated_database_url: str, redis_url: str) -> None:
    commit(migrated_database_url, interleaved(1, 10))
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url, round_size=3)
    told: list[int] = []
    report = dispatcher.dispatch(7, on_sent=told.append)
    assert (report.sent, report.left, told) == (7, 3, [3, 6, 7])
    assert ids(redis_url) == [str(event.id) for event in interleaved(1, 7)]
    with pytest.raises(BadInputError, match="max_events"):
        dispatcher.dispatch(0)


def test_redis_killed_in_the_middle_loses_no_event(migrated_database_url: str, private_valkey: PrivateValkey) -> None:
    events = interleaved(5, 600)
    commit(migrated_database_url, events)
    dispatcher = OutboxDispatcher(migrated_database_url, private_valkey.url, round_size=250)
    with ThreadPoolExecutor() as pool:
        for threshold in (300, 1_200):
            running = pool.submit(dispatcher.dispatch)
            wait_until(lambda at_least=threshold: private_valkey.length() > at_least)  # type: ignore[misc]
            private_valkey.kill()
            report = running.result(timeout=30)
            assert report.error is not None
            assert report.left > 0
            private_valkey.start()
    assert dispatcher.dispatch().left == 0
    assert first_copies_by_subject(private_valkey.url) == expected_by_subject(events)
    marked = rows(migrated_database_url, "SELECT event_id::text FROM outbox WHERE sent_at IS NOT NULL")
    assert {event_id for (event_id,) in marked} == set(ids(private_valkey.url)) == {str(e.id) for e in events}


def test_a_dispatcher_killed_again_and_again_sends_every_event_at_least_once_and_in_order(
    migrated_database_url: str, redis_url: str
) -> None:
    events = interleaved(10, 300)
    commit(migrated_database_url, events)
    with redis.Redis.from_url(redis_url) as client:
        for number in range(1, 5):
            before = int(client.xlen("tickstock.events"))
            process = Forked(DISPATCH, migrated_database_url, redis_url, "200")
            wait_until(lambda target=before + 110 * number: client.xlen("tickstock.events") >= target)  # type: ignore[misc]
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL
    # The server gives the lock back when it notices that the session's process is gone.
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    wait_until(lambda: dispatcher.dispatch().left == 0)
    assert first_copies_by_subject(redis_url) == expected_by_subject(events)


def test_a_dispatcher_killed_between_sending_and_marking_sends_again_under_the_same_ids(
    migrated_database_url: str, redis_url: str
) -> None:
    events = interleaved(2, 5)
    commit(migrated_database_url, events)
    with marks_blocked(migrated_database_url):
        process = Forked(DISPATCH, migrated_database_url, redis_url, "100")
        wait_until_marking(migrated_database_url)
        process.kill()
        process.communicate()
        end_marking_session(migrated_database_url)  # else the server would carry its last statement through
    report = OutboxDispatcher(migrated_database_url, redis_url).dispatch()
    assert (report.busy, report.sent, report.left) == (False, len(events), 0)
    assert Counter(ids(redis_url)) == {str(event.id): 2 for event in events}
    assert first_copies_by_subject(redis_url) == expected_by_subject(events)


def test_a_second_dispatcher_is_turned_away_and_the_first_sends_what_it_came_for(
    migrated_database_url: str, redis_url: str
) -> None:
    commit(migrated_database_url, interleaved(1, 5))
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with ThreadPoolExecutor() as pool:
        with marks_blocked(migrated_database_url):
            first = pool.submit(dispatcher.dispatch)
            wait_until_marking(migrated_database_url)
            commit(migrated_database_url, [progress("job-0", 6)])
            second = dispatcher.dispatch()
        assert (second.busy, second.sent, second.left, second.error) == (True, 0, 6, None)
        report = first.result(timeout=30)
    assert (report.busy, report.sent, report.left) == (False, 6, 0)
    assert ids(redis_url) == [str(event.id) for event in interleaved(1, 6)]


def test_an_event_committed_while_a_dispatcher_is_about_to_end_is_still_sent_by_it(
    migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(migrated_database_url, interleaved(1, 5))
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    only_dispatcher = outbox._only_dispatcher
    turned_away: list[DispatchReport] = []

    @contextmanager
    def ending(database: psycopg.Connection[Any]) -> Iterator[bool]:
        with only_dispatcher(database) as alone:
            yield alone
            if alone and not turned_away:  # it has found nothing more, and has not given the lock back yet
                commit(migrated_database_url, [progress("job-0", 6)])
                turned_away.append(dispatcher.dispatch())

    monkeypatch.setattr(outbox, "_only_dispatcher", ending)
    report = dispatcher.dispatch()
    assert [(other.busy, other.sent) for other in turned_away] == [(True, 0)]
    assert (report.sent, report.left) == (6, 0)


def test_writers_and_dispatchers_at_once_send_each_event_once_and_in_order(
    migrated_database_url: str, redis_url: str
) -> None:
    jobs, each = 3, 60
    finished = threading.Event()

    def write(job: int) -> None:
        for number in range(1, each + 1):
            commit(migrated_database_url, [progress(f"job-{job}", number)])

    def dispatch() -> None:
        dispatcher = OutboxDispatcher(migrated_database_url, redis_url, round_size=20)
        while not finished.is_set():
            assert dispatcher.dispatch().error is None

    with ThreadPoolExecutor() as pool:
        dispatchers = [pool.submit(dispatch) for _ in range(3)]
        for writer in [pool.submit(write, job) for job in range(jobs)]:
            writer.result(timeout=60)
        finished.set()
        for running in dispatchers:
            running.result(timeout=60)
    OutboxDispatcher(migrated_database_url, redis_url).dispatch()
    sent = ids(redis_url)
    assert len(sent) == len(set(sent)) == jobs * each
    assert first_copies_by_subject(redis_url) == expected_by_subject(interleaved(jobs, each))


def test_a_database_lost_in_the_middle_leaves_the_lock_free_and_the_events_waiting(
    migrated_database_url: str, redis_url: str
) -> None:
    commit(migrated_database_url, interleaved(1, 5))
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with ThreadPoolExecutor() as pool:
        with marks_blocked(migrated_database_url):
            running = pool.submit(dispatcher.dispatch)
            wait_until_marking(migrated_database_url)
            end_marking_session(migrated_database_url)
        with pytest.raises(ServiceUnavailableError, match=r"database .* was lost: "):
            running.result(timeout=30)
    report = dispatcher.dispatch()
    assert (report.busy, report.sent, report.left) == (False, 5, 0)


def test_a_full_redis_is_an_error_and_no_event_is_marked(
    migrated_database_url: str, private_valkey: PrivateValkey
) -> None:
    commit(migrated_database_url, interleaved(1, 250))
    dispatcher = OutboxDispatcher(migrated_database_url, private_valkey.url)
    private_valkey.configure("maxmemory", 1)
    report = dispatcher.dispatch()
    assert (report.sent, report.left, private_valkey.length()) == (0, 250, 0)
    assert report.error is not None
    assert "maxmemory" in report.error
    private_valkey.configure("maxmemory", 0)
    assert dispatcher.dispatch().sent == 250
    assert ids(private_valkey.url) == [str(event.id) for event in interleaved(1, 250)]


def test_a_foreign_key_under_a_channels_name_is_an_error_and_what_came_before_it_is_marked(
    migrated_database_url: str, redis_url: str
) -> None:
    early = ScheduleAdjusted(market="XNYS", session=date(2026, 11, 27), adjustment_type="early_close")
    commit(migrated_database_url, [*interleaved(1, 100), Event.of(early, time=NOW, dedupe_key="1")])
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set("tickstock.schedule.adjusted", "not a stream")
        report = dispatcher.dispatch()
        assert (report.sent, report.left, report.confirmed) == (100, 1, True)
        assert report.error is not None
        assert "WRONGTYPE" in report.error
        client.delete("tickstock.schedule.adjusted")
    assert dispatcher.dispatch().sent == 1
    assert len(ids(redis_url, "tickstock.schedule.adjusted")) == 1


@pytest.mark.parametrize(
    ("setting", "value", "confirmed"),
    [
        ("appendfsync", "everysec", True),
        ("appendfsync", "always", True),
        ("appendfsync", "no", False),
        ("appendonly", "no", False),
    ],
)
def test_the_report_says_whether_the_append_only_file_has_the_events(
    migrated_database_url: str, private_valkey: PrivateValkey, setting: str, value: str, confirmed: bool
) -> None:
    private_valkey.configure(setting, value)
    commit(migrated_database_url, interleaved(1, 3))
    report = OutboxDispatcher(migrated_database_url, private_valkey.url).dispatch()
    assert (report.sent, report.error, report.confirmed) == (3, None, confirmed)


@pytest.mark.parametrize(("forbidden", "confirmed"), [("-config", True), ("-config -waitaof", False)])
def test_a_hosted_server_that_forbids_commands_takes_events_all_the_same(
    migrated_database_url: str, private_valkey: PrivateValkey, forbidden: str, confirmed: bool
) -> None:
    with redis.Redis.from_url(private_valkey.url) as client:
        client.execute_command("ACL", "SETUSER", "tenant", "on", ">word", "~*", "&*", "+@all", *forbidden.split())
    commit(migrated_database_url, interleaved(1, 3))
    tenant = f"redis://tenant:word@{private_valkey.url.rpartition('@')[2]}"
    report = OutboxDispatcher(migrated_database_url, tenant).dispatch()
    assert (report.sent, report.error, report.confirmed) == (3, None, confirmed)


def test_events_that_redis_does_not_confirm_are_not_marked(
    migrated_database_url: str, private_valkey: PrivateValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CONFIRM_SECONDS", 0.5)
    commit(migrated_database_url, interleaved(1, 5))
    dispatcher = OutboxDispatcher(migrated_database_url, private_valkey.url, round_size=3)
    # The file is no longer forced to disk once the dispatcher has looked.
    report = dispatcher.dispatch(on_sent=lambda _: private_valkey.configure("appendfsync", "no"))
    assert (report.sent, report.left) == (3, 2)
    assert report.error is not None
    assert "did not confirm" in report.error
    private_valkey.configure("appendfsync", "everysec")
    assert dispatcher.dispatch().sent == 2
    assert first_copies_by_subject(private_valkey.url) == expected_by_subject(interleaved(1, 5))


def test_a_stream_keeps_about_its_newest_entries(
    migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stream_commands.MAX_ENTRIES == 50_000
    monkeypatch.setattr(stream_commands, "MAX_ENTRIES", 300)
    events = interleaved(1, 1_000)
    commit(migrated_database_url, events)
    OutboxDispatcher(migrated_database_url, redis_url).dispatch()
    for stream in ("tickstock.events", "tickstock.jobs.progress"):
        kept = ids(redis_url, stream)
        assert 300 <= len(kept) <= 500
        assert kept == [str(event.id) for event in events[-len(kept) :]]


def test_status_says_what_waits_since_when_and_why(migrated_database_url: str, redis_url: str) -> None:
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW)
    empty = dispatcher.status(NOW)
    assert (empty.unsent, empty.oldest_unsent, empty.sent_last_day, empty.last_error) == (0, None, 0, None)
    commit(migrated_database_url, interleaved(1, 3))
    dispatcher.dispatch(1)
    OutboxDispatcher(migrated_database_url, CLOSED_PORT).dispatch()
    found = dispatcher.status(NOW + timedelta(hours=23))
    assert (found.unsent, found.oldest_unsent, found.sent_last_day) == (2, NOW, 1)
    assert found.last_error is not None
    assert dispatcher.status(NOW + timedelta(hours=25)).sent_last_day == 0


def test_prune_deletes_what_was_sent_ninety_days_ago_and_never_what_was_not(
    migrated_database_url: str, redis_url: str
) -> None:
    dispatcher = OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW)
    commit(migrated_database_url, interleaved(1, 3))
    dispatcher.dispatch(2)
    late = OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: NOW + timedelta(days=1))
    late.dispatch()
    commit(migrated_database_url, [progress("job-0", 4)])
    assert prune(migrated_database_url, NOW + timedelta(days=90)) == 0
    assert prune(migrated_database_url, NOW + timedelta(days=90, seconds=1)) == 2
    assert prune(migrated_database_url, datetime(2030, 1, 1, tzinfo=UTC)) == 1
    assert rows(migrated_database_url, "SELECT event_id::text FROM outbox") == [(str(progress("job-0", 4).id),)]
