-- The sessions of which this batch has written a bar. The batch's securities and span keep the plan from reading the
-- whole history.
SELECT DISTINCT s.session
FROM stage_bars AS s
JOIN ohlcv_daily AS b USING (security_id, session)
WHERE b.security_id = ANY (%(security_ids)s::bigint[]) AND b.session BETWEEN %(first)s AND %(last)s
    AND b.loaded_at = %(now)s
