-- In the transaction that stores the unit's rows.
INSERT INTO work_units AS u (
    unit_id, kind, market, source, subject, first_session, last_session, status, attempts, cells, rows, run_id,
    error, planned_at, started_at, finished_at)
VALUES (
    %(unit_id)s, %(kind)s, %(market)s, %(source)s, %(subject)s, %(first)s, %(last)s, %(status)s, 1, %(cells)s,
    %(rows)s, %(run_id)s, %(error)s, %(now)s, %(started_at)s, %(now)s)
ON CONFLICT (unit_id) DO UPDATE SET
    status = EXCLUDED.status, attempts = u.attempts + 1, rows = EXCLUDED.rows, run_id = EXCLUDED.run_id,
    error = EXCLUDED.error, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
