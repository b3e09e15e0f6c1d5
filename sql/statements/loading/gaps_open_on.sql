-- Open gaps of some sessions ($1) and securities ($2): lists separated by commas.
SELECT security_id, session, reason, evidence, retry_at FROM bar_gaps
WHERE session = ANY (string_to_array($1::text, ',')::date[]) AND NOT is_final
    AND security_id = ANY (string_to_array($2::text, ',')::bigint[])
