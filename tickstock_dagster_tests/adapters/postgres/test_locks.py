"""Turns: one process at a time by name, under the keys that other releases and SQL functions use."""

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.locks import Lock, held, hold_if_free, lock, lock_if_free
from tickstock_dagster_tests.adapters.store_helpers import query

NAMED = {
    Lock.BARS: "hashtext('tickstock bars')",
    Lock.CALENDARS: "hashtext('tickstock calendars')",
    Lock.CORRELATIONS: "hashtext('tickstock correlations')",
    Lock.EQUITY_TYPES: "hashtext('tickstock equity types')",
    Lock.LISTINGS: "hashtext('tickstock listings')",
    Lock.MEMBERSHIPS: "hashtext('universe_memberships')",
    Lock.MIGRATIONS: "1953063787",
    Lock.PROCESSING_PERFORMANCE: "hashtext('tickstock processing performance')",
    Lock.QUEUE: "hashtext('tickstock processing queue')",
    Lock.OUTBOX: "8388345094036878434",
    Lock.MAILS: "8388345094002010476",
}


def free(database_url: str, which: Lock) -> bool:
    [(granted,)] = query(database_url, f"SELECT pg_try_advisory_lock({NAMED[which]})")
    return bool(granted)


@pytest.mark.parametrize("which", Lock)
def test_a_lock_is_the_key_that_every_release_takes(migrated_database_url: str, which: Lock) -> None:
    engine = open_engine(migrated_database_url)
    with transaction(engine) as connection:
        lock(connection, which)
        assert not free(migrated_database_url, which)
    with transaction(engine) as connection, connection.cursor() as cursor:
        lock(cursor, which)
        assert not free(migrated_database_url, which)
    assert free(migrated_database_url, which)


def test_whoever_does_not_wait_hears_that_another_has_the_turn(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with transaction(engine) as connection:
        assert lock_if_free(connection, Lock.MAILS)
        with transaction(engine) as other:
            assert not lock_if_free(other, Lock.MAILS)
    with transaction(engine) as other:
        assert lock_if_free(other, Lock.MAILS)


def test_a_held_lock_outlives_transactions_and_ends_with_its_block(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with held(engine, Lock.LISTINGS):
        with transaction(engine) as connection:
            connection.execute("SELECT 1")
        assert not free(migrated_database_url, Lock.LISTINGS)
    assert free(migrated_database_url, Lock.LISTINGS)
    with pytest.raises(RuntimeError), held(engine, Lock.LISTINGS):
        raise RuntimeError
    assert free(migrated_database_url, Lock.LISTINGS)


def test_a_session_takes_a_free_lock_and_gives_it_back(migrated_database_url: str) -> None:
    with psycopg.connect(migrated_database_url, autocommit=True) as one:
        with hold_if_free(one, Lock.OUTBOX) as alone, psycopg.connect(migrated_database_url, autocommit=True) as other:
            assert alone
            with hold_if_free(other, Lock.OUTBOX) as too:
                assert not too
            assert not free(migrated_database_url, Lock.OUTBOX)
        assert free(migrated_database_url, Lock.OUTBOX)
