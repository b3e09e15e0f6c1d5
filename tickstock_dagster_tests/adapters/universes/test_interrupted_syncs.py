"""A synchronisation that is killed while it is applied: the members are the old ones or the new ones, never a mix."""

import random
import signal
from datetime import timedelta

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.universes.sync_store import apply_staged
from tickstock_dagster_tests.adapters.store_helpers import query
from tickstock_dagster_tests.adapters.universes.sync_world import FRI, NOW, THU, delist, fill, members, stage_all
from tickstock_dagster_tests.forked import Forked

APPLY = """
import os, signal, sys
from datetime import date, datetime

import psycopg

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.sync_store import apply_staged

url, session, now, die_at = sys.argv[1:]
count = 0

def die():
    print(count, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def counted(method):
    def call(self, query, *arguments, **options):
        global count
        count += bool(count) or "universe_memberships" in str(query)
        if str(count) == die_at:
            die()
        return method(self, query, *arguments, **options)
    return call

def commit(self):
    if count and die_at == "commit":
        die()
    committed(self)
    if count and die_at == "committed":
        die()

psycopg.Cursor.execute = counted(psycopg.Cursor.execute)
psycopg.Cursor.executemany = counted(psycopg.Cursor.executemany)
committed, psycopg.Connection.commit = psycopg.Connection.commit, commit
session, now = date.fromisoformat(session), datetime.fromisoformat(now)
apply_staged(open_engine(url), session, market="XNYS", accept_drops=(), run_id="run-2", now=now)
"""


def kill_at(database_url: str, point: str | int) -> int:
    """Apply Friday in a process that is killed at its n-th statement, or at its commit; how many it had begun."""
    process = Forked(APPLY, database_url, str(FRI), (NOW + timedelta(hours=1)).isoformat(), str(point))
    said, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors
    return int(said)


def stored(database_url: str) -> str:
    """A hash over the whole store."""
    return fingerprint(open_engine(database_url)).sha256


@pytest.mark.parametrize("points", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_synchronisation_killed_at_any_point_leaves_the_old_or_the_new(
    migrated_database_url: str, points: int
) -> None:
    url = migrated_database_url
    fill(url, stocks=120)
    stage_all(url, THU)
    apply_staged(open_engine(url), THU, market="XNYS", accept_drops=(), run_id="run-1", now=NOW)
    delist(url, "S00001", "GRO1", "BON3")
    query(url, "UPDATE security_shares SET shares = shares / 100 WHERE security_id % 25 = 0")
    stage_all(url, FRI)
    old = stored(url)
    before = {key: members(url, key) for key in ("top_10", "top_100", "etf_growth", "etf_bonds")}

    statements = kill_at(url, "commit")
    assert statements > 30
    assert stored(url) == old
    for point in random.Random(points).sample(range(1, statements + 1), points):
        assert kill_at(url, point) == point
        assert stored(url) == old, f"killed at statement {point} of {statements}"

    kill_at(url, "committed")
    new = stored(url)
    assert new != old
    assert {key: members(url, key, THU) for key in before} == before
    assert "S00001" not in members(url, "top_10")
    events = query(
        url,
        "SELECT event_id, event -> 'data' FROM outbox WHERE channel = 'tickstock.universe.updated' "
        "AND event -> 'data' ->> 'session' = %s ORDER BY position",
        (str(FRI),),
    )
    assert {data["universe"] for _, data in events} == {
        "top_10",
        "top_100",
        "top_500",
        "top_1000",
        "etf_growth",
        "etf_bonds",
    }
    for event_id, data in events:
        universe, joined, left = (
            data["universe"],
            *({one["symbol"] for one in data[side]} for side in ("added", "removed")),
        )
        assert members(url, universe) - members(url, universe, THU) == joined
        assert members(url, universe, THU) - members(url, universe) == left
        assert data["members"] == len(members(url, universe))
        logged = query(url, "SELECT change, ticker FROM sync_changes_log WHERE event_id = %s", (event_id,))
        assert set(logged) == {*(("added", one) for one in joined), *(("removed", one) for one in left)}
    [(complete,)] = query(
        url,
        "SELECT event -> 'data' FROM outbox WHERE channel = 'tickstock.cache.sync_complete' AND subject = %s",
        (str(FRI),),
    )
    assert set(complete["changed"]) == {data["universe"] for _, data in events}

    again = apply_staged(
        open_engine(url), FRI, market="XNYS", accept_drops=(), run_id="run-3", now=NOW + timedelta(hours=2)
    )
    assert not again.written
    assert stored(url) == new
