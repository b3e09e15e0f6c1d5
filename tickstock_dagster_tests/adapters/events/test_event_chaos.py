"""Dispatcher, consumer and Redis killed at random: every event arrives, and none is done twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tickstock_dagster_tests.adapters.events.event_chaos import assert_nothing_lost, run_chaos
from tickstock_dagster_tests.adapters.events.outbox_helpers import PrivateValkey, interleaved


@pytest.fixture
def private_valkey(tmp_path: Path) -> Iterator[PrivateValkey]:
    valkey = PrivateValkey(tmp_path / "state")
    yield valkey
    valkey.stop()


@pytest.mark.slow
def test_nothing_is_lost_when_each_part_is_killed(
    migrated_database_url: str, private_valkey: PrivateValkey, tmp_path: Path
) -> None:
    events = interleaved(20, 150)
    run_chaos(migrated_database_url, private_valkey, tmp_path, events, pause=0.4, seed=7, most=5)
    assert_nothing_lost(migrated_database_url, private_valkey, tmp_path, events)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_of_100_000_events_is_lost_however_often_each_part_is_killed(
    migrated_database_url: str, private_valkey: PrivateValkey, tmp_path: Path
) -> None:
    events = interleaved(500, 200)
    report = run_chaos(migrated_database_url, private_valkey, tmp_path, events, pause=1.5, seed=11, most=60)
    assert_nothing_lost(migrated_database_url, private_valkey, tmp_path, events)
    assert report.kills.total() >= 10
    print(f"{len(events):,} events in {report.seconds:.1f} s, {dict(report.kills)}, {report.sent_twice:,} sent twice")
