-- The state that an import revises: whether the universe is dated, its determined sessions, how often the newest of
-- them was determined, and a moment after every stored one.
SELECT c.membership,
    ARRAY(SELECT DISTINCT d.session FROM universe_determinations AS d WHERE d.universe = c.key ORDER BY 1) AS sessions,
    (SELECT count(*) FROM universe_determinations AS d WHERE d.universe = c.key AND d.session = greatest(
        %(newest)s, (SELECT max(n.session) FROM universe_determinations AS n WHERE n.universe = c.key))) AS times,
    greatest(%(now)s,
        (SELECT max(d.determined_at) FROM universe_determinations AS d WHERE d.universe = c.key)
            + interval '1 microsecond',
        (SELECT max(m.known_from) FROM universe_memberships AS m WHERE m.universe = c.key AND m.known_to IS NULL)
            + interval '1 microsecond') AS at
FROM cache_entries AS c
WHERE c.key = %(universe)s
