-- Sessions of a market due for a reconcile: with provisional bars, or with gaps that were late.
SELECT c.session, (count(*) FILTER (WHERE c.provisional))::bigint, (count(*) FILTER (WHERE NOT c.provisional))::bigint
FROM (
    SELECT security_id, session, true AS provisional FROM ohlcv_daily
    WHERE session BETWEEN %(first)s AND %(last)s AND status = 'provisional' AND NOT is_fmv
    UNION ALL
    SELECT security_id, session, false FROM bar_gaps
    WHERE session BETWEEN %(first)s AND %(last)s AND reason = 'vendor_late') AS c
JOIN securities AS s USING (security_id)
WHERE in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
GROUP BY c.session
ORDER BY c.session
