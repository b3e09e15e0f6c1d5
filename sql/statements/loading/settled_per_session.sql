-- How many expected cells of each session between two ($1, $2) are stored or explained for good. Expected are the
-- securities $3 on their days [$4, $5): lists separated by commas, which go together.
SELECT c.session, count(*) AS settled
FROM (
    SELECT security_id, session FROM ohlcv_daily WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
    UNION ALL
    SELECT security_id, session FROM bar_gaps WHERE session BETWEEN $1::date AND $2::date AND is_final) AS c
JOIN unnest(
    string_to_array($3::text, ',')::bigint[], string_to_array($4::text, ',')::date[],
    string_to_array($5::text, ',')::date[]) AS s (security_id, valid_from, valid_to)
    ON s.security_id = c.security_id AND c.session >= s.valid_from AND c.session < s.valid_to
GROUP BY c.session
