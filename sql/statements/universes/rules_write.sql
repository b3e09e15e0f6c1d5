-- The next version of a universe's rule; no row where the newest version is the same rule.
INSERT INTO universe_rules (universe, version, rule, reason, created_at)
SELECT %(universe)s, coalesce(newest.version, 0) + 1, %(rule)s::jsonb, %(reason)s, %(now)s
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT r.version, r.rule FROM universe_rules AS r
    WHERE r.universe = %(universe)s ORDER BY r.version DESC LIMIT 1) AS newest ON true
WHERE newest.rule IS DISTINCT FROM %(rule)s::jsonb
RETURNING version
