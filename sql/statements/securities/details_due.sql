-- The symbols of a day whose details were never requested, or not since their row changed, or too long ago.
SELECT v.security_id, v.ticker, v.name, v.equity_type, s.composite_figi, a.asked
FROM symbol_versions AS v
JOIN securities AS s USING (security_id)
LEFT JOIN (
    SELECT u.subject, max(u.last_session) AS asked
    FROM work_units AS u
    WHERE u.kind = 'details' AND u.market = %(market)s AND u.source = %(source)s AND u.status = 'done'
        AND u.last_session <= %(on)s
    GROUP BY u.subject) AS a ON a.subject = v.ticker
WHERE v.seen_from <= %(on)s AND v.seen_to >= %(on)s
    AND (a.asked IS NULL OR a.asked <= %(stale)s OR a.asked < v.seen_from)
ORDER BY a.asked NULLS FIRST, v.ticker COLLATE "C"
