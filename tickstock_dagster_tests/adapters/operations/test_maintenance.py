"""Maintenance of a real store: only the record of work goes, by age; bars stay; the writer's rights suffice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.events.outbox import OutboxDispatcher
from tickstock_dagster.adapters.operations.maintenance import (
    DRY_RUN,
    MaintenanceReport,
    last_maintained,
    maintain,
    maintain_lightly,
)
from tickstock_dagster.adapters.postgres.database import APP_ROLE, WRITER_ROLE, open_engine
from tickstock_dagster.adapters.postgres.fingerprint import Fingerprint, fingerprint
from tickstock_dagster.core.operations.maintenance import MaintenanceKind, Retention
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, progress, wait_until
from tickstock_dagster_tests.adapters.postgres.test_fingerprint import fill
from tickstock_dagster_tests.adapters.store_helpers import as_role, query

RETENTION = Retention(timedelta(days=90), timedelta(days=180), timedelta(days=30))
NOW = datetime(2027, 6, 5, 12, tzinfo=UTC)
"""A Saturday, more than half a year after everything that the tests write."""
SESSION = date(2027, 6, 4)
EXPIRED = """
INSERT INTO vendor_calls (called_at, source, endpoint, rows, elapsed_ms, attempt, outcome)
VALUES ('2026-11-20', 's', '/x', 1, 1, 1, 'ok'), ('2027-06-01', 's', '/x', 1, 1, 1, 'ok');
INSERT INTO work_units (unit_id, dataset, kind, market, source, subject, first_session, last_session, status, run_id,
    planned_at, started_at, finished_at, error, error_class, attempts, failures, not_before, lease_holder, leased_until)
SELECT u.id, u.dataset, u.kind, 'XNYS', 's', u.subject, u.session::date, u.session::date, u.status, 'r', u.ended::date,
    u.ended::date, CASE WHEN u.status IN ('pending', 'leased') THEN NULL ELSE u.ended::date END,
    CASE WHEN u.status IN ('retrying', 'dead') THEN 'e' END,
    CASE WHEN u.status IN ('retrying', 'dead') THEN 'transient' END, 1,
    CASE WHEN u.status IN ('retrying', 'dead') THEN 1 ELSE 0 END, CASE u.status WHEN 'retrying' THEN u.ended::date END,
    CASE u.status WHEN 'leased' THEN 'r/x' END, CASE u.status WHEN 'leased' THEN u.ended::date END
FROM (VALUES
    ('waits', 'ohlcv_daily', 'range', 'A', '2026-11-20', 'pending', '2026-11-20'),
    ('leased', 'ohlcv_daily', 'range', 'B', '2026-11-20', 'leased', '2026-11-20'),
    ('retried', 'ohlcv_daily', 'range', 'C', '2026-11-20', 'retrying', '2026-11-20'),
    ('dead', 'ohlcv_daily', 'range', 'D', '2026-11-20', 'dead', '2026-11-20'),
    ('answered', 'ohlcv_daily', 'range', 'E', '2026-11-20', 'done', '2026-11-20'),
    ('list', 'listings', 'listings', '*', '2026-11-20', 'done', '2026-11-20'),
    ('later_list', 'listings', 'listings', '*', '2026-11-23', 'done', '2026-11-23'),
    ('cancelled', 'ohlcv_daily', 'range', 'F', '2026-11-20', 'cancelled', '2026-11-20'),
    ('lately_cancelled', 'ohlcv_daily', 'range', 'G', '2026-11-20', 'cancelled', '2027-06-01'),
    ('replaced', 'symbol_details', 'details', 'H', '2026-11-20', 'done', '2026-11-20'),
    ('newest', 'symbol_details', 'details', 'H', '2026-12-21', 'done', '2026-12-21'),
    ('of_another', 'symbol_details', 'details', 'I', '2026-11-20', 'done', '2026-11-20'))
    AS u (id, dataset, kind, subject, session, status, ended);
