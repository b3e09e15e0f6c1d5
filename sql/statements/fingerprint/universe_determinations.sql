-- The one of each session that counts.
SELECT *
FROM (
    SELECT DISTINCT ON (d.universe, d.session)
        d.universe COLLATE "C" AS universe, d.session, d.rule_version, d.task, d.members, d.evidence
    FROM universe_determinations AS d
    ORDER BY d.universe, d.session, d.determined_at DESC) AS newest
ORDER BY universe, session
