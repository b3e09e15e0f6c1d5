"""The schema's own promises: comments, rights, constraints, generated columns and the views for readers."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from psycopg import errors

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.fingerprint import TRAFFIC_TABLES, fingerprint_tables
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, add_security, as_role, query

RELATIONS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition ORDER BY relname
"""
APP, WRITER = "tickstock_app", "tickstock_writer"
BARS = {
    "ohlcv_daily": "(security_id, session, ticker, closes_at, open, high, low, close, volume, fmv, is_fmv, source, "
    "status, loaded_at) VALUES ({security_id}, '2026-11-20', 'AAA', now(), {open}, {high}, {low}, {close}, {volume}, "
    "{fmv}, {is_fmv}, 'x', '{status}', now())",
    "ohlcv_1min": "(security_id, ts, ticker, open, high, low, close, volume, fmv, is_fmv, source, status, loaded_at) "
    "VALUES ({security_id}, '2026-11-20 14:30Z', 'AAA', {open}, {high}, {low}, {close}, {volume}, {fmv}, {is_fmv}, "
    "'x', '{status}', now())",
}
GOOD = {
    "open": 10, "high": 12, "low": 9, "close": 11, "volume": 100, "fmv": "NULL", "is_fmv": "false", "status": "final",
}  # fmt: skip


def relations(database_url: str) -> list[str]:
    return [name for (name,) in query(database_url, RELATIONS)]


def insert_bar(database_url: str, table: str, security_id: int, **values: object) -> None:
    row = BARS[table].format(security_id=security_id, **{**GOOD, **values})
    with psycopg.connect(database_url, options=f"-c role={WRITER}") as connection:
        connection.execute("SELECT ensure_ohlcv_1min_partition('2026-11-20')")
        connection.execute(f"INSERT INTO {table} {row}".encode())


@pytest.fixture
def reader_url(migrated_database_url: str) -> Iterator[str]:
    """A login that is a member of tickstock_app and of nothing else."""
    parts = psycopg.conninfo.conninfo_to_dict(migrated_database_url)
    name = f"reader_of_{parts['dbname']}"
    query(migrated_database_url, f"CREATE ROLE {name} LOGIN PASSWORD 'plain-word' IN ROLE {APP}")
    yield f"postgresql://{name}:plain-word@{parts['host']}:{parts['port']}/{parts['dbname']}"
    query(migrated_database_url, f"DROP ROLE {name}")


# -- comments ---------------------------------------------------------------------------------------------------------


def test_every_table_view_function_and_column_has_a_comment(migrated_database_url: str) -> None:
    relations_without = """
        SELECT relname FROM pg_class AS c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
            AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''
    """
    columns_without = """
        SELECT relname || '.' || attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
            AND attnum > 0 AND NOT attisdropped AND coalesce(col_description(c.oid, attnum), '') = ''
    """
    functions_without = """
        SELECT proname FROM pg_proc AS p
        WHERE pronamespace = 'public'::regnamespace AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype IN ('e', 'i'))
    """
    assert query(migrated_database_url, relations_without) == []
    assert query(migrated_database_url, columns_without) == []
    assert query(migrated_database_url, functions_without) == []


def test_the_fingerprint_covers_every_table_but_traffic_and_bookkeeping(migrated_database_url: str) -> None:
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    found = {name for (name,) in query(migrated_database_url, tables)}
    assert found - set(fingerprint_tables()) == {*TRAFFIC_TABLES, "schema_migrations", "schema_version"}


# -- rights -----------------------------------------------------------------------------------------------------------


def test_the_reading_application_can_read_every_table_and_view(migrated_database_url: str) -> None:
    names = relations(migrated_database_url)
    assert {"ohlcv_daily", "symbols", "ohlcv_daily_adjusted", "schema_migrations"} <= set(names)
    for name in names:
        as_role(migrated_database_url, APP, f"SELECT * FROM {name} LIMIT 1")


