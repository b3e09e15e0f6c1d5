-- The sessions of which some staged gap is new, or has another reason than before.
SELECT DISTINCT s.session
FROM stage_gaps AS s
LEFT JOIN bar_gaps AS g USING (security_id, session)
WHERE g.reason IS DISTINCT FROM s.reason
