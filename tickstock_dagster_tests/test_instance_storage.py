"""Dagster's storages share the connections of a process, answer as before, and survive what ends a connection."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from tickstock_dagster.instance_storage import KEPT, Books, books_of
from tickstock_dagster_tests.adapters.events.outbox_helpers import wait_until
from tickstock_dagster_tests.dagster_instances import dagster_storage

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def url(services: Any) -> Iterator[str]:
    """A database of Dagster's, empty at first."""
    with psycopg.connect(services.dagster_storage_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE kept_connections")
        yield services.dagster_storage_url.rpartition("/")[0] + "/kept_connections"
        connection.execute("DROP DATABASE kept_connections WITH (FORCE)")


@pytest.fixture
def instance(url: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    overrides = {**dagster_storage(url), "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(overrides), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def sessions(url: str) -> set[int]:
    with psycopg.connect(url) as connection:
        return {pid for (pid,) in connection.execute(SESSIONS)}


def pid_of(books: Books) -> int:
    with books.engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def work(instance: dg.DagsterInstance) -> int:
    """Questions to all three storages, and an event; returns how many runs there are."""
    run = instance.create_run_for_job(dg.JobDefinition(name="empty", graph_def=dg.GraphDefinition(name="empty")))
    instance.report_engine_event("something happens", run)
    assert [entry.message for entry in instance.all_logs(run.run_id)] == ["something happens"]
    assert instance.all_instigator_state() == []
    return instance.get_runs_count()


def test_an_instance_makes_its_tables_and_works_over_one_connection(instance: dg.DagsterInstance, url: str) -> None:
    before = work(instance)
    assert len(sessions(url)) == 1
    with dg.DagsterInstance.from_ref(instance.get_ref()) as another:
        assert work(another) == before + 1
    assert len(sessions(url)) == 1


def test_as_many_connections_as_are_needed_at_once_and_few_of_them_stay(instance: dg.DagsterInstance, url: str) -> None:
    threads, books = 3 * KEPT, books_of(url)
    met = Barrier(threads, timeout=20)
    held: list[int] = []

    def ask() -> None:
        with books.engine.connect() as connection:
            held.append(int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()))
            met.wait()

    asking = [Thread(target=ask) for _ in range(threads)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(set(held)) == threads
    wait_until(lambda: len(sessions(url) & set(held)) <= KEPT)  # the server notices that one is closed a moment later
    work(instance)


def test_connections_that_the_server_has_ended_are_replaced(instance: dg.DagsterInstance, url: str) -> None:
    before = work(instance)
    with psycopg.connect(url) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({SESSIONS}) AS kept")  # noqa: S608
    assert work(instance) == before + 1


def test_a_forked_process_opens_connections_of_its_own_and_leaves_its_parents_alone(
    instance: dg.DagsterInstance, url: str
) -> None:
    before, ours = work(instance), pid_of(books_of(url))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            with dg.DagsterInstance.from_ref(instance.get_ref()) as inherited:
                work(inherited)
                os.write(writing, str(pid_of(books_of(url))).encode())
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert int(os.read(reading, 20)) != ours
    os.close(reading)
    os.close(writing)
    assert pid_of(books_of(url)) == ours
    assert work(instance) == before + 2


def test_what_a_database_lacks_is_looked_for_again_and_what_it_has_is_not(url: str) -> None:
    books, answers = Books(url), iter([False, True])
    assert [books.has("runs.a_column", lambda: next(answers)) for _ in range(3)] == [False, True, True]
    assert not books.has_tables("of_a_later_release")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE of_a_later_release ()")
    assert books.has_tables("of_a_later_release", "runs")
    books.engine.dispose()


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (SqlRunStorage, "has_run_stats_index_cols", ["self"]),
        (SqlRunStorage, "has_backfill_id_column", ["self"]),
        (PostgresRunStorage, "has_built_index", ["self", "migration_name"]),
        (SqlScheduleStorage, "has_instigators_table", ["self"]),
        (SqlScheduleStorage, "_has_instigators_table", ["self", "conn"]),
        (SqlScheduleStorage, "has_secondary_index_table", ["self"]),
        (SqlScheduleStorage, "has_built_index", ["self", "migration_name"]),
        *[
            (owner, "__init__", ["self", "postgres_url", "should_autocreate_tables", "inst_data", "token_provider"])
            for owner in (PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage)
        ],
    ],
)
def test_dagsters_storages_have_what_is_replaced_here(owner: type, name: str, arguments: list[str]) -> None:
    """The seam: an upgrade that renames one would ask again with every question."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == arguments


@pytest.mark.parametrize("owner", [PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage])
def test_dagsters_storages_keep_their_engine_where_it_is_put(owner: type) -> None:
    """The seam: an upgrade that opens connections another way would go past those that are kept."""
    source = inspect.getsource(owner)
    assert "self._engine = create_pg_engine(" in source
    assert "create_pg_connection(self._engine)" in source
