-- Every universe with its rule in force, and whether its members were determined for the session or an earlier one.
SELECT c.key, c.type, c.universe_category, c.membership = 'dated' AS dated, c.value, r.rule, r.version,
    EXISTS (
        SELECT FROM universe_determinations AS d
        WHERE d.universe = c.key AND d.session <= %(session)s
            -- Not what this session's own synchronisation determined: a repeated run must see the same state.
            AND NOT (d.session = %(session)s AND d.task = ANY (%(tasks)s::text[]))) AS determined
FROM cache_entries AS c
LEFT JOIN LATERAL (
    SELECT u.rule, u.version FROM universe_rules AS u WHERE u.universe = c.key ORDER BY u.version DESC LIMIT 1) AS r
    ON true
ORDER BY c.key COLLATE "C"
