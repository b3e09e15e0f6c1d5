"""The fingerprint: equal for stores that say the same, different when one value differs."""

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import TRAFFIC_TABLES, fingerprint, fingerprint_tables
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, bar, batch, query

FILLED = """
INSERT INTO fund_navs
SELECT security_id, '2026-11-20', 'AAA', 10, 's', '2026-11-20', now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO fund_sectors
SELECT security_id, '2026-11-20', 'AAA', '{"energy": 1}', 's', '2026-11-20', now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO symbol_validations
SELECT security_id, 'AAA', '2026-11-20', 'ETF', 1, 'unknown', 'not known: aum_usd', NULL, 1, 1, NULL, now()
FROM symbols WHERE symbol = 'AAA';
INSERT INTO unresolved_actions VALUES ('s', 'ZZZ', 'split', '2026-11-18', 'E1');
INSERT INTO market_calendar VALUES ('XNYS', '2026-11-20', '2026-11-20 14:30Z', '2026-11-20 21:00Z', false);
INSERT INTO market_calendar_overrides (calendar, session, action, reason, created_by, created_at)
VALUES ('XNYS', '2026-11-27', 'remove', 'storm', 'me', now());
INSERT INTO cache_entries (key, type, name, value, created_at, updated_at)
VALUES ('mine', 'list', 'Mine', '["AAA"]', now(), now());
INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, known_from)
SELECT security_id, 'AAA', 'split', 'forward_split', '2026-11-18', 1, 2, 's', now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO outbox (event_id, channel, subject, event, occurred_at)
VALUES ('7f8f6f6e-0000-4000-8000-000000000001', 'tickstock.eod.complete', 'XNYS/2026-11-20',
    '{"data": {"session": "2026-11-20", "run_id": "r"}}', now());
INSERT INTO dead_letters (event_id, position, channel, subject, error, attempts, first_tried_at, last_tried_at, dead_at)
SELECT event_id, position, channel, subject, 'refused', 5, now(), now(), now() FROM outbox
WHERE event_id = '7f8f6f6e-0000-4000-8000-000000000001';
INSERT INTO admin_mails (event_id, noted_at, next_try_at)
VALUES ('7f8f6f6e-0000-4000-8000-000000000001', now(), now());
INSERT INTO calendar_disagreements (calendar, session, witness, ours, theirs, overridden, noticed_at)
VALUES ('XNYS', '2026-11-20', 'exchange_calendars', '09:30–16:00', 'closed', false, now());
INSERT INTO stream_alerts VALUES ('tickstock.events', 'app', 7, now(), now(), 1);
INSERT INTO symbol_versions
SELECT security_id, '2026-11-16', '2026-11-20', 'AAA', 'Aaa', 'CS', 'XNYS', NULL, NULL, now()
FROM symbols WHERE symbol = 'AAA';
INSERT INTO fair_values
SELECT security_id, '2026-11-20', 'AAA', 10, 'estimator', 'last_close', NULL, NULL, '2026-11-19', 10, 1, now()
FROM symbols WHERE symbol = 'AAA';
INSERT INTO security_shares SELECT security_id, '2026-11-20', 1000, 's', now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO etf_profiles (ticker, source, as_of, name, known_at) VALUES ('AAA', 'seed', '2026-11-20', 'Aaa', now());
INSERT INTO etf_correlations
SELECT '2026-11-20', security_id, 'AAA', 'SPY', 60, 0.5, now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO etf_correlations_told
SELECT security_id, 'SPY', 60, '2026-11-20', 0.5, now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO universe_rules VALUES ('mine', 1, '{"title": "Mine"}', 'because', now());
INSERT INTO universe_memberships (universe, security_id, valid_from, known_from)
SELECT 'mine', security_id, '2026-11-16', now() FROM symbols;
INSERT INTO universe_determinations VALUES ('mine', '2026-11-16', now(), 1, 'set', 3, '{}', 'r');
INSERT INTO sync_changes_log (session, universe, security_id, ticker, task, change, reason, run_id, changed_at)
SELECT '2026-11-16', 'mine', security_id, symbol, 'set', 'added', 'because', 'r', now() FROM symbols;
INSERT INTO sync_changes_log (session, universe, task, change, reason, run_id, changed_at)
VALUES ('2026-11-16', 'mine', 'set', 'rule', 'because', 'r', now());
INSERT INTO maintenance_runs (
    market, session, kind, started_at, finished_at, removed, tables, bytes_before, bytes_after, run_id)
VALUES ('XNYS', '2026-11-20', 'light', now(), now(), '{}', '{}', 0, 0, 'r');
INSERT INTO sync_proposals VALUES ('2026-11-16', 'theme_rebalancing', '[]', 3, 0.1, NULL, 'r', now());
INSERT INTO quality_anomalies (
    security_id, session, rule, dataset, ticker, verdict, severity, cause, value, threshold, evidence, would_change,
    found_at, found_by, judged_at)
SELECT security_id, '2026-11-20', 'price_move', 'ohlcv_daily', 'AAA', 'suspicious', 'warn', 'why', 0.3, 0.2, '{}',
    'news', now(), 'r', now() FROM symbols WHERE symbol = 'AAA';
INSERT INTO quality_verdicts (
    security_id, session, rule, dataset, verdict, how, cause, value, threshold, evidence, given_by, given_at)
SELECT security_id, session, rule, dataset, verdict, 'found', cause, value, threshold, evidence, 'r', now()
FROM quality_anomalies;
INSERT INTO bar_candidates
SELECT security_id, session, 'files:other', ticker, false, NULL, open, high, low, close, volume, '2026-01-01Z'
FROM ohlcv_daily WHERE open IS NOT NULL;
INSERT INTO quality_reports
SELECT '2026-11-20', security_id, 'AAA', 75, 100, 100, 83, 0, 1, 0, 0, 0, '{}', now(), 'r'
FROM symbols WHERE symbol = 'AAA';
"""
MINUTE = """
INSERT INTO ohlcv_1min (security_id, ts, ticker, open, high, low, close, volume, source, status, loaded_at)
SELECT security_id, '2026-11-20 14:30Z', 'AAA', 10, 12, 9, 11, 100, 's', 'final', now()
FROM symbols WHERE symbol = 'AAA'
"""
FOLLOWING = {"corporate_actions": ("adjustment_factors",), "equity_types": ("equity_type_versions",)}
"""Tables that follow from another in its transaction."""

