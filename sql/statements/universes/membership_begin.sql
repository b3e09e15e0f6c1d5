INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from)
SELECT %(universe)s, security_id, valid_from, valid_to, %(at)s
FROM unnest(%(security_ids)s::bigint[], %(starts)s::date[], %(ends)s::date[]) AS begun (security_id, valid_from, valid_to)
