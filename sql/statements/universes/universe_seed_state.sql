-- Newest determined session of a universe, and the task of the seeds' determination; nulls where there is none.
SELECT
    (SELECT max(d.session) FROM universe_determinations AS d WHERE d.universe = %(universe)s) AS newest,
    (SELECT array_agg(m.security_id) FROM universe_memberships AS m
        WHERE m.universe = %(universe)s AND m.known_to IS NULL AND m.valid_from = %(session)s) AS members