@pytest.mark.parametrize("verb", ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"])
def test_the_reading_application_has_no_right_to_change_anything(migrated_database_url: str, verb: str) -> None:
    rights = "SELECT c FROM unnest(%s::text[]) AS c WHERE has_table_privilege(%s, c, %s)"
    assert query(migrated_database_url, rights, (relations(migrated_database_url), APP, verb)) == []
    if verb in ("INSERT", "UPDATE", "REFERENCES"):
        columns = "SELECT c FROM unnest(%s::text[]) AS c WHERE has_any_column_privilege(%s, c, %s)"
        assert query(migrated_database_url, columns, (relations(migrated_database_url), APP, verb)) == []


@pytest.mark.parametrize(
    "attempt",
    [
        "INSERT INTO cache_entries SELECT * FROM cache_entries",
        "UPDATE ohlcv_daily SET close = 1",
        "DELETE FROM bar_gaps",
        "TRUNCATE outbox",
        "CREATE TABLE mine (a int)",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT ensure_ohlcv_1min_partition('2026-11-20')",
        "ALTER TABLE ohlcv_daily ADD COLUMN mine int",
        "DROP TABLE ohlcv_daily",
        "SET ROLE tickstock_writer",
        "COPY ohlcv_daily FROM STDIN",
    ],
)
def test_a_login_of_the_reading_application_cannot_write_whatever_it_tries(reader_url: str, attempt: str) -> None:
    with psycopg.connect(reader_url) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(attempt.encode())


@pytest.mark.parametrize(
    "attempt",
    [
        "DELETE FROM ohlcv_daily",
        "TRUNCATE ohlcv_daily",
        "DROP TABLE ohlcv_daily",
        "ALTER TABLE ohlcv_daily ADD COLUMN mine int",
        "CREATE TABLE mine (a int)",
        "DELETE FROM securities",
        "UPDATE bar_restatements SET old_close = 1",
        "DELETE FROM bar_restatements",
        "DELETE FROM quarantined_bars",
        "DELETE FROM corporate_actions",
        "DELETE FROM work_units",
        "DELETE FROM market_calendar_overrides",
        "UPDATE vendor_calls SET rows = 1",
        "DELETE FROM vendor_calls",
        "UPDATE schema_migrations SET checksum = ''",
        "DROP FUNCTION ensure_ohlcv_1min_partition(date)",
    ],
)
def test_the_factory_itself_can_neither_change_the_schema_nor_take_facts_away(
    migrated_database_url: str, attempt: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(migrated_database_url, WRITER, attempt)


def test_the_writer_makes_the_months_partition_of_minute_bars_and_readers_can_read_it(
    migrated_database_url: str,
) -> None:
    days = ("2026-11-20", "2026-11-01", "2026-12-01", "2026-11-30")
    with psycopg.connect(migrated_database_url, options=f"-c role={WRITER} -c timezone=Asia/Tokyo") as connection:
        for day in days:
            connection.execute("SELECT ensure_ohlcv_1min_partition(%s)", (day,))
    bounds = """
        SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c
        JOIN pg_inherits AS i ON i.inhrelid = c.oid WHERE i.inhparent = 'ohlcv_1min'::regclass ORDER BY 1
    """
    assert query(migrated_database_url, bounds) == [
        ("ohlcv_1min_202611", "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')"),
        ("ohlcv_1min_202612", "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"),
    ]
    as_role(migrated_database_url, APP, "SELECT * FROM ohlcv_1min_202611")
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(migrated_database_url, WRITER, "DROP TABLE ohlcv_1min_202611")


# -- bars -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", BARS)
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"open": 13}, "open_inside"),
        ({"open": 8}, "open_inside"),
        ({"close": 13}, "close_inside"),
        ({"close": 8.999999}, "close_inside"),
        ({"low": 0}, "prices_positive"),
        ({"low": -1}, "prices_positive"),
        ({"volume": -1}, "volume_not_negative"),
        ({"close": "NULL"}, "printed_or_fmv"),
        ({"open": "NULL", "high": "NULL", "low": "NULL", "close": "NULL"}, "printed_or_fmv"),
        ({"is_fmv": "true", "fmv": 10}, "printed_or_fmv"),
        ({"is_fmv": "true", "open": "NULL", "high": "NULL", "low": "NULL", "close": "NULL"}, "printed_or_fmv"),
        ({"is_fmv": "true", "fmv": 10, "volume": 0, "open": "NULL", "high": "NULL", "low": "NULL"}, "printed_or_fmv"),
        ({"is_fmv": "true", "fmv": 10, "open": "NULL", "high": "NULL", "low": "NULL", "close": "NULL"}, "printed_or"),
        ({"fmv": 0}, "prices_positive"),
        ({"status": "perhaps"}, "status_known"),
    ],
)
def test_a_bar_that_breaks_an_invariant_cannot_be_stored(
    migrated_database_url: str, table: str, values: dict[str, object], constraint: str
) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    with pytest.raises(errors.CheckViolation, match=f"{table}_{constraint}"):
        insert_bar(migrated_database_url, table, security_id, **values)


