-- The rule in force of every universe that has one.
SELECT DISTINCT ON (r.universe) r.universe, r.version, r.rule, r.reason, r.created_at
FROM universe_rules AS r
ORDER BY r.universe, r.version DESC
