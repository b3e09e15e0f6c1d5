"""No password and no key in anything that Dagster or the store keeps of a run, whether it went well or badly."""

import psycopg
from psycopg import sql

from tickstock_dagster.adapters.services.addresses import without_password
from tickstock_dagster_tests.defs.factory import FRI, MON, Factory, facts_of, failure_of

API_KEY = "key-that-nobody-may-read-0123456789"
REDIS = "redis://:redis-word-that-nobody-may-read@127.0.0.1:1/0"


def tables_with(url: str, *words: str) -> dict[str, int]:
    """Tables of a database in which a word stands, with the number of rows; words in bytes are found as well."""
    found = {}
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for (name,) in names:
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text ILIKE ANY (%s)").format(sql.Identifier(name))
            patterns = [pattern for word in words for pattern in (f"%{word}%", f"%{word.encode().hex()}%")]
            row = connection.execute(query, [patterns]).fetchone()
            if row and row[0]:
                found[name] = row[0]
    return found


def test_no_secret_is_kept_of_runs(factory_on_postgres: Factory, storage_url: str, capfd) -> None:
    factory = factory_on_postgres
    factory.track()
    assert factory.run("us_eod", MON).success
    factory.configure(TICKSTOCK_REDIS_URL=REDIS)
    assert facts_of(factory.run("us_eod", FRI))["events_waiting"] > 0
    factory.configure(MASSIVE_API_KEY=API_KEY)
    assert "check MASSIVE_API_KEY" in failure_of(factory.run("us_eod", "2026-11-12"))
    wrong = factory.database_url.replace("/test_", "/none_")
    factory.configure(TICKSTOCK_DATABASE_URL=wrong)
    assert "cannot be reached" in failure_of(factory.run("us_eod", "2026-11-11"))

    password = factory.database_url.partition("@")[0].rpartition(":")[2]
    assert password not in without_password(factory.database_url)
    assert tables_with(storage_url, "us__session_bars").keys() >= {"event_logs", "runs"}, "the search finds something"
    assert tables_with(storage_url, password, API_KEY, "redis-word") == {}
    assert tables_with(factory.database_url, password, API_KEY, "redis-word") == {}
    printed = capfd.readouterr()
    for word in (password, API_KEY, "redis-word"):
        assert word not in printed.out + printed.err
