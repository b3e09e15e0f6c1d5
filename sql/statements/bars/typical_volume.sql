-- Median volume of each security's last 20 stored sessions before a day.
SELECT wanted.security_id, median.volume
FROM unnest(%(security_ids)s::bigint[]) AS wanted (security_id)
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY recent.volume) AS volume
    FROM (
        SELECT b.volume FROM ohlcv_daily AS b
        WHERE b.security_id = wanted.security_id AND b.session < %(before)s AND NOT b.is_fmv
        ORDER BY b.session DESC LIMIT 20) AS recent) AS median
WHERE median.volume IS NOT NULL
