-- Record the units that a run is about to ask for. What is owed decides: an ended unit becomes pending again, and keeps
-- its history. Left alone are units that somebody is asking for at this moment, and those that ended after this run
-- looked at the store (`look`); a transaction number from before a restore is none of this server's.
INSERT INTO work_units AS u (
    unit_id, dataset, kind, market, source, subject, first_session, last_session, priority, status, cells, run_id,
    planned_at)
SELECT p.unit_id, p.dataset, p.kind, p.market, p.source, p.subject, p.first, p.last, p.priority, 'pending', p.cells,
    %(run_id)s, %(now)s
FROM unnest(
    %(unit_ids)s::text[], %(datasets)s::text[], %(kinds)s::text[], %(markets)s::text[], %(sources)s::text[],
    %(subjects)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(cells)s::integer[], %(priorities)s::smallint[])
    AS p (unit_id, dataset, kind, market, source, subject, first, last, cells, priority)
ORDER BY p.unit_id
ON CONFLICT (unit_id) DO UPDATE SET
    status = 'pending',
    priority = CASE WHEN u.status IN ('pending', 'retrying') THEN greatest(u.priority, EXCLUDED.priority)
        ELSE EXCLUDED.priority END,
    planned_at = CASE WHEN u.status IN ('pending', 'retrying') THEN u.planned_at ELSE EXCLUDED.planned_at END,
    cells = EXCLUDED.cells, run_id = EXCLUDED.run_id, error = NULL, error_class = NULL, not_before = NULL
WHERE u.status <> 'leased'
    AND (u.finished_in IS NULL OR u.finished_in > pg_current_xact_id() OR u.status = 'pending'
        OR coalesce(pg_visible_in_snapshot(u.finished_in, %(look)s::pg_snapshot), true))