CHANGES = {
    "adjustment_factors": "UPDATE adjustment_factors SET pending_from = '2026-12-01'",
    "fund_navs": "UPDATE fund_navs SET nav = nav + 0.000001",
    "fund_sectors": """UPDATE fund_sectors SET allocation = '{"energy": 0.5}'""",
    "fair_values": "UPDATE fair_values SET fmv = fmv + 0.000001",
    "equity_types": "UPDATE equity_types SET title = 'x' WHERE equity_type = 'ETF'",
    "equity_type_versions": "UPDATE equity_type_versions SET reason = 'another' WHERE equity_type = 'ETF'",
    "symbol_validations": "UPDATE symbol_validations SET verdict = 'passes', reason = 'aum_usd 1'",
    "bar_gaps": "UPDATE bar_gaps SET reason = 'vendor_late'",
    "bar_restatements": "UPDATE bar_restatements SET old_close = old_close + 0.000001",
    "cache_entries": """UPDATE cache_entries SET value = '["AAA", "BBB"]'""",
    "calendar_disagreements": "UPDATE calendar_disagreements SET resolved_at = now()",
    "corporate_actions": "UPDATE corporate_actions SET split_to = 3",
    "etf_correlations": "UPDATE etf_correlations SET correlation = 0.500000000001",
    "etf_correlations_told": "UPDATE etf_correlations_told SET correlation = 0.500000000001",
    "etf_profiles": "UPDATE etf_profiles SET aum_usd = 1000000, aum_source = 's'",
    "market_calendar": "UPDATE market_calendar SET closes_at = closes_at - interval '1 second'",
    "market_calendar_overrides": "UPDATE market_calendar_overrides SET revoked_at = now()",
    "ohlcv_1min": "UPDATE ohlcv_1min SET volume = volume + 1",
    "ohlcv_daily": "UPDATE ohlcv_daily SET close = close + 0.000001 WHERE session = '2026-11-19' AND ticker = 'AAA'",
    "outbox": "UPDATE outbox SET subject = 'XNYS/2026-11-19'",
    "quality_anomalies": "UPDATE quality_anomalies SET cause = 'another'",
    "quality_reports": "UPDATE quality_reports SET overall_score = 80",
    "bar_candidates": "UPDATE bar_candidates SET close = close + 1",
    "quarantined_bars": "UPDATE quarantined_bars SET resolved_at = now()",
    "securities": "UPDATE securities SET name = 'Other' WHERE name = 'Aaa'",
    "security_shares": "UPDATE security_shares SET shares = shares + 1",
    "symbol_versions": "UPDATE symbol_versions SET equity_type = 'ETF'",
    "sync_changes_log": "UPDATE sync_changes_log SET reason = 'another' WHERE ticker = 'AAA'",
    "sync_proposals": "UPDATE sync_proposals SET examined = examined + 1",
    "ticker_intervals": "UPDATE ticker_intervals SET start_known = 'vendor' WHERE ticker = 'AAA'",
    "unresolved_actions": "UPDATE unresolved_actions SET vendor_id = 'E2'",
    "universe_determinations": "UPDATE universe_determinations SET members = members + 1",
    "universe_memberships": "UPDATE universe_memberships SET valid_to = '2026-11-20'",
    "universe_rules": "UPDATE universe_rules SET reason = 'another'",
    "work_units": "UPDATE work_units SET status = 'pending' WHERE kind = 'session'",
}


