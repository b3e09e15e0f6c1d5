-- Listings asked for session by session: where every expected session before the first bar was asked for and is an
-- explained gap, the listing begins at that bar (a quarantined one shows that it traded, too).
WITH first_bars AS (
    SELECT i.security_id, i.valid_from, min(b.session) AS first_bar
    FROM ticker_intervals AS i
    JOIN (
        SELECT security_id, session FROM ohlcv_daily WHERE NOT is_fmv
        UNION ALL
        SELECT security_id, session FROM quarantined_bars
    ) AS b ON b.security_id = i.security_id AND b.session >= i.valid_from
        AND (i.valid_to IS NULL OR b.session < i.valid_to)
    WHERE i.start_known = 'absent_before' AND i.security_id = ANY (%(security_ids)s::bigint[])
    GROUP BY i.security_id, i.valid_from)
SELECT f.security_id, f.valid_from, f.first_bar
FROM first_bars AS f
JOIN ticker_intervals AS i USING (security_id, valid_from)
WHERE f.first_bar > f.valid_from AND f.first_bar <= i.seen_from
    AND (
        SELECT count(*) FROM bar_gaps AS g
        WHERE g.security_id = f.security_id AND g.session >= f.valid_from AND g.session < f.first_bar
    ) = (
        SELECT count(*) FROM unnest(%(sessions)s::date[]) AS s (session)
        WHERE s.session >= f.valid_from AND s.session < f.first_bar)
