INSERT INTO maintenance_runs (
    market, session, kind, started_at, finished_at, removed, tables, bytes_before, bytes_after, run_id)
VALUES (
    %(market)s, %(session)s, %(kind)s, %(started_at)s, %(finished_at)s, %(removed)s, %(tables)s, %(bytes_before)s,
    %(bytes_after)s, %(run_id)s)
