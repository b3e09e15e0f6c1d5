-- Put units into the queue. What is open stays as it is, with the higher of two priorities, and becomes an entry if a run had
-- planned it for itself; what is over waits again.
INSERT INTO work_units AS u (
    unit_id, dataset, kind, market, source, subject, first_session, last_session, priority, status, cells, run_id,
    planned_at, equity_type, enqueued_at)
SELECT e.unit_id, e.dataset, e.kind, e.market, e.source, e.subject, e.first, e.last, e.priority, 'pending', e.cells,
    %(run_id)s, %(now)s, e.equity_type, %(now)s
FROM unnest(
    %(unit_ids)s::text[], %(datasets)s::text[], %(kinds)s::text[], %(markets)s::text[], %(sources)s::text[],
    %(subjects)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(cells)s::integer[], %(priorities)s::smallint[],
    %(equity_types)s::text[])
    AS e (unit_id, dataset, kind, market, source, subject, first, last, cells, priority, equity_type)
ORDER BY e.unit_id
ON CONFLICT (unit_id) DO UPDATE SET
    (status, priority, planned_at, enqueued_at, error, error_class, not_before) = (
        SELECT
            CASE WHEN o.is_open THEN u.status ELSE 'pending' END,
            CASE WHEN o.is_open THEN greatest(u.priority, EXCLUDED.priority) ELSE EXCLUDED.priority END,
            CASE WHEN o.is_open THEN u.planned_at ELSE EXCLUDED.planned_at END,
            CASE WHEN o.is_open THEN coalesce(u.enqueued_at, EXCLUDED.enqueued_at) ELSE EXCLUDED.enqueued_at END,
            CASE WHEN o.is_open THEN u.error END,
            CASE WHEN o.is_open THEN u.error_class END,
            CASE WHEN o.is_open THEN u.not_before END
        FROM (SELECT u.status IN ('pending', 'leased', 'retrying') AS is_open) AS o),
    equity_type = EXCLUDED.equity_type