@pytest.mark.parametrize(
    ("volume", "printed"), [(0, 0.4), (100, 100), (100, 101.2), (100, 99), (0, 0), (1, 0), (1, -0.4)]
)
def test_a_printed_volume_that_contradicts_the_whole_one_cannot_be_stored(
    migrated_database_url: str, volume: int, printed: float
) -> None:
    insert_bar(migrated_database_url, "ohlcv_daily", add_security(migrated_database_url, "AAA"), volume=volume)
    with pytest.raises(errors.CheckViolation, match="volume_printed_near"):
        query(migrated_database_url, "UPDATE ohlcv_daily SET volume_printed = %s", (printed,))


@pytest.mark.parametrize("table", BARS)
def test_a_high_below_the_low_is_refused_by_a_constraint_of_its_own(migrated_database_url: str, table: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    for name in ("open_inside", "close_inside"):
        query(migrated_database_url, f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}")
    with pytest.raises(errors.CheckViolation, match=f"{table}_high_not_below_low"):
        insert_bar(migrated_database_url, table, security_id, high=8)


@pytest.mark.parametrize("table", BARS)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"open": 10, "high": 10, "low": 10, "close": 10, "volume": 0},
        {"fmv": 10.5},
        {"status": "provisional"},
        {"is_fmv": "true", "fmv": 10, "volume": 0, "open": "NULL", "high": "NULL", "low": "NULL", "close": "NULL"},
        {"open": 0.0001, "high": 0.0002, "low": 0.0001, "close": 0.0002},
        {"open": 812000, "high": 812000.123456, "low": 812000, "close": 812000},
    ],
)
def test_a_printed_bar_and_a_fair_market_value_without_a_print_can_be_stored(
    migrated_database_url: str, table: str, values: dict[str, object]
) -> None:
    insert_bar(migrated_database_url, table, add_security(migrated_database_url, "AAA"), **values)
    assert query(migrated_database_url, f"SELECT count(*) FROM {table}") == [(1,)]