INSERT INTO stream_alerts
VALUES ('s', 'old', 1, '2026-11-20', '2026-11-20', NULL), ('s', 'new', 1, '2027-06-01', '2027-06-01', 1);
"""

KEPT = {
    "waits", "leased", "retried", "dead", "answered", "list", "later_list", "lately_cancelled", "newest", "of_another",
}  # fmt: skip
"""The units that maintenance leaves: all but the cancelled one, and the details that later ones replaced."""


def care(database_url: str, **options: Any) -> MaintenanceReport:
    given: dict[str, Any] = {"market": "XNYS", "session": SESSION, "run_id": "r", "clock": lambda: NOW, **options}
    return maintain(open_engine(database_url), RETENTION, **given)


def units(database_url: str) -> set[str]:
    return {unit_id for (unit_id,) in query(database_url, "SELECT unit_id FROM work_units WHERE source = 's'")}


def content(found: Fingerprint) -> dict[str, str]:
    return {table.table: table.sha256 for table in found.tables}


@pytest.fixture
def full(migrated_database_url: str, redis_url: str) -> str:
    """Something in every table, and old work beside what is new."""
    fill(migrated_database_url)
    query(migrated_database_url, "TRUNCATE admin_mails, dead_letters, outbox, stream_alerts, maintenance_runs")
    query(migrated_database_url, EXPIRED)
    memories = ("tickstock.eod.complete", "tickstock.quality.data_stale")
    commit(migrated_database_url, [progress(name, 1) for name in memories])
    query(migrated_database_url, "UPDATE outbox SET channel = subject")
    commit(migrated_database_url, [progress("job", 1), progress("job", 2)])
    OutboxDispatcher(migrated_database_url, redis_url, clock=lambda: datetime(2026, 11, 21, tzinfo=UTC)).dispatch()
    commit(migrated_database_url, [progress("unsent", 3)])
    return migrated_database_url


def test_the_record_of_work_goes_by_age_and_everything_known_stays(full: str) -> None:
    before = content(fingerprint(open_engine(full)))
    steps: list[tuple[int, int, str]] = []
    report = care(full, progress=lambda *step: steps.append(step))
    assert report.removed == {"events": 2, "lost_entries": 1, "finished_units": 2, "vendor_calls": 1}
    after = content(fingerprint(open_engine(full)))
    changed = {table for table in before if before[table] != after[table]}
    assert changed == set(), "none of it is content"
    assert units(full) == KEPT, "neither work that is open or dead nor evidence"
    left = [subject for (subject,) in query(full, "SELECT subject FROM outbox ORDER BY position")]
    # What remembers that something was told of stays, and what was not sent.
    assert left == ["tickstock.eod.complete", "tickstock.quality.data_stale", "unsent"]
    assert steps[0][::2] == (1, "retention")
    assert steps[-1][0] == steps[-1][1] == len(report.tables) + 1
    assert last_maintained(open_engine(full), "XNYS") == SESSION
    [(removed, tables, run_id)] = query(full, "SELECT removed, tables, run_id FROM maintenance_runs")
    assert (removed, run_id) == (report.removed, "r")
    assert tables["ohlcv_daily"]["before"] > 0


def test_a_dead_letter_stays_until_a_person_drops_it(full: str) -> None:
    for name in ("dead", "dropped"):
        commit(full, [progress(name, 4)])
        query(
            full,
            "INSERT INTO dead_letters (event_id, position, channel, subject, error, attempts, first_tried_at, "
            "last_tried_at, dead_at, resolved_at, resolution) SELECT event_id, position, channel, subject, 'too long', "
            "5, '2026-11-20', '2026-11-20', '2026-11-20', CASE %s WHEN 'dropped' THEN timestamptz '2026-11-21' END, "
            "CASE %s WHEN 'dropped' THEN 'dropped' END FROM outbox WHERE subject = %s",
            (name, name, name),
        )
    care(full)
    assert query(full, "SELECT subject FROM dead_letters") == [("dead",)]
    assert query(full, "SELECT count(*) FROM outbox WHERE subject = 'dead'") == [(1,)]


def test_a_second_time_nothing_is_removed(full: str) -> None:
    care(full)
    before = content(fingerprint(open_engine(full)))
    again = care(full, clock=lambda: NOW + timedelta(hours=1))
    assert set(again.removed.values()) == {0}
    assert content(fingerprint(open_engine(full))) == before
    assert query(full, "SELECT count(*) FROM maintenance_runs") == [(2,)], "the log has both"


def test_light_maintenance_removes_the_same_and_analyses_what_changed(full: str) -> None:
    engine = open_engine(full)
    query(full, "ANALYZE")
    query(full, "UPDATE securities SET updated_at = updated_at + interval '1 second'")
    given: dict[str, Any] = {"market": "XNYS", "session": SESSION, "run_id": "r", "clock": lambda: NOW}
    wait_until(lambda: "securities" in changed(full))
    report = maintain_lightly(engine, RETENTION, **given)
    assert report.removed == {"events": 2, "lost_entries": 1, "finished_units": 2, "vendor_calls": 1}
    assert "securities" in report.tables
    assert "ticker_intervals" not in report.tables, "nothing was written to it"
    assert report.skipped == {}, "the writer's rights suffice"
    assert last_maintained(engine, "XNYS", MaintenanceKind.LIGHT) == SESSION
    assert last_maintained(engine, "XNYS") is None, "closed days have their own"
    assert last_maintained(engine, "XTKS", MaintenanceKind.LIGHT) is None
    wait_until(lambda: "securities" not in changed(full))


def changed(database_url: str) -> set[str]:
    """The tables that were changed since they were analysed."""
    rows = query(database_url, "SELECT relname FROM pg_stat_user_tables WHERE n_mod_since_analyze > 0")
    return {name for (name,) in rows}


def test_a_dry_run_counts_the_same_and_changes_nothing(full: str) -> None:
    before = content(fingerprint(open_engine(full)))
    dry = care(full, dry_run=True)
    assert content(fingerprint(open_engine(full))) == before
    assert set(dry.skipped.values()) == {DRY_RUN}
    assert last_maintained(open_engine(full), "XNYS") is None
    assert dry.removed == care(full).removed


def test_whatever_age_is_asked_for_the_newest_day_and_finished_units_stay(full: str) -> None:
    for function in ("remove_vendor_calls", "remove_finished_units"):
        assert as_role(full, WRITER_ROLE, f"SELECT {function}('infinity') > 0") == [(True,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(full, APP_ROLE, f"SELECT {function}('infinity')")
        query(full, f"SELECT {function}('infinity')")
    assert query(full, "SELECT called_at::date FROM vendor_calls") == [(date(2027, 6, 1),)]
    assert units(full) == KEPT


def test_every_table_and_partition_is_vacuumed_by_the_writer(full: str) -> None:
    query(full, "SELECT ensure_ohlcv_1min_partition('2027-06-04')")  # made after the migration
    report = care(full)
    assert report.skipped == {}
    # A partitioned table itself holds nothing that could be vacuumed.
    passed_over = query(
        full,
        "SELECT c.relname FROM pg_stat_user_tables AS t JOIN pg_class AS c ON c.oid = t.relid "
        "WHERE schemaname = 'public' AND relkind = 'r' AND (last_vacuum IS NULL OR last_analyze IS NULL)",
    )
    assert passed_over == []
    assert {"ohlcv_1min", "ohlcv_daily", "outbox", "vendor_calls"} <= report.tables.keys()
    sizes = query(
        full, "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'ohlcv_1min'::regclass"
    )
    assert [(report.tables["ohlcv_1min"].after,)] == sizes


def test_the_writer_may_delete_no_fact_and_the_reader_nothing(migrated_database_url: str) -> None:
    kept = (
        "vendor_calls", "work_units", "ohlcv_daily", "ohlcv_1min", "bar_restatements", "quarantined_bars",
        "universe_memberships", "universe_determinations", "sync_changes_log", "market_calendar_overrides",
        "maintenance_runs",
    )  # fmt: skip
    for table in kept:
        for verb in ("DELETE FROM", "TRUNCATE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(migrated_database_url, WRITER_ROLE, f"{verb} {table}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(migrated_database_url, WRITER_ROLE, "UPDATE maintenance_runs SET run_id = 'x'")
    rights = "SELECT c.relname FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    for (table,) in query(migrated_database_url, rights):
        may = "SELECT has_table_privilege(%s, %s, 'MAINTAIN')"
        assert query(migrated_database_url, may, (APP_ROLE, table)) == [(False,)]


def test_a_table_of_somebody_else_is_left_alone(full: str) -> None:
    query(full, f"GRANT CREATE ON SCHEMA public TO {WRITER_ROLE}")
    query(full, f"CREATE TABLE theirs (a int); ALTER TABLE theirs OWNER TO {WRITER_ROLE}")
    assert "theirs" not in care(full, dry_run=True).tables


def test_a_table_that_may_not_be_vacuumed_is_named_and_the_rest_is(full: str) -> None:
    query(full, f"REVOKE MAINTAIN ON cache_entries FROM {WRITER_ROLE}")
    report = care(full)
    assert report.skipped.keys() == {"cache_entries"}
    assert "not permitted" in report.skipped["cache_entries"]
