-- End what other contents of files said about the actions of some securities: the newest content counts. What it says
-- nothing sure about stays.
UPDATE corporate_actions SET known_to = greatest(%(now)s, known_from + interval '1 microsecond')
WHERE known_to IS NULL AND source LIKE 'files:%%' AND source <> %(source)s
    AND security_id = ANY (%(security_ids)s::bigint[])
    AND (security_id, action, ex_date) NOT IN (
        SELECT * FROM unnest(%(doubtful_ids)s::bigint[], %(doubtful_actions)s::text[], %(doubtful_days)s::date[]))
