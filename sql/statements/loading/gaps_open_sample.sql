SELECT g.session, g.ticker, g.reason, g.evidence FROM bar_gaps AS g
WHERE NOT g.is_final AND EXISTS (
    SELECT FROM unnest(%(security_id)s::bigint[], %(valid_from)s::date[], %(valid_to)s::date[])
        AS span (security_id, valid_from, valid_to)
    WHERE span.security_id = g.security_id AND g.session >= span.valid_from
        AND (span.valid_to IS NULL OR g.session < span.valid_to))
ORDER BY g.session DESC, g.ticker
LIMIT %(limit)s
