-- The determination in force for each session.
SELECT *
FROM (
    SELECT DISTINCT ON (d.universe, d.session)
        d.universe COLLATE "C" AS universe, d.session, d.rule_version, d.task, d.members, d.evidence
    FROM universe_determinations AS d
    ORDER BY d.universe, d.session, d.determined_at DESC) AS newest
ORDER BY universe, session
