-- How many expected cells of each security on some sessions ($1, separated by commas) are stored or explained for good.
-- Expected are the securities $2 on their days [$3, $4), as for settled_per_session.
SELECT c.security_id, count(*) AS settled
FROM (
    SELECT security_id, session FROM ohlcv_daily WHERE NOT is_fmv
    UNION ALL
    SELECT security_id, session FROM bar_gaps WHERE is_final) AS c
JOIN unnest(string_to_array($1::text, ',')::date[]) AS d (session) USING (session)
JOIN unnest(
    string_to_array($2::text, ',')::bigint[], string_to_array($3::text, ',')::date[],
    string_to_array($4::text, ',')::date[]) AS s (security_id, valid_from, valid_to)
    ON s.security_id = c.security_id AND c.session >= s.valid_from AND c.session < s.valid_to
GROUP BY c.security_id