def fill(database_url: str, *, backwards: bool = False) -> None:
    """The same facts, in one order or the other, and so with other surrogate ids and other times."""
    tickers = ["AAA", "BBB", "CCC"]
    order = tickers[::-1] if backwards else tickers
    ids = {ticker: add_security(database_url, ticker) for ticker in order}
    engine = open_engine(database_url)
    units = [
        FinishedUnit(WorkUnit(kind, "XNYS", "simulator", "AAA", MON, FRI, 5), 5, NOW)
        for kind in (UnitKind.RANGE, UnitKind.SESSION)
    ]
    days = [MON, TUE, WED, THU, FRI]
    for day in days[::-1] if backwards else days:
        store_batch(
            engine, batch(*(bar(ids[ticker], day, ticker) for ticker in order if (ticker, day) != ("CCC", WED)))
        )
    gap = {"ticker": "CCC", "reason": "vendor_missing", "evidence": "because", "retry_at": NOW}
    broken = {"ticker": "CCC", "session": WED, "reason": "high is below low", "row": '{"high":1.0}', "unit_id": "u"}
    store_batch(
        engine,
        batch(
            bar(ids["AAA"], FRI, close=11.5),
            gaps=[{"security_id": ids["CCC"], "session": WED, **gap}],
            rejected=[{"security_id": ids["CCC"], **broken}],
            units=units,
        ),
    )
    query(database_url, FILLED)
    query(database_url, "SELECT ensure_ohlcv_1min_partition('2026-11-20')")
    query(database_url, MINUTE)


def test_two_stores_that_say_the_same_have_the_same_fingerprint(
    migrated_database_url: str, another_migrated_url: str
) -> None:
    fill(migrated_database_url)
    fill(another_migrated_url, backwards=True)
    ids = "SELECT security_id FROM ohlcv_daily WHERE ticker = 'AAA' LIMIT 1"
    assert query(migrated_database_url, ids) != query(another_migrated_url, ids)
    one, other = fingerprint(open_engine(migrated_database_url)), fingerprint(open_engine(another_migrated_url))
    assert one.tables == other.tables
    assert one.sha256 == other.sha256
    assert [table.table for table in one.tables if table.rows == 0] == [], "every table has something to hash"


@pytest.mark.parametrize("table", sorted(CHANGES))
def test_one_value_that_differs_changes_the_fingerprint_of_its_table_and_of_the_store(
    migrated_database_url: str, table: str
) -> None:
    fill(migrated_database_url)
    before = fingerprint(open_engine(migrated_database_url))
    query(migrated_database_url, CHANGES[table])
    after = fingerprint(open_engine(migrated_database_url))
    changed = [new.table for old, new in zip(before.tables, after.tables, strict=True) if old != new]
    assert table in changed
    assert set(changed) <= {table, "bar_restatements", *FOLLOWING.get(table, ())}
    assert before.sha256 != after.sha256


