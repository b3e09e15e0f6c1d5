-- Listings whose first day lies between two lists, and for which good answers cover every possible session before the
-- first bar (a quarantined one counts too): the listing begins at that bar.
WITH answered AS MATERIALIZED (
    SELECT u.kind, u.subject, u.first_session, u.last_session
    FROM work_units AS u
    WHERE u.market = %(market)s AND u.source = %(source)s AND u.status = 'done'
        AND u.dataset = 'ohlcv_daily' AND u.kind IN ('range', 'grouped', 'flat_file')
)
SELECT i.security_id, i.valid_from, i.first_bar
FROM (
    SELECT security_id, ticker, valid_from, coalesce(traded_from, (
        SELECT b.session FROM ohlcv_daily AS b
        WHERE b.security_id = t.security_id AND b.session = t.seen_from AND NOT b.is_fmv)) AS first_bar
    FROM ticker_intervals AS t
    WHERE start_known = 'absent_before' AND security_id = ANY (%(security_ids)s::bigint[])) AS i
WHERE i.first_bar > i.valid_from
    AND NOT EXISTS (
        SELECT FROM unnest(%(sessions)s::date[]) AS s (session)
        WHERE s.session >= i.valid_from AND s.session < i.first_bar
            AND s.session NOT IN (SELECT a.first_session FROM answered AS a WHERE a.kind <> 'range')
            AND NOT EXISTS (
                SELECT FROM answered AS a
                WHERE a.kind = 'range' AND a.subject = i.ticker
                    AND s.session BETWEEN a.first_session AND a.last_session))
