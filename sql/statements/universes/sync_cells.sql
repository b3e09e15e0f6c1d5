-- Universes on sessions: members, bars due and stored, figures of the member funds, and the determination in force.
WITH days AS (
    SELECT unnest(%(sessions)s::date[]) AS session
), named AS (
    SELECT m.universe, d.session, m.security_id
    FROM days AS d
    JOIN universe_memberships AS m ON m.known_to IS NULL AND covers(m.valid_from, m.valid_to, d.session)
    WHERE m.universe = ANY (%(universes)s::text[])
    UNION ALL
    SELECT s.universe, d.session, s.security_id
    FROM days AS d
    CROSS JOIN static_members AS s
    WHERE s.universe = ANY (%(universes)s::text[]) AND s.security_id IS NOT NULL
), counted AS (
    SELECT n.universe, n.session, count(*) AS members,
        count(i.security_id) FILTER (WHERE b.security_id IS NOT NULL OR NOT coalesce(g.is_final, false)) AS due,
        count(b.security_id) AS stored,
        sum(s.aum_usd)::float8 AS aum_usd, avg(s.expense_ratio)::float8 AS expense_ratio
    FROM named AS n
    JOIN securities AS s USING (security_id)
    LEFT JOIN ticker_intervals AS i ON i.security_id = n.security_id AND covers(i.valid_from, i.valid_to, n.session)
    LEFT JOIN ohlcv_daily AS b ON b.security_id = n.security_id AND b.session = n.session AND NOT b.is_fmv
    LEFT JOIN bar_gaps AS g ON g.security_id = n.security_id AND g.session = n.session
    GROUP BY n.universe, n.session)
SELECT c.key, d.session, coalesce(n.members, 0), coalesce(n.due, 0), coalesce(n.stored, 0), n.aum_usd, n.expense_ratio,
    c.membership = 'dated' AND r.version IS NOT NULL AS by_rule,
    nullif(e.session, DATE '1900-01-01'), e.task, e.rule_version
FROM days AS d
CROSS JOIN cache_entries AS c
LEFT JOIN counted AS n ON n.universe = c.key AND n.session = d.session
LEFT JOIN LATERAL (SELECT max(u.version) AS version FROM universe_rules AS u WHERE u.universe = c.key) AS r ON true
LEFT JOIN LATERAL (
    SELECT u.session, u.task, u.rule_version FROM universe_determinations AS u
    WHERE u.universe = c.key AND u.session <= d.session
    ORDER BY u.session DESC, u.determined_at DESC LIMIT 1) AS e ON true
WHERE c.key = ANY (%(universes)s::text[])
ORDER BY d.session, c.key COLLATE "C"
