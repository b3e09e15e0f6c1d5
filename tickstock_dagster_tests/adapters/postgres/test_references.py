"""No row of the bulk tables is of a security that does not exist, whoever writes it, and whoever writes beside it."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

import shutil
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.adapters.quality.table_checks import lost_securities
from tickstock_dagster_tests.adapters.store_helpers import FRI, THU, add_security, bar, batch, counts, query

WRITER = "tickstock_writer"
ROWS = {
    "ohlcv_daily": "(security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, "
    "loaded_at) SELECT s.id, '2026-11-20', 'AAA', now(), 10, 12, 9, 11, 100, 'x', 'final', now()",
    "ohlcv_1min": "(security_id, ts, ticker, open, high, low, close, volume, source, status, loaded_at) "
    "SELECT s.id, '2026-11-20 14:30Z', 'AAA', 10, 12, 9, 11, 100, 'x', 'final', now()",
    "bar_gaps": "(security_id, session, ticker, reason, evidence, source, noticed_at) "
    "SELECT s.id, '2026-11-20', 'AAA', 'no_trade', 'because', 'x', now()",
    "bar_restatements": "(security_id, session, changed, old_volume, old_is_fmv, old_source, old_status, known_from, "
    "known_to) SELECT s.id, '2026-11-20', '{close}', 1, false, 'x', 'final', now(), now()",
}


def insertion(table: str, security_ids: list[int], into: str | None = None) -> bytes:
    """A statement that inserts one row of each security, in this order."""
    ids = ", ".join(f"({one})" for one in security_ids)
    return f"INSERT INTO {into or table} {ROWS[table]} FROM (VALUES {ids}) AS s (id)".encode()


def as_writer(url: str) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(url, options=f"-c role={WRITER}")
    connection.execute("SELECT ensure_ohlcv_1min_partition('2026-11-20')")
    connection.commit()
    return connection


@pytest.mark.parametrize("table", ROWS)
def test_the_writer_cannot_insert_or_make_a_row_of_a_security_that_does_not_exist(
    migrated_database_url: str, table: str
) -> None:
    known = add_security(migrated_database_url, "AAA")
    words = rf"a row of {table}\w* is of security 999, which does not exist"
    for ids in ([999], [known, 999], [999, known]):
        with as_writer(migrated_database_url) as writer, pytest.raises(errors.ForeignKeyViolation, match=words):
            writer.execute(insertion(table, ids))
    with as_writer(migrated_database_url) as writer:
        writer.execute(insertion(table, [known]))
    with psycopg.connect(migrated_database_url) as owner, pytest.raises(errors.ForeignKeyViolation, match=words):
        owner.execute(f"UPDATE {table} SET security_id = 999".encode())
    assert query(migrated_database_url, f"SELECT security_id FROM {table}") == [(known,)]


def test_neither_copy_nor_an_upsert_gets_round_it(migrated_database_url: str) -> None:
    known = add_security(migrated_database_url, "AAA")
    columns = ROWS["bar_gaps"].split(" SELECT")[0]
    lines = [f"{one},2026-11-20,AAA,no_trade,because,x,2026-11-21\n" for one in (known, 999)]
    copying = f"COPY bar_gaps {columns} FROM STDIN (FORMAT csv)".encode()
    refused = pytest.raises(errors.ForeignKeyViolation)
    with as_writer(migrated_database_url) as writer, refused, writer.cursor().copy(copying) as copy:
        copy.write("".join(lines))
    upsert = b" ON CONFLICT (security_id, session) DO UPDATE SET security_id = 999"
    with as_writer(migrated_database_url) as writer:
        writer.execute(insertion("bar_gaps", [known]))
        with pytest.raises(errors.ForeignKeyViolation):
            writer.execute(insertion("bar_gaps", [known]) + upsert)
    assert counts(migrated_database_url)["bar_gaps"] == 0


def test_a_partition_of_minutes_refuses_by_itself(migrated_database_url: str) -> None:
    with as_writer(migrated_database_url):
        pass
    with psycopg.connect(migrated_database_url) as owner, pytest.raises(errors.ForeignKeyViolation):
        owner.execute(insertion("ohlcv_1min", [999], into="ohlcv_1min_202611"))


def test_a_minute_that_moves_to_another_partition_stays_of_a_known_security(migrated_database_url: str) -> None:
    known, other = (add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB"))
    moving = "UPDATE ohlcv_1min SET security_id = %s, ts = ts - interval '1 month' WHERE security_id = %s"
    merging = "MERGE INTO ohlcv_1min AS m USING (SELECT %s::bigint AS new, %s::bigint AS old) AS s ON "
    merging += "m.security_id = s.old WHEN MATCHED THEN UPDATE SET security_id = s.new, ts = m.ts - interval '1 month'"
    with as_writer(migrated_database_url) as writer:
        writer.execute("SELECT ensure_ohlcv_1min_partition('2026-10-20')")
        writer.execute(insertion("ohlcv_1min", [known]))
    for statement in (moving, merging):
        with (
            as_writer(migrated_database_url) as writer,
            pytest.raises(errors.ForeignKeyViolation, match="security 999"),
        ):
            writer.execute(statement.encode(), (999, known))
    with as_writer(migrated_database_url) as writer:
        writer.execute(moving.encode(), (other, known))
    assert query(migrated_database_url, "SELECT security_id, tableoid::regclass::text FROM ohlcv_1min") == [
        (other, "ohlcv_1min_202610")
    ]


def test_a_batch_with_one_unknown_security_leaves_nothing(migrated_database_url: str) -> None:
    known, engine = add_security(migrated_database_url, "AAA"), open_engine(migrated_database_url)
    before = counts(migrated_database_url)
    with pytest.raises(errors.ForeignKeyViolation, match="a row of ohlcv_daily is of security 999"):
        store_batch(engine, batch(bar(known), bar(known, THU), bar(999, FRI, "ZZZ")))
    lost = {
        "security_id": 999,
        "session": FRI,
        "ticker": "ZZZ",
        "reason": "no_trade",
        "evidence": "e",
        "retry_at": None,
    }
    with pytest.raises(errors.ForeignKeyViolation, match="a row of bar_gaps is of security 999"):
        store_batch(engine, batch(bar(known), gaps=[lost]))
    assert counts(migrated_database_url) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM securities", "is not deleted"),
        ("UPDATE securities SET security_id = DEFAULT", "keeps its number"),
        ("TRUNCATE securities CASCADE", "are not emptied while there are bars"),
        ("TRUNCATE securities, ohlcv_daily, bar_restatements CASCADE", "are not emptied while there are bars"),
    ],
)
def test_no_role_takes_a_security_away(migrated_database_url: str, change: str, words: str) -> None:
    known = add_security(migrated_database_url, "AAA")
    with as_writer(migrated_database_url) as writer:
        for table in ("ohlcv_daily", "bar_gaps"):
            writer.execute(insertion(table, [known]))
    for role in (WRITER, "tickstock_app"):
        refused = pytest.raises((errors.InsufficientPrivilege, errors.RestrictViolation))
        with psycopg.connect(migrated_database_url, options=f"-c role={role}") as connection, refused:
            connection.execute(change.encode())
    with psycopg.connect(migrated_database_url) as owner, pytest.raises(errors.RestrictViolation, match=words):
        owner.execute(change.encode())
    query(migrated_database_url, "TRUNCATE securities, ohlcv_daily, bar_gaps, bar_restatements, ohlcv_1min CASCADE")


@pytest.mark.parametrize("table", ROWS)
def test_no_order_of_two_transactions_leaves_a_row_without_its_security(migrated_database_url: str, table: str) -> None:
    known = add_security(migrated_database_url, "AAA")
    with as_writer(migrated_database_url) as writer, psycopg.connect(migrated_database_url) as owner:
        writer.execute(insertion(table, [known]))  # not committed: the other cannot see it
        with pytest.raises(errors.RestrictViolation):
            owner.execute("DELETE FROM securities")
        owner.rollback()
        owner.execute("SET lock_timeout = '100ms'")
        with pytest.raises(errors.LockNotAvailable):
            owner.execute("TRUNCATE securities CASCADE")
        owner.rollback()
        writer.rollback()
        # The other way round: a security that is not there yet, and then never is.
        owner.execute("INSERT INTO securities (updated_at) VALUES (now())")
        [(coming,)] = owner.execute("SELECT max(security_id) FROM securities").fetchall()
        with pytest.raises(errors.ForeignKeyViolation):
            writer.execute(insertion(table, [coming]))
        owner.rollback()
        writer.rollback()
        # An emptying that began before the row was there sees it all the same, or is refused.
        owner.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert owner.execute("SELECT count(*) FROM securities").fetchall() == [(1,)]
        writer.execute(insertion(table, [known]))
        writer.commit()
        with pytest.raises(errors.RestrictViolation):
            owner.execute("TRUNCATE securities CASCADE")
    assert query(migrated_database_url, f"SELECT security_id FROM {table}") == [(known,)]


def test_the_check_finds_lost_securities_in_the_whole_of_every_table_and_guards_that_are_gone(
    migrated_database_url: str,
) -> None:
    engine, known = open_engine(migrated_database_url), add_security(migrated_database_url, "AAA")
    for table in ROWS:
        with as_writer(migrated_database_url) as writer:
            writer.execute(insertion(table, [known]))
    assert lost_securities(engine).count == 0
    with psycopg.connect(migrated_database_url) as owner:
        for table in ROWS:  # as a restore does
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            owner.execute(insertion(table, [998, 999]))
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    found = lost_securities(engine)
    assert (found.count, found.sample[0]) == (8, "ohlcv_daily has rows of security 998, which does not exist")
    query(migrated_database_url, "ALTER TABLE bar_gaps DISABLE TRIGGER bar_gaps_of_known_securities")
    query(migrated_database_url, "DROP TRIGGER securities_are_never_deleted ON securities")
    named = lost_securities(engine).sample[:2]
    assert named == (
        "trigger bar_gaps_of_known_securities of bar_gaps is missing or disabled",
        "trigger securities_are_never_deleted of securities is missing or disabled",
    )


def test_a_store_with_data_keeps_it_and_loses_the_foreign_keys(database_url: str, tmp_path: Path) -> None:
    folder, no_views = Path(shutil.copytree(sql_folder() / "migrations", tmp_path / "sql")), tmp_path / "views"
    no_views.mkdir()
    later = [path for path in folder.glob("*.sql") if path.stem >= "0029"]
    for path in later:
        path.rename(path.with_suffix(".later"))
    migrate(database_url, folder, no_views)
    known = add_security(database_url, "AAA")
    with as_writer(database_url) as writer:
        for table in ROWS:
            writer.execute(insertion(table, [known]))
    stored = [query(database_url, f"SELECT r::text FROM {table} AS r") for table in ROWS]
    for path in later:
        path.with_suffix(".later").rename(path)
    migrate(database_url, folder)
    assert [query(database_url, f"SELECT r::text FROM {table} AS r") for table in ROWS] == stored
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s::regclass[])"
    assert query(database_url, keys, (list(ROWS),)) == []
    assert lost_securities(open_engine(database_url)).count == 0
    with psycopg.connect(database_url) as owner, pytest.raises(errors.ForeignKeyViolation):
        owner.execute(insertion("ohlcv_1min", [999], into="ohlcv_1min_202611"))
