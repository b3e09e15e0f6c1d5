-- The evidence that held on a session before it was determined (anew).
SELECT evidence FROM universe_determinations
WHERE universe = %(universe)s AND session <= %(session)s
ORDER BY session DESC, determined_at DESC
LIMIT 1
