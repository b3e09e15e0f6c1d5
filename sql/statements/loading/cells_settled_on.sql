-- Cells that are stored or explained for good, of some sessions ($1) and securities ($2): lists separated by commas.
SELECT c.security_id, c.session
FROM (
    SELECT security_id, session FROM ohlcv_daily WHERE NOT is_fmv
    UNION ALL
    SELECT security_id, session FROM bar_gaps WHERE is_final) AS c
JOIN unnest(string_to_array($1::text, ',')::date[]) AS d (session) USING (session)
JOIN unnest(string_to_array($2::text, ',')::bigint[]) AS s (security_id) USING (security_id)
