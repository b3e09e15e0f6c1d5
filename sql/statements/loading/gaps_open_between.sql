-- Open gaps between two sessions ($1, $2) of some securities ($3, separated by commas).
SELECT security_id, session, reason, evidence, retry_at
FROM bar_gaps
WHERE session BETWEEN $1::date AND $2::date AND NOT is_final
    AND security_id = ANY (string_to_array($3::text, ',')::bigint[])
