-- The last stored bar of each security before its given day.
SELECT asked.security_id, asked.before, (
    SELECT max(b.session) FROM ohlcv_daily AS b
    WHERE b.security_id = asked.security_id AND b.session < asked.before AND NOT b.is_fmv)
FROM unnest(%(security_ids)s::bigint[], %(before)s::date[]) AS asked (security_id, before)
