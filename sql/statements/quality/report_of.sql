-- What a stored report of a symbol says about missing sessions.
SELECT missing_sessions, missing_in_a_row
FROM quality_reports
WHERE session = %(session)s AND security_id = %(security_id)s
FOR UPDATE
