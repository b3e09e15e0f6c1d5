SELECT calendar, session, witness, ours, theirs, overridden FROM calendar_disagreements
WHERE resolved_at IS NULL AND session >= %(since)s
ORDER BY overridden, session, calendar, witness