COLUMNS = """
SELECT attname, atttypid::regtype::text FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def test_a_daily_bar_has_the_columns_that_the_core_names_and_a_batch_brings_those_that_are_staged(
    migrated_database_url: str,
) -> None:
    assert query(migrated_database_url, COLUMNS, ("ohlcv_daily",)) == [one[:2] for one in DAILY_COLUMNS]
    with transaction(open_engine(migrated_database_url)) as connection:
        connection.execute(statement("bars/stage"), prepare=False)
        staged = connection.execute(COLUMNS, ("stage_bars",)).fetchall()
    # When a session closes is not staged with every bar of it.
    assert staged == [one[:2] for one in DAILY_COLUMNS if one.staged and one.name != "closes_at"]


def test_a_security_has_one_bar_a_session_and_a_minute_bar_starts_on_a_minute(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    insert_bar(migrated_database_url, "ohlcv_daily", security_id)
    with pytest.raises(errors.UniqueViolation):
        insert_bar(migrated_database_url, "ohlcv_daily", security_id, close=10)
    with pytest.raises(errors.ForeignKeyViolation):
        insert_bar(migrated_database_url, "ohlcv_daily", 999)
    insert_bar(migrated_database_url, "ohlcv_1min", security_id)
    with pytest.raises(errors.CheckViolation, match="starts_on_a_minute"):
        query(migrated_database_url, "UPDATE ohlcv_1min SET ts = ts + interval '1 second'")


# -- identity ---------------------------------------------------------------------------------------------------------


def test_no_two_securities_hold_one_ticker_on_one_day(migrated_database_url: str) -> None:
    first = add_security(migrated_database_url, "RUSE", since=date(2005, 4, 4))
    with pytest.raises(errors.ExclusionViolation, match="one_security_per_ticker_and_day"):
        add_security(migrated_database_url, "RUSE", figi="OTHER", since=date(2026, 3, 2))
    close = "UPDATE ticker_intervals SET valid_to = %s, seen_to = '2019-06-28' WHERE security_id = %s"
    query(migrated_database_url, close, ("2026-03-02", first))
    add_security(migrated_database_url, "RUSE", figi="NEWER", since=date(2026, 3, 2))
    add_security(migrated_database_url, "RUSe", since=date(2026, 3, 2))


def test_a_security_holds_one_ticker_a_day(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    insert = "INSERT INTO ticker_intervals VALUES (%s, 'BBB', '2026-11-16', NULL, 'vendor', '2026-11-16', '2026-11-20')"
    with pytest.raises(errors.ExclusionViolation, match="one_ticker_per_security_and_day"):
        query(migrated_database_url, insert, (security_id,))
    with pytest.raises(errors.ExclusionViolation, match="one_security_per_ticker"):
        query(
            migrated_database_url,
            "INSERT INTO ticker_intervals VALUES (%s, 'AAA', '2019-01-02', '2020-01-03', 'vendor', '2019-01-02', "
            "'2019-01-02')",
            (security_id,),
        )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("start_known = 'guessed'", "start_known"),
        ("seen_from = '2019-12-31'", "seen_inside"),
        ("valid_to = seen_to", "seen_inside"),
        ("ticker = ' AAA'", "ticker_not_blank"),
        ("ticker = ''", "ticker_not_blank"),
    ],
)
def test_an_interval_that_contradicts_itself_is_refused(
    migrated_database_url: str, change: str, constraint: str
) -> None:
    add_security(migrated_database_url, "AAA")
    with pytest.raises(errors.CheckViolation, match=f"ticker_intervals_{constraint}"):
        query(migrated_database_url, f"UPDATE ticker_intervals SET {change}")


@pytest.mark.parametrize(
    "change",
    [
        "expense_ratio = 0.75",
        "expense_ratio = -0.01",
        "aum_usd = -1",
        "shares_outstanding = 0",
        "list_date = '2020-01-02'",
        "list_date = '2020-01-02', list_date_source = 'a feeling'",
        "list_date = '2020-01-02', list_date_source = 'vendor', delisted_on = '2020-01-02'",
    ],
)
def test_facts_of_a_security_that_cannot_be_are_refused(migrated_database_url: str, change: str) -> None:
    add_security(migrated_database_url, "AAA")
    with pytest.raises(errors.CheckViolation):
        query(migrated_database_url, f"UPDATE securities SET {change}")


def test_assets_in_millions_follow_from_dollars(migrated_database_url: str) -> None:
    add_security(migrated_database_url, "SPY")
    query(migrated_database_url, "UPDATE securities SET aum_usd = 612345678901.23, etf_type = 'broad'")
    assert query(migrated_database_url, "SELECT aum_millions::text FROM symbols") == [("612345.68",)]
    with pytest.raises(errors.GeneratedAlways):
        query(migrated_database_url, "UPDATE securities SET aum_millions = 1")


def test_the_partial_indexes_by_the_documents_names_exist_and_are_partial(migrated_database_url: str) -> None:
    indexes = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE indexname IN ('idx_symbols_etf_type', 'idx_symbols_aum')"
    )
    found = dict(query(migrated_database_url, indexes))
    assert "(etf_type) WHERE (etf_type IS NOT NULL)" in found["idx_symbols_etf_type"]
    assert "(aum_millions) WHERE (aum_millions IS NOT NULL)" in found["idx_symbols_aum"]


def test_the_symbols_view_shows_each_security_once_under_its_current_or_last_ticker(
    migrated_database_url: str,
) -> None:
    renamed = add_security(migrated_database_url, "FB", since=date(2012, 5, 18))
    query(migrated_database_url, "UPDATE ticker_intervals SET valid_to = '2022-06-09', seen_to = '2022-06-08'")
    query(
        migrated_database_url,
        "INSERT INTO ticker_intervals VALUES (%s, 'META', '2022-06-09', NULL, 'vendor', '2022-06-09', '2026-11-20')",
        (renamed,),
    )
    gone = add_security(migrated_database_url, "GONE")
    query(
        migrated_database_url,
        "UPDATE ticker_intervals SET valid_to = '2026-09-30', seen_to = '2026-09-29' WHERE security_id = %s",
        (gone,),
    )
    query(migrated_database_url, "UPDATE securities SET delisted_on = '2026-09-30' WHERE security_id = %s", (gone,))
    shown = "SELECT symbol, security_id, active, delisted_on FROM symbols ORDER BY symbol"
    assert query(migrated_database_url, shown) == [
        ("GONE", gone, False, date(2026, 9, 30)),
        ("META", renamed, True, None),
    ]


# -- explanations and work --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "retry_at", "accepted"),
    [
        ("no_trade", None, True),
        ("halted", None, True),
        ("vendor_missing", "2026-11-23", True),
        ("vendor_missing", None, False),
        ("no_trade", "2026-11-23", False),
        ("forgotten", "2026-11-23", False),
    ],
)
def test_an_open_reason_says_when_to_ask_again_and_a_final_one_does_not(
    migrated_database_url: str, reason: str, retry_at: str | None, accepted: bool
) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    insert = (
        "INSERT INTO bar_gaps (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at) "
        "VALUES (%s, %s, 'AAA', %s, 'e', 's', now(), %s) RETURNING is_final"
    )
    values = (security_id, MON, reason, retry_at)
    if accepted:
        assert query(migrated_database_url, insert, values) == [(retry_at is None,)]
    else:
        with pytest.raises(errors.CheckViolation):
            query(migrated_database_url, insert, values)


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("split", "0, 2, NULL, NULL"),
        ("split", "1, NULL, NULL, NULL"),
        ("split", "1, 2, 0.5, 'USD'"),
        ("dividend", "NULL, NULL, 0.5, NULL"),
        ("dividend", "NULL, NULL, 0, 'USD'"),
        ("merger", "1, 2, NULL, NULL"),
    ],
)
def test_a_corporate_action_that_is_none_is_refused(migrated_database_url: str, action: str, values: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    with pytest.raises(errors.CheckViolation):
        query(
            migrated_database_url,
            "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, "
            f"cash_amount, currency, source, known_from) VALUES ({security_id}, 'AAA', '{action}', 'k', '{FRI}', "
            f"{values}, 's', now())",
        )


def test_one_version_of_a_split_is_current_and_dividends_of_a_day_differ_by_kind(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    insert = (
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, cash_amount, "
        "currency, source, known_from) VALUES (%s, 'AAA', %s, %s, '2026-11-20', %s, %s, %s, %s, 's', now())"
    )
    query(migrated_database_url, insert, (security_id, "split", "forward_split", 1, 2, None, None))
    with pytest.raises(errors.UniqueViolation):
        query(migrated_database_url, insert, (security_id, "split", "stock_dividend", 1, 3, None, None))
    for kind in ("recurring", "special"):
        query(migrated_database_url, insert, (security_id, "dividend", kind, None, None, 1, "USD"))
    with pytest.raises(errors.UniqueViolation):
        query(migrated_database_url, insert, (security_id, "dividend", "special", None, None, 2, "USD"))
    query(migrated_database_url, "UPDATE corporate_actions SET known_to = now() WHERE action = 'split'")
    query(migrated_database_url, insert, (security_id, "split", "forward_split", 1, 3, None, None))
