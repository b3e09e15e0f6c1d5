-- Open gaps of some securities on some sessions, with the good answers that had no such bar.
SELECT g.ticker, g.session, g.answers
FROM bar_gaps AS g
WHERE g.security_id = ANY (%(security_ids)s::bigint[]) AND g.session = ANY (%(sessions)s::date[]) AND NOT g.is_final
ORDER BY g.session DESC, g.ticker COLLATE "C"
