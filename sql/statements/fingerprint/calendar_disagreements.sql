SELECT d.calendar, d.session, d.witness, d.ours, d.theirs, d.overridden, d.resolved_at IS NULL AS stands
FROM calendar_disagreements AS d
ORDER BY d.calendar COLLATE "C", d.session, d.witness COLLATE "C", d.disagreement_id
