-- All that is stored about one security in one universe on one session: the security that held the ticker then, or
-- holds it now; its span; the determination in force; the newest change up to the session; what its type's rules say of it now.
SELECT s.security_id, named.ticker, c.membership, m.valid_from, m.valid_to, m.known_from,
    d.session, d.determined_at, d.rule_version, d.task, d.evidence -> called.ticker AS evidence,
    l.change, l.session, l.reason, l.changed_at,
    c.value ? s.newest AS in_list,
    EXISTS (SELECT FROM universe_rules AS r WHERE r.universe = c.key) AS by_rule,
    v.verdict, v.reason AS verdict_reason
FROM cache_entries AS c
CROSS JOIN LATERAL (
    SELECT i.security_id,
        (SELECT n.ticker FROM ticker_intervals AS n WHERE n.security_id = i.security_id
            ORDER BY n.valid_from DESC LIMIT 1) AS newest
    FROM ticker_intervals AS i
    WHERE i.ticker = %(ticker)s
    ORDER BY covers(i.valid_from, i.valid_to, %(session)s) DESC, i.valid_from DESC
    LIMIT 1) AS s
LEFT JOIN symbol_validations AS v USING (security_id)
LEFT JOIN ticker_intervals AS named ON named.security_id = s.security_id
    AND covers(named.valid_from, named.valid_to, %(session)s)
LEFT JOIN universe_memberships AS m ON m.universe = c.key AND m.security_id = s.security_id AND m.known_to IS NULL
    AND covers(m.valid_from, m.valid_to, %(session)s)
LEFT JOIN LATERAL (
    SELECT u.session, u.determined_at, u.rule_version, u.task, u.evidence FROM universe_determinations AS u
    WHERE u.universe = c.key AND u.session <= %(session)s
    ORDER BY u.session DESC, u.determined_at DESC
    LIMIT 1) AS d ON true
LEFT JOIN LATERAL (
    SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id
    ORDER BY (i.valid_from <= d.session) DESC, i.valid_from DESC
    LIMIT 1) AS called ON true
LEFT JOIN LATERAL (
    SELECT x.change, x.session, x.reason, x.changed_at FROM sync_changes_log AS x
    WHERE x.universe = c.key AND x.security_id = s.security_id AND coalesce(x.session <= %(session)s, true)
    ORDER BY x.session DESC NULLS LAST, x.change_id DESC
    LIMIT 1) AS l ON true
WHERE c.key = %(universe)s
