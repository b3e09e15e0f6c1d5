-- End what other contents of files said about the actions of some securities: the newest content counts.
UPDATE corporate_actions SET known_to = greatest(%(now)s, known_from + interval '1 microsecond')
WHERE known_to IS NULL AND source LIKE 'files:%%' AND source <> %(source)s
    AND security_id = ANY (%(security_ids)s::bigint[])
