"""Repeatable migrations against a real PostgreSQL: what is created again, when, in which order, and what is refused."""

import shutil
from pathlib import Path

import pytest

from tickstock_dagster.adapters.postgres.migration_files import SchemaError, read_migrations, read_repeatable
from tickstock_dagster.adapters.postgres.migrations import migrate, require_current_schema
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster_tests.adapters.store_helpers import add_security, as_role, query

NUMBERED = tuple(one.name for one in read_migrations())
SHIPPED = tuple(one.name for one in read_repeatable())
RECORDED = "SELECT name, checksum FROM schema_migrations WHERE version LIKE 'R%' ORDER BY version"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Repeatable migrations that a test may change: a view over a view."""
    folder = tmp_path / "repeatable"
    folder.mkdir()
    (folder / "R01_below.sql").write_text("CREATE OR REPLACE VIEW below AS SELECT 1 AS a;\n")
    (folder / "R02_above.sql").write_text("CREATE OR REPLACE VIEW above AS SELECT a + 1 AS b FROM below;\n")
    return folder


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """A copy of the shipped numbered migrations."""
    return Path(shutil.copytree(sql_folder() / "migrations", tmp_path / "migrations"))


def test_they_follow_the_numbered_ones_and_the_second_time_nothing_is_done(database_url: str) -> None:
    first = migrate(database_url)
    assert (first.applied, first.recreated) == (NUMBERED, SHIPPED)
    second = migrate(database_url)
    assert (second.applied, second.recreated, second.version) == ((), (), first.version)
    assert query(database_url, RECORDED) == [(one.name, one.checksum) for one in read_repeatable()]
    require_current_schema(database_url)


def test_a_store_that_was_migrated_before_there_were_any_gets_them(database_url: str, tmp_path: Path) -> None:
    migrate(database_url, repeatable_folder=tmp_path / "none")
    with pytest.raises(SchemaError, match=rf"views and functions are not this release's \({SHIPPED[0]}.*tickstock mig"):
        require_current_schema(database_url)
    report = migrate(database_url)
    assert (report.applied, report.recreated) == ((), SHIPPED)
    require_current_schema(database_url)


def test_a_file_that_changed_is_created_again_and_so_is_what_may_stand_on_it(database_url: str, folder: Path) -> None:
    migrate(database_url, repeatable_folder=folder)
    (folder / "R02_above.sql").write_text("CREATE OR REPLACE VIEW above AS SELECT a + 2 AS b FROM below;\n")
    assert migrate(database_url, repeatable_folder=folder).recreated == ("R02_above",)
    assert query(database_url, "SELECT b FROM above") == [(3,)]
    below = "DROP VIEW IF EXISTS below CASCADE;\nCREATE OR REPLACE VIEW below AS SELECT 10::bigint AS a;\n"
    (folder / "R01_below.sql").write_text(below)
    assert migrate(database_url, repeatable_folder=folder).recreated == ("R01_below", "R02_above")
    assert query(database_url, "SELECT b FROM above") == [(12,)]
    assert migrate(database_url, repeatable_folder=folder).recreated == ()


def test_one_that_fails_leaves_all_of_them_as_they_were(database_url: str, folder: Path) -> None:
    migrate(database_url, repeatable_folder=folder)
    recorded = query(database_url, RECORDED)
    (folder / "R01_below.sql").write_text("CREATE OR REPLACE VIEW below AS SELECT 5 AS a;\n")
    (folder / "R02_above.sql").write_text("CREATE OR REPLACE VIEW above AS SELECT c AS b FROM below;\n")
    with pytest.raises(SchemaError, match='migration R02_above failed: column "c" does not exist'):
        migrate(database_url, repeatable_folder=folder)
    assert query(database_url, "SELECT b FROM above") == [(2,)]
    assert query(database_url, RECORDED) == recorded


def test_one_is_withdrawn_by_a_numbered_migration_that_drops_what_it_created(
    database_url: str, folder: Path, numbered: Path
) -> None:
    migrate(database_url, repeatable_folder=folder)
    (folder / "R02_above.sql").unlink()
    with pytest.raises(SchemaError, match=r"migration R02_above, .* withdraw it by a numbered migration"):
        migrate(database_url, numbered, folder)
    (numbered / f"{len(NUMBERED) + 1:04d}_no_above.sql").write_text("DROP VIEW above;\n")
    report = migrate(database_url, numbered, folder)
    assert (report.applied, report.recreated) == ((f"{len(NUMBERED) + 1:04d}_no_above",), ("R01_below",))
    assert query(database_url, "SELECT to_regclass('above')") == [(None,)]
    assert migrate(database_url, numbered, folder).applied == ()


def test_whatever_a_numbered_migration_dropped_is_there_again_after_it(
    database_url: str, folder: Path, numbered: Path
) -> None:
    migrate(database_url, repeatable_folder=folder)
    later = numbered / f"{len(NUMBERED) + 1:04d}_later.sql"
    later.write_text("DROP VIEW below CASCADE;\n")
    above = (folder / "R02_above.sql").read_text()
    (folder / "R02_above.sql").write_text("SELECT 1 / 0;\n")
    with pytest.raises(SchemaError, match="migration R02_above failed"):  # as if the process had been killed here
        migrate(database_url, numbered, folder)
    (folder / "R02_above.sql").write_text(above)
    report = migrate(database_url, numbered, folder)
    assert (report.applied, report.recreated) == ((), ("R01_below", "R02_above"))
    assert query(database_url, "SELECT b FROM above") == [(2,)]


def test_one_of_a_newer_release_is_refused_by_migrate_and_before_work(database_url: str, tmp_path: Path) -> None:
    newer = Path(shutil.copytree(sql_folder() / "repeatable", tmp_path / "newer"))
    (newer / "R99_later.sql").write_text("CREATE OR REPLACE VIEW later AS SELECT 1 AS a;\n")
    migrate(database_url, repeatable_folder=newer)
    with pytest.raises(SchemaError, match=r"has migration R99_later, which this release does not know .*newer release"):
        migrate(database_url)
    with pytest.raises(SchemaError, match=r"does not know \(R99\): install the newer release"):
        require_current_schema(database_url)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["R01_one.sql", "two.sql"], r"repeatable migration 'two\.sql' is not named RNN_name\.sql"),
        (["R01_one.sql", "R01_other.sql"], r"two repeatable migrations in .* have the same number"),
    ],
)
def test_a_folder_of_wrongly_named_files_is_refused(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaError, match=words):
        read_repeatable(tmp_path)


@pytest.mark.parametrize(
    ("interval", "day", "covered"),
    [
        ("'2026-11-16', '2026-11-20'", "2026-11-15", False),
        ("'2026-11-16', '2026-11-20'", "2026-11-16", True),
        ("'2026-11-16', '2026-11-20'", "2026-11-19", True),
        ("'2026-11-16', '2026-11-20'", "2026-11-20", False),
        ("'2026-11-16', NULL", "2099-12-31", True),
        ("'2026-11-16', NULL", "2026-11-15", False),
    ],
)
def test_an_interval_has_its_first_day_and_not_its_end(
    migrated_database_url: str, interval: str, day: str, covered: bool
) -> None:
    asked = f"SELECT covers({interval}, '{day}'), meets({interval}, '{day}', '{day}')"
    assert query(migrated_database_url, asked) == [(covered, covered)]


@pytest.mark.parametrize(
    ("first", "last", "met"),
    [
        ("2026-11-02", "2026-11-15", False),
        ("2026-11-02", "2026-11-16", True),
        ("2026-11-19", "2026-12-31", True),
        ("2026-11-20", "2026-12-31", False),
        ("2026-11-02", "2026-12-31", True),
    ],
)
def test_an_interval_meets_a_range_of_days_that_it_shares_a_day_with(
    migrated_database_url: str, first: str, last: str, met: bool
) -> None:
    asked = "SELECT meets('2026-11-16', '2026-11-20', %s::date, %s::date)"
    assert query(migrated_database_url, asked, (first, last)) == [(met,)]


@pytest.mark.parametrize(
    "query_text",
    [
        "SELECT ticker FROM ticker_intervals WHERE covers(valid_from, valid_to, '2026-11-20')",
        "SELECT ticker FROM ticker_intervals WHERE meets(valid_from, valid_to, '2026-11-16', '2026-11-20')",
        "SELECT h.* FROM unnest('{AAA}'::text[]) AS t CROSS JOIN LATERAL newest_holder(t) AS h",
        "SELECT universe, ticker, security_id FROM static_members",
    ],
)
@pytest.mark.parametrize("role", ["tickstock_writer", "tickstock_app"])
def test_the_planner_puts_the_text_of_functions_in_place_of_their_calls(
    migrated_database_url: str, query_text: str, role: str
) -> None:
    plan = "\n".join(line for (line,) in as_role(migrated_database_url, role, f"EXPLAIN VERBOSE {query_text}"))
    assert "valid_from" in plan
    assert not [name for name in ("covers", "meets", "newest_holder") if f"{name}(" in plan]


def test_a_list_names_the_newest_holder_of_each_ticker_and_none_where_nobody_ever_was(
    migrated_database_url: str,
) -> None:
    former = add_security(migrated_database_url, "RUSE")
    close = "UPDATE ticker_intervals SET valid_to = '2026-03-02', seen_to = '2026-02-27' WHERE security_id = %s"
    query(migrated_database_url, close, (former,))
    newer = "INSERT INTO ticker_intervals VALUES (%s, 'RUSE', '2026-03-02', NULL, 'vendor', '2026-03-02', '2026-11-20')"
    other = add_security(migrated_database_url, "OTHER")
    query(migrated_database_url, "UPDATE ticker_intervals SET valid_to = '2026-03-02', seen_to = '2026-02-27'")
    query(migrated_database_url, newer, (other,))
    entry = (
        "INSERT INTO cache_entries (key, type, name, value, membership, created_at, updated_at) "
        "VALUES (%s, 'list', 'x', %s, %s, now(), now())"
    )
    query(migrated_database_url, entry, ("mine", '["RUSE", "NEVER", "OTHER"]', "static"))
    query(migrated_database_url, entry, ("theirs", '["RUSE"]', "dated"))
    members = "SELECT * FROM static_members ORDER BY universe, position"
    assert query(migrated_database_url, members) == [
        ("mine", "RUSE", 1, other),
        ("mine", "NEVER", 2, None),
        ("mine", "OTHER", 3, other),
    ]
