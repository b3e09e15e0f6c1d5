"""A load that commits while a session is judged: its bars are not taken for those that were judged."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic, sleep

import psycopg

from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import CALENDAR, Store
from tickstock_dagster_tests.adapters.store_helpers import NOW, THU, query

THURSDAY = "UPDATE ohlcv_daily SET open = %s, high = %s, low = %s, close = %s WHERE ticker = 'LONE' AND session = %s"
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_the_bar_that_a_load_stores_meanwhile_is_not_set_aside_for_the_one_before(migrated_database_url: str) -> None:
    store = Store(migrated_database_url, {})
    query(store.url, THURSDAY, (*[10_000] * 4, THU))

    def report(hours: int) -> list[tuple[int, int]]:
        now = NOW + timedelta(hours=hours)
        found = report_sessions(store.engine, CALENDAR, [THU], run_id="r", now=now)
        return [(one.stored.found, len(one.stored.set_aside)) for one in found]

    with ThreadPoolExecutor(1) as pool, psycopg.connect(store.url) as load:
        load.execute("SELECT pg_advisory_xact_lock(hashtext('tickstock bars'))")
        load.execute(THURSDAY.encode(), (*[100] * 4, THU))
        reported = pool.submit(report, 1)
        until = monotonic() + 60
        while query(store.url, WAITS) == [(0,)] and monotonic() < until:
            sleep(0.02)
        load.commit()
        assert reported.result() == [(0, 0)]
    assert query(store.url, "SELECT count(*) FROM quarantined_bars") == [(0,)]
    query(store.url, THURSDAY, (*[10_000] * 4, THU))
    [(found, aside)] = report(2)
    assert (found > 0, aside) == (True, 1), "the same bar would have been, had it stayed"
