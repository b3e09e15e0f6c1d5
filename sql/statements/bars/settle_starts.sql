-- Listings with session-by-session answers: where a done unit covers every possible session before the first bar, and
-- each is an explained gap that is not merely late, the listing begins at that bar (a quarantined one counts too).
WITH answered AS MATERIALIZED (
    SELECT u.kind, u.subject, u.first_session, u.last_session
    FROM work_units AS u
    WHERE u.market = %(market)s AND u.source = %(source)s AND u.status = 'done'
        AND u.kind IN ('range', 'grouped', 'flat_file')
), first_bars AS (
    SELECT i.security_id, i.valid_from, i.seen_from, i.ticker, min(b.session) AS first_bar
    FROM ticker_intervals AS i
    JOIN (
        SELECT security_id, session FROM ohlcv_daily WHERE NOT is_fmv
        UNION ALL
        SELECT security_id, session FROM quarantined_bars
    ) AS b ON b.security_id = i.security_id AND covers(i.valid_from, i.valid_to, b.session)
    WHERE i.start_known = 'absent_before' AND i.security_id = ANY (%(security_ids)s::bigint[])
    GROUP BY i.security_id, i.valid_from, i.seen_from, i.ticker)
SELECT f.security_id, f.valid_from, f.first_bar
FROM first_bars AS f
WHERE f.first_bar > f.valid_from AND f.first_bar <= f.seen_from
    AND (
        SELECT count(*) FROM unnest(%(sessions)s::date[]) AS s (session)
        WHERE s.session >= f.valid_from AND s.session < f.first_bar
    ) = (
        SELECT count(*) FROM bar_gaps AS g
        WHERE g.security_id = f.security_id AND g.session >= f.valid_from AND g.session < f.first_bar
            AND g.reason <> 'vendor_late'
            AND (
                g.session IN (SELECT a.first_session FROM answered AS a WHERE a.kind <> 'range')
                OR EXISTS (
                    SELECT FROM answered AS a
                    WHERE a.kind = 'range' AND a.subject = f.ticker
                        AND g.session BETWEEN a.first_session AND a.last_session)))
