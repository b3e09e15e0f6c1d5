-- Open gaps of some sessions ($1) and securities ($2): lists separated by commas.
SELECT g.security_id, g.session, g.reason, g.evidence, g.retry_at
FROM bar_gaps AS g
JOIN unnest(string_to_array($1::text, ',')::date[]) AS d (session) USING (session)
JOIN unnest(string_to_array($2::text, ',')::bigint[]) AS s (security_id) USING (security_id)
WHERE NOT g.is_final
