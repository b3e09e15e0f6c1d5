-- The state of every gap between two sessions ($1, $2) of some securities ($3, separated by commas): final (no longer
-- owed) or open (missing), and its reason.
SELECT security_id, session, CASE WHEN is_final THEN 'final' ELSE 'open' END AS state, reason
FROM bar_gaps
WHERE session BETWEEN $1::date AND $2::date
    AND security_id = ANY (string_to_array($3::text, ',')::bigint[])
