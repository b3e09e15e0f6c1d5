-- Every universe, with the version of its rule and its newest determined session.
SELECT c.key, c.type, c.name, c.membership, jsonb_array_length(c.value) AS members, c.track, c.track_from, c.aliases,
    c.last_universe_update,
    (SELECT max(r.version) FROM universe_rules AS r WHERE r.universe = c.key) AS rule_version,
    (SELECT max(d.session) FROM universe_determinations AS d WHERE d.universe = c.key) AS determined
FROM cache_entries AS c
ORDER BY c.type, c.key
