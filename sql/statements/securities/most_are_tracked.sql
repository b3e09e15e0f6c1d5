-- Whether half of the securities that the store knows, or more, are or were in a tracked universe.
SELECT 2 * count(*) >= (SELECT count(*) FROM securities)
FROM (
    SELECT s.security_id
    FROM static_members AS s
    JOIN cache_entries AS c ON c.key = s.universe AND c.track
    WHERE s.security_id IS NOT NULL
    UNION
    SELECT m.security_id
    FROM universe_memberships AS m
    JOIN cache_entries AS c ON c.key = m.universe AND c.track
    WHERE m.known_to IS NULL) AS tracked
