-- Sessions from $1 to $2 on which a security did not trade, with the facts that determine its references.
SELECT g.security_id, g.session, g.ticker, s.correlation_reference::text AS correlation_reference, s.sector
FROM bar_gaps AS g
JOIN securities AS s USING (security_id)
WHERE g.session BETWEEN $1::date AND $2::date AND g.is_final
ORDER BY g.session, g.security_id
