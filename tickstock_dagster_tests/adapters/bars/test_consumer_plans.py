"""What consumers ask first is answered by a key: no plan reads all bars, nor the factors of all for the bars of one."""

import re

import psycopg
import pytest

from tickstock_dagster_tests.adapters.store_helpers import query

FILLED = """
INSERT INTO securities (name, updated_at, primary_exchange)
SELECT 'S' || i, now(), 'XNYS' FROM generate_series(1, 400) AS i;
SET tickstock.adjusts = on;
INSERT INTO ohlcv_daily (
    security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, loaded_at)
SELECT security_id, date '2026-01-05' + d, name, now(), 10, 10, 10, 10, 100, 's', 'final', now()
FROM generate_series(0, 119) AS d, securities;
INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, cash_amount, currency, source, known_from)
SELECT security_id, name, 'dividend', 'recurring', date '2026-01-10' + k * 7, 0.1, 'USD', 's', now()
FROM securities, generate_series(1, 15) AS k;
INSERT INTO cache_entries (key, type, name, value, created_at, updated_at)
VALUES ('u', 'list', 'U', '["S1"]', now(), now());
INSERT INTO universe_memberships (universe, security_id, valid_from, known_from)
SELECT 'u', security_id, '1900-01-01', now() FROM securities ORDER BY 1 LIMIT 20;
"""
QUESTIONS = {
    "ticker = 'S77'": "ohlcv_daily_by_ticker",
    "ticker = 'S77' AND session >= '2026-04-01' ORDER BY session": "ohlcv_daily_by_ticker",
    "security_id = 77 ORDER BY session": "ohlcv_daily_pkey",
    "session = '2026-02-02'": "ohlcv_daily_by_session",
    "security_id = ANY (ARRAY(SELECT security_id FROM universe_memberships WHERE universe = 'u')) "
    "AND session BETWEEN '2026-02-01' AND '2026-02-28'": "ohlcv_daily_(?:pkey|by_session)",
}


@pytest.fixture
def filled_url(migrated_database_url: str) -> str:
    """48,000 bars of 400 securities, stored session by session, with the statistics that autovacuum would keep."""
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(FILLED.encode())
        connection.execute("VACUUM ANALYZE ohlcv_daily, adjustment_factors, securities, universe_memberships")
    return migrated_database_url


def test_what_consumers_ask_first_is_answered_by_a_key(filled_url: str) -> None:
    for condition, key in QUESTIONS.items():
        for table in ("ohlcv_daily", "ohlcv_daily_adjusted"):
            rows = query(filled_url, f"EXPLAIN SELECT session, close FROM {table} WHERE {condition}")  # noqa: S608
            plan = "\n".join(line for (line,) in rows)
            assert not re.search(r"Seq Scan on ohlcv_daily\b", plan), plan
            assert re.search(rf"using {key}\b|Bitmap Index Scan on {key}\b", plan), plan
            if table == "ohlcv_daily_adjusted" and condition.startswith(("ticker", "security_id =")):
                assert "using adjustment_factors_pkey" in plan, plan
    # Sums of everything join all series by one hash, not by a look-up for each bar, and none where none is wanted.
    rows = query(filled_url, "EXPLAIN SELECT sum(total_return_close) FROM ohlcv_daily_adjusted")
    assert re.search(r"Hash (Left|Right) Join", "\n".join(line for (line,) in rows)), rows
    rows = query(filled_url, "EXPLAIN SELECT count(*) FROM ohlcv_daily_adjusted")
    assert "adjustment_factors" not in "\n".join(line for (line,) in rows)
