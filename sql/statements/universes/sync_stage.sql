-- The same proposals leave the row unchanged.
INSERT INTO sync_proposals AS p (session, task, proposals, examined, seconds, skipped, run_id, staged_at)
VALUES (
    %(session)s, %(task)s, %(proposals)s::jsonb, %(examined)s, %(seconds)s, %(skipped)s, %(run_id)s, %(now)s)
ON CONFLICT (session, task) DO UPDATE SET
    proposals = EXCLUDED.proposals, examined = EXCLUDED.examined, seconds = EXCLUDED.seconds,
    skipped = EXCLUDED.skipped, run_id = EXCLUDED.run_id, staged_at = EXCLUDED.staged_at
WHERE (p.proposals, p.examined, p.skipped) IS DISTINCT FROM (EXCLUDED.proposals, EXCLUDED.examined, EXCLUDED.skipped)
