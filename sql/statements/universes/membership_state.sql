-- What a determination of a session meets. `at` is after every moment that is written of the universe, whatever clocks
-- say: of two revisions the later one is known later.
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
