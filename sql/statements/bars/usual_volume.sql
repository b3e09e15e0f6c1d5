-- Median volume of each security over its last 20 stored sessions before a day; or over those of a given span that ends
-- there, where it holds enough of them.
SELECT wanted.security_id, coalesce(span.volume, recent.volume) AS volume
FROM unnest(%(security_ids)s::bigint[]) AS wanted (security_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) >= %(enough)s THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY b.volume) END AS volume
    FROM ohlcv_daily AS b
    WHERE b.security_id = wanted.security_id AND b.session >= %(first)s::date AND b.session < %(before)s
        AND NOT b.is_fmv) AS span
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY last_ones.volume) AS volume
    FROM (
        SELECT b.volume FROM ohlcv_daily AS b
        WHERE b.security_id = wanted.security_id AND b.session < %(before)s AND NOT b.is_fmv
        ORDER BY b.session DESC LIMIT 20) AS last_ones) AS recent
WHERE coalesce(span.volume, recent.volume) IS NOT NULL
