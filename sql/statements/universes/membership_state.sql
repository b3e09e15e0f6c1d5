-- The state that a determination of a session revises. `at` is later than every stored moment of the universe,
-- whatever the clocks say, so that the later of two revisions is known later.
SELECT c.membership,
    (SELECT min(d.session) FROM universe_determinations AS d WHERE d.universe = c.key AND d.session > %(session)s) AS until,
    (SELECT count(*) FROM universe_determinations AS d WHERE d.universe = c.key AND d.session = %(session)s) AS times,
    EXISTS (
        SELECT FROM (
            SELECT d.rule_version, d.evidence FROM universe_determinations AS d
            WHERE d.universe = c.key AND d.session = %(session)s
            ORDER BY d.determined_at DESC LIMIT 1) AS last
        WHERE last.rule_version IS NOT DISTINCT FROM %(rule_version)s::integer
            AND last.evidence = %(evidence)s::jsonb) AS same,
    greatest(%(now)s,
        (SELECT max(d.determined_at) FROM universe_determinations AS d WHERE d.universe = c.key)
            + interval '1 microsecond',
        (SELECT max(m.known_from) FROM universe_memberships AS m WHERE m.universe = c.key AND m.known_to IS NULL)
            + interval '1 microsecond') AS at
FROM cache_entries AS c
WHERE c.key = %(universe)s
