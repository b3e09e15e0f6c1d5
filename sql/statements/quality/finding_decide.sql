-- A person's decision about a finding, with the verdict that follows from it.
UPDATE quality_anomalies AS a SET
    verdict = %(verdict)s, cause = %(cause)s, judged_at = %(now)s, withdrawn_at = NULL, state = %(state)s,
    decided_by = %(by)s, decided_why = %(why)s, decided_at = %(now)s, decided_on = %(bar)s::jsonb,
    alerted_at = CASE WHEN %(alerts)s THEN %(now)s ELSE a.alerted_at END,
    alerted_as = CASE WHEN %(alerts)s THEN %(verdict)s ELSE a.alerted_as END
WHERE (a.security_id, a.session, a.rule, a.dataset) = (%(security_id)s, %(session)s, %(rule)s, %(dataset)s)
