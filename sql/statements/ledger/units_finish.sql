-- In the transaction that stores the units' rows. Of leased units only the holder's are ended: a holder that lost its
-- lease to another has stored its rows, but the state is the newer holder's; lost to no other, its end counts as well.
-- Returns those that were ended.
INSERT INTO work_units AS u (
    unit_id, dataset, kind, market, source, subject, first_session, last_session, status, attempts, failures, cells,
    rows, bytes, elapsed_ms, run_id, error, error_class, not_before, planned_at, started_at, finished_at, finished_in)
SELECT e.unit_id, e.dataset, e.kind, e.market, e.source, e.subject, e.first, e.last, e.status,
    greatest(e.failures, 1), e.failures, e.cells, e.rows, e.bytes, e.elapsed_ms, %(run_id)s, e.error,
    e.error_class, e.not_before, %(now)s, e.started_at, %(now)s, pg_current_xact_id()
FROM unnest(
    %(unit_ids)s::text[], %(datasets)s::text[], %(kinds)s::text[], %(markets)s::text[], %(sources)s::text[],
    %(subjects)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(cells)s::integer[], %(statuses)s::text[],
    %(rows)s::integer[], %(bytes)s::bigint[], %(elapsed_ms)s::double precision[], %(errors)s::text[],
    %(error_classes)s::text[], %(not_before)s::timestamptz[], %(started_at)s::timestamptz[],
    %(failures)s::integer[])
    AS e (unit_id, dataset, kind, market, source, subject, first, last, cells, status, rows, bytes, elapsed_ms, error,
        error_class, not_before, started_at, failures)
ORDER BY e.unit_id
ON CONFLICT (unit_id) DO UPDATE SET
    status = EXCLUDED.status, attempts = u.attempts + 1,
    failures = EXCLUDED.failures,
    rows = EXCLUDED.rows, bytes = EXCLUDED.bytes, elapsed_ms = EXCLUDED.elapsed_ms, run_id = EXCLUDED.run_id,
    error = EXCLUDED.error, error_class = EXCLUDED.error_class, not_before = EXCLUDED.not_before,
    lease_holder = NULL, leased_until = NULL, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at,
    finished_in = EXCLUDED.finished_in
WHERE u.status = 'leased' AND u.lease_holder = %(holder)s::text
    OR u.status <> 'leased' AND (u.status = 'pending' OR %(holder)s::text IS NULL)
RETURNING u.unit_id
