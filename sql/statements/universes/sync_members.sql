-- Members of every dated universe on a day, as known now.
SELECT m.universe, m.security_id
FROM universe_memberships AS m
WHERE m.known_to IS NULL AND covers(m.valid_from, m.valid_to, %(day)s)
