"""How long a real Valkey keeps entries: behind the slowest group that lives, up to the cap, and what is told beyond."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from tickstock_dagster.adapters.events import stream_commands
from tickstock_dagster.adapters.events import trim as event_trim
from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, ids, progress

STREAM = "tickstock.events"


@pytest.fixture(autouse=True)
def _small_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis trims by the hundred, so these are the smallest figures that show anything."""
    assert (event_trim.KEEP_ENTRIES, stream_commands.MAX_ENTRIES) == (10_000, 50_000)
    monkeypatch.setattr(event_trim, "KEEP_ENTRIES", 300)
    monkeypatch.setattr(stream_commands, "MAX_ENTRIES", 1_000)


class World:
    def __init__(self, database_url: str, redis_url: str) -> None:
        self.dispatcher = OutboxDispatcher(database_url, redis_url, round_size=200)
        self.client = redis.Redis.from_url(redis_url)
        self.database_url, self.redis_url = database_url, redis_url
        self.written = 0

    def send(self, count: int) -> DispatchReport:
        events = [progress("job", self.written + number) for number in range(1, count + 1)]
        self.written += count
        commit(self.database_url, events)
        return self.dispatcher.dispatch()

    def group(self, name: str) -> None:
        for stream in (STREAM, "tickstock.jobs.progress"):
            self.client.xgroup_create(stream, name, id="0", mkstream=True)

    def read(self, name: str, count: int, *, stream: str = STREAM, acknowledge: bool = True) -> int:
        reply = self.client.xreadgroup(name, "one", {stream: ">"}, count=count)
        read = [entry_id for entry_id, _ in reply[0][1]] if reply else []
        if acknowledge and read:
            self.client.xack(stream, name, *read)
        return len(read)

    def length(self) -> int:
        return int(self.client.xlen(STREAM))


@pytest.fixture
def world(migrated_database_url: str, redis_url: str) -> Iterator[World]:
    world = World(migrated_database_url, redis_url)
    yield world
    world.client.close()


def test_what_every_live_group_has_finished_is_trimmed_and_the_rest_is_not(world: World) -> None:
    world.group("fast")
    world.group("slow")
    world.send(800)
    world.read("fast", 800)
    world.read("slow", 200)
    world.send(1)
    assert 600 <= world.length() < 700
    world.read("slow", 500)
    world.send(1)
    assert 300 <= world.length() < 400


def test_an_entry_that_is_read_and_not_acknowledged_is_kept(world: World) -> None:
    world.group("app")
    world.send(800)
    world.read("app", 300, acknowledge=False)
    world.read("app", 500)
    world.send(1)
    assert world.length() == 801


def test_without_a_group_entries_stay_until_the_cap(world: World) -> None:
    world.send(900)
    assert world.length() == 900
    world.send(900)
    assert 1_000 <= world.length() < 1_200
    assert world.dispatcher.status(datetime.now(UTC)).alerts == ()


def test_a_group_that_was_not_seen_for_long_holds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.group("gone")
    world.group("app")
    world.send(800)
    world.read("gone", 1)
    world.read("app", 800)
    world.send(1)
    assert world.length() == 801
    monkeypatch.setattr(event_trim, "LIVE", timedelta(seconds=1))
    time.sleep(1.05)
    world.send(1)
    assert world.length() == 802, "nobody lives: only the cap counts"
    world.read("app", 10)
    world.send(1)
    assert world.length() < 400


def test_a_group_that_is_reading_is_waited_for_and_loses_nothing(world: World) -> None:
    world.group("app")
    world.read("app", 1)
    world.read("app", 1, stream="tickstock.jobs.progress")
    report = world.send(1_500)
    assert (report.error, report.sent + report.left) == (None, 1_500)
    assert 900 <= report.sent <= 1_000
    assert "group app has" in str(report.waits_for)
    read = 0
    for _ in range(20):
        for stream in (STREAM, "tickstock.jobs.progress"):
            while found := world.read("app", 500, stream=stream):
                read += found if stream == STREAM else 0
        if not world.dispatcher.dispatch().left:
            break
    while found := world.read("app", 500):
        read += found
    assert read == 1_500
    assert world.dispatcher.status(datetime.now(UTC)).alerts == ()


def test_a_group_that_is_away_loses_entries_above_the_cap_and_that_is_an_alert(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.group("app")
    world.send(50)
    world.read("app", 40)
    monkeypatch.setattr(event_trim, "READING", timedelta(0))
    report = world.send(2_000)
    assert (report.sent, report.waits_for) == (2_000, None)
    assert 1_000 <= world.length() < 1_200
    now = datetime.now(UTC)
    alerts = {alert.stream: alert for alert in world.dispatcher.status(now).alerts}
    alert = alerts[STREAM]
    lost = 2_010 - world.length()
    assert alert.group == "app"
    assert lost / 2 < alert.entries <= lost
    assert alert.first_at <= alert.last_at <= now
    assert 1 < caplog.text.count("group app has lost at least") < 20
    assert f"--from-position {alert.from_position}" in caplog.text
    # What the alert names is all that is missing.
    assert alert.from_position is not None
    assert alert.from_position <= 41

    world.client.xgroup_destroy(STREAM, "app")
    assert world.dispatcher.status(now + timedelta(days=8)).alerts == ()


def test_the_newest_entries_are_the_ones_that_are_kept(world: World) -> None:
    world.send(2_500)
    kept = ids(world.redis_url)
    assert kept == [str(progress("job", number).id) for number in range(2_501 - len(kept), 2_501)]
