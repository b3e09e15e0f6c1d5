-- The evidence in force on a session before its new determination.
SELECT evidence FROM universe_determinations
WHERE universe = %(universe)s AND session <= %(session)s
ORDER BY session DESC, determined_at DESC
LIMIT 1
