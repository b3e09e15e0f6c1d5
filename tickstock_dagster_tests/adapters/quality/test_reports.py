"""Reports of sessions in the store: every text as it is."""

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.quality.findings import Scope, store_findings
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.quality.lifecycle import Finding, Key
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import CALENDAR, Store
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, query


def test_recommendations_keep_every_character(migrated_database_url: str) -> None:
    store = Store(migrated_database_url, {})
    [(lone,)] = query(store.url, "SELECT security_id FROM ticker_intervals WHERE ticker = 'LONE'")
    cause = 'two\nlines, a\ttab, "quotes", {braces}, a \\ and NULL'
    key = Key(lone, FRI, "sources_differ")
    found = Finding(key, "LONE", Verdict.SUSPICIOUS, Severity.WARN, cause, 0.5, 0.1, {}, "a third source")
    with transaction(store.engine) as connection:
        scope = Scope(FRI, FRI, ["sources_differ"], [lone])
        store_findings(connection, [found], scope, market="XNYS", run_id="r", now=NOW)
    list(report_sessions(store.engine, CALENDAR, [FRI], run_id="r", now=NOW))
    said = f"sources_differ: suspicious ({cause}); a third source"
    assert query(store.url, "SELECT recommendations FROM quality_reports WHERE ticker = 'LONE'") == [([said],)]
