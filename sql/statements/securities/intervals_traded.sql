-- The stored bars of some securities, good and quarantined, that lie between two lists: before the first that shows the
-- security, where one lacks it; and after the last, where one lacks it since.
UPDATE ticker_intervals AS i SET
    traded_from = CASE WHEN i.start_known = 'absent_before' THEN (
        SELECT min(b.session) FROM (
            SELECT session FROM ohlcv_daily WHERE security_id = i.security_id AND NOT is_fmv
            UNION ALL
            SELECT session FROM quarantined_bars WHERE security_id = i.security_id
        ) AS b
        WHERE b.session >= i.valid_from AND b.session < i.seen_from) END,
    traded_to = CASE WHEN i.gone_on IS NOT NULL THEN (
        SELECT max(b.session) FROM (
            SELECT session FROM ohlcv_daily WHERE security_id = i.security_id AND NOT is_fmv
            UNION ALL
            SELECT session FROM quarantined_bars WHERE security_id = i.security_id
        ) AS b
        WHERE b.session > i.seen_to AND b.session < coalesce(i.valid_to, 'infinity')) END
WHERE i.security_id = ANY (%(security_ids)s::bigint[]) AND (i.start_known = 'absent_before' OR i.gone_on IS NOT NULL)
