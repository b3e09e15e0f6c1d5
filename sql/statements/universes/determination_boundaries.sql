-- Record the sessions at which an import begins or ends a membership, each with the number of members from then on.
-- Rows that are already right stay, except at the session whose changed members an event reports.
INSERT INTO universe_determinations (universe, session, determined_at, rule_version, task, members, evidence, run_id)
SELECT %(universe)s, b.session, %(at)s, NULL, %(task)s, b.members, '{}', %(run_id)s
FROM unnest(%(sessions)s::date[], %(counts)s::integer[]) AS b (session, members)
WHERE b.session = %(changed)s OR b.members IS DISTINCT FROM (
    SELECT d.members FROM universe_determinations AS d
    WHERE d.universe = %(universe)s AND d.session = b.session
    ORDER BY d.determined_at DESC LIMIT 1)
