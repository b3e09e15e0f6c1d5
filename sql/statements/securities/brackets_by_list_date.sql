-- A stated list date that lies between a list that lacks a security and the first look at it is its first day: the bracket
-- closes. A date outside of the bracket, or after a stored bar, contradicts what is known, and moves nothing.
UPDATE ticker_intervals AS i SET valid_from = s.list_date, start_known = 'vendor'
FROM stage_details AS d
JOIN securities AS s USING (security_id)
WHERE i.security_id = d.security_id AND i.start_known = 'absent_before' AND s.list_date_source = 'vendor'
    AND s.list_date BETWEEN i.valid_from AND i.seen_from AND coalesce(i.traded_from >= s.list_date, true)
    AND NOT EXISTS (
        SELECT FROM ticker_intervals AS e WHERE e.security_id = i.security_id AND e.valid_from < i.valid_from)
    AND NOT EXISTS (
        SELECT FROM ohlcv_daily AS b
        WHERE b.security_id = i.security_id AND b.session >= i.valid_from AND b.session < s.list_date AND NOT b.is_fmv)