def test_how_often_something_was_asked_for_and_how_it_went_changes_nothing(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    before = fingerprint(open_engine(migrated_database_url))
    query(migrated_database_url, "UPDATE work_units SET attempts = attempts + 5, run_id = 'other', rows = 4")
    failing = "UPDATE work_units SET status = 'dead', failures = 5, error = 'broke off', error_class = 'transient'"
    query(migrated_database_url, f"{failing} WHERE kind = 'range'")
    query(migrated_database_url, "UPDATE work_units SET job = 'j', bytes = 7, elapsed_ms = 9, priority = 10")
    query(
        migrated_database_url,
        "INSERT INTO outbox (event_id, channel, subject, event, occurred_at) SELECT gen_random_uuid(), channel, 'x',"
        " '{}', now() FROM unnest(ARRAY['tickstock.jobs.progress', 'tickstock.quality.data_stale']) AS channel",
    )
    query(migrated_database_url, "UPDATE quarantined_bars SET unit_id = 'another'")
    query(migrated_database_url, "DELETE FROM admin_mails")
    assert fingerprint(open_engine(migrated_database_url)) == before


def test_every_table_has_a_case(migrated_database_url: str) -> None:
    assert set(CHANGES) == set(fingerprint_tables())
    told: list[str] = []
    fingerprint(open_engine(migrated_database_url), told.append)
    assert told == list(fingerprint_tables())


def test_times_runs_progress_and_traffic_are_no_content(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    before = fingerprint(open_engine(migrated_database_url))
    for change in (
        "UPDATE ohlcv_daily SET loaded_at = now()",
        "UPDATE work_units SET run_id = 'another', finished_at = now(), started_at = now(), planned_at = now()",
        "UPDATE bar_gaps SET noticed_at = now(), retry_at = now()",
        "UPDATE quarantined_bars SET quarantined_at = now()",
        "UPDATE bar_restatements SET known_from = now(), known_to = now()",
        "UPDATE securities SET updated_at = now()",
        "UPDATE universe_memberships SET known_from = now()",
        "UPDATE universe_determinations SET determined_at = now(), run_id = 'another'",
        "UPDATE universe_rules SET created_at = now()",
        "UPDATE sync_changes_log SET changed_at = now(), run_id = 'another', event_id = gen_random_uuid()",
        "UPDATE sync_proposals SET staged_at = now(), run_id = 'another', seconds = 9",
        "UPDATE quality_anomalies SET found_at = now(), found_by = 'another', judged_at = now()",
        "UPDATE quality_reports SET reported_at = now(), run_id = 'another'",
        """UPDATE outbox SET event = jsonb_set(event, '{data,run_id}', '"another"'), sent_at = now()""",
        "UPDATE dead_letters SET attempts = 6, last_tried_at = now(), error = 'refused again'",
        "UPDATE admin_mails SET attempts = 3, noted_at = now(), sent_at = now()",
        "UPDATE stream_alerts SET entries = 9, last_at = now()",
        "UPDATE calendar_disagreements SET noticed_at = now()",
        (
            "INSERT INTO outbox (event_id, channel, subject, event, occurred_at) "
            "VALUES (gen_random_uuid(), 'tickstock.jobs.progress', 'run-9', '{}', now())"
        ),
        (
            "INSERT INTO vendor_calls (called_at, source, endpoint, rows, elapsed_ms, attempt, outcome) "
            "VALUES (now(), 's', '/', 0, 1, 1, 'ok')"
        ),
    ):
        query(migrated_database_url, change)
    assert fingerprint(open_engine(migrated_database_url)) == before
    assert "vendor_calls" in TRAFFIC_TABLES


def test_how_a_server_writes_dates_makes_no_difference(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    engine = open_engine(migrated_database_url)
    before = fingerprint(engine)
    name = migrated_database_url.rpartition("/")[2]
    query(migrated_database_url, f"ALTER DATABASE {name} SET DateStyle = 'German'")
    engine.dispose()
    assert fingerprint(engine) == before
