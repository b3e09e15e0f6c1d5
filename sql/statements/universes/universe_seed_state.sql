-- Of a theme: its newest determined session, the seeds that have joined, whether its members were imported, and the
-- symbols that its entry names; nulls where there is none.
SELECT
    (SELECT max(d.session) FROM universe_determinations AS d WHERE d.universe = %(universe)s) AS newest,
    (SELECT array_agg(m.security_id) FROM universe_memberships AS m
        WHERE m.universe = %(universe)s AND m.known_to IS NULL AND m.valid_from = %(session)s) AS members,
    EXISTS (SELECT FROM universe_determinations AS d WHERE d.universe = %(universe)s AND d.task = 'import') AS imported,
    (SELECT c.value FROM cache_entries AS c WHERE c.key = %(universe)s) AS named
