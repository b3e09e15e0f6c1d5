-- A stored bar resolves the earlier broken rows of its cell.
UPDATE quarantined_bars AS q SET resolved_at = %(now)s
FROM stage_bars AS s
WHERE (q.security_id, q.session) = (s.security_id, s.session) AND q.resolved_at IS NULL
