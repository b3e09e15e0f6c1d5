"""A rehearsal sees its own changes, leaves none, and never makes others wait for its rows."""

import threading
from contextlib import suppress

import polars as pl
import psycopg
import pytest

from tickstock_dagster.adapters.ledger.calls import record_calls
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame, read_frame
from tickstock_dagster.adapters.postgres.locks import Lock, held
from tickstock_dagster.adapters.postgres.rehearsal import rehearsal
from tickstock_dagster.adapters.sources.protocol import VendorCall
from tickstock_dagster_tests.adapters.store_helpers import NOW, add_security, query

NAMES = "SELECT name FROM securities ORDER BY name"
ADD = "INSERT INTO securities (name, updated_at) VALUES (%s, %s)"
CALL = VendorCall(NOW.timestamp(), "/v3/reference/tickers", 200, 1, 1.0, 1, "ok")


def names(engine) -> list[str]:
    with transaction(engine) as connection:
        return [name for (name,) in connection.execute(NAMES)]


def add(engine, *rows) -> None:
    with transaction(engine) as connection:
        for row in rows:
            connection.execute(ADD, row)


def test_changes_are_seen_inside_and_gone_afterwards(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    add_security(migrated_database_url, "AAA")
    with rehearsal(engine) as trial:
        with transaction(trial) as connection:
            connection.execute(ADD, ("Bbb", NOW))
        assert names(trial) == ["Aaa", "Bbb"]
        assert names(engine) == ["Aaa"]
        with rehearsal(trial) as same:
            assert same is trial
    assert names(engine) == ["Aaa"]


def test_a_transaction_that_fails_takes_nothing_but_itself_back(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with rehearsal(engine) as trial:
        with transaction(trial) as connection:
            connection.execute(ADD, ("Aaa", NOW))
        with pytest.raises(psycopg.errors.NotNullViolation):
            add(trial, ("Bbb", NOW), ("Ccc", None))
        assert names(trial) == ["Aaa"]
    assert names(engine) == []


def test_staging_tables_end_with_each_transaction(migrated_database_url: str) -> None:
    with rehearsal(open_engine(migrated_database_url)) as trial:
        for _ in range(2):
            with transaction(trial) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TEMP TABLE stage (number bigint) ON COMMIT DROP")
                copy_frame(cursor, "stage", pl.DataFrame({"number": [1]}))


def test_frames_are_those_that_are_read_outside_of_it(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    add_security(migrated_database_url, "AAA")
    text = """
        SELECT security_id, ticker, valid_from, valid_to, 1.5::float8 AS ratio, true AS yes, ARRAY['a'] AS parts,
            s.updated_at
        FROM ticker_intervals JOIN securities AS s USING (security_id) WHERE ticker = $1
    """
    for ticker in ("AAA", "BBB"):
        outside = read_frame(engine, text, (ticker,))
        with rehearsal(engine) as trial:
            assert read_frame(trial, text, (ticker,)).equals(outside)
            assert read_frame(trial, text, (ticker,)).schema == outside.schema


def test_calls_are_recorded_for_good_even_where_the_rehearsal_fails(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with suppress(RuntimeError), rehearsal(engine) as trial:
        record_calls(trial, [CALL], source="simulator", run_id="plan")
        raise RuntimeError
    assert query(migrated_database_url, "SELECT endpoint, run_id FROM vendor_calls") == [(CALL.endpoint, "plan")]


def test_a_lock_is_kept_until_the_end_so_that_nobody_waits_for_rows(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    done: list[str] = []

    def other() -> None:
        with held(engine, Lock.LISTINGS), transaction(engine) as connection:
            connection.execute("INSERT INTO securities (composite_figi, updated_at) VALUES ('F', now())")
            done.append("other")

    with rehearsal(engine) as trial:
        for _ in range(2):
            with held(trial, Lock.LISTINGS), transaction(trial) as connection:
                connection.execute(
                    "INSERT INTO securities (composite_figi, updated_at) VALUES ('F', now()) ON CONFLICT DO NOTHING"
                )
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.3)
        assert done == []
        done.append("rehearsal")
    thread.join()
    assert done == ["rehearsal", "other"]
