-- Record the units that a run is about to ask for. A done unit keeps its history and becomes pending again.
INSERT INTO work_units AS u (
    unit_id, kind, market, source, subject, first_session, last_session, priority, status, cells, run_id, planned_at)
VALUES (
    %(unit_id)s, %(kind)s, %(market)s, %(source)s, %(subject)s, %(first)s, %(last)s, %(priority)s, 'pending',
    %(cells)s, %(run_id)s, %(now)s)
ON CONFLICT (unit_id) DO UPDATE SET
    status = 'pending', priority = EXCLUDED.priority, cells = EXCLUDED.cells, run_id = EXCLUDED.run_id,
    error = NULL, planned_at = EXCLUDED.planned_at
