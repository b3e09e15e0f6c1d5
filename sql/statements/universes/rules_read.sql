-- A version of a universe's rule; null: the newest.
SELECT r.version, r.rule, r.reason, r.created_at
FROM universe_rules AS r
WHERE r.universe = %(universe)s AND (%(version)s::integer IS NULL OR r.version = %(version)s)
ORDER BY r.version DESC
LIMIT 1
