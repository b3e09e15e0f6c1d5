-- How many good answers lacked the bars of some cells, and the retry terms of their types.
SELECT c.security_id, c.session, coalesce(g.answers, 0), p.max_retries, p.backoff_multiplier
FROM unnest(%(security_ids)s::bigint[], %(sessions)s::date[]) AS c (security_id, session)
JOIN securities_processing AS p USING (security_id)
LEFT JOIN bar_gaps AS g USING (security_id, session)
