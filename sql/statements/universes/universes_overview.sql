-- Every universe, with the version of its rule and its newest determined session: none where there are seeds alone.
SELECT c.key, c.type, c.name, c.membership, jsonb_array_length(c.value) AS members, c.track, c.track_from, c.aliases,
    c.last_universe_update,
    (SELECT max(r.version) FROM universe_rules AS r WHERE r.universe = c.key) AS rule_version,
    (SELECT max(d.session) FROM universe_determinations AS d
        WHERE d.universe = c.key AND d.session > DATE '1900-01-01') AS determined
FROM cache_entries AS c
ORDER BY c.type, c.key
