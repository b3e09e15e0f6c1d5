SELECT count(*) FROM bar_gaps AS g
WHERE NOT g.is_final AND EXISTS (
    SELECT FROM unnest(%(security_id)s::bigint[], %(valid_from)s::date[], %(valid_to)s::date[])
        AS span (security_id, valid_from, valid_to)
    WHERE span.security_id = g.security_id AND covers(span.valid_from, span.valid_to, g.session))
