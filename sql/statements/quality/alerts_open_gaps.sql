-- Open gaps of securities within their spans, except those before the plan's history (their evidence begins with
-- %(plan)s): they were never asked for, and waiting does not help.
SELECT g.security_id, g.session, g.ticker, g.reason FROM bar_gaps AS g
WHERE NOT g.is_final AND NOT starts_with(g.evidence, %(plan)s) AND EXISTS (
    SELECT FROM unnest(%(security_id)s::bigint[], %(valid_from)s::date[], %(valid_to)s::date[])
        AS span (security_id, valid_from, valid_to)
    WHERE span.security_id = g.security_id AND covers(span.valid_from, span.valid_to, g.session))
