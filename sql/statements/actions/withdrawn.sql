-- How many current versions in the span the answer no longer has, and how many there are.
SELECT
    count(*) FILTER (
        WHERE NOT EXISTS (
            SELECT FROM stage_actions AS s
            WHERE (s.security_id, s.action, s.ex_date) = (a.security_id, a.action, a.ex_date))
        AND NOT EXISTS (
            SELECT FROM stage_doubtful AS d
            WHERE (d.security_id, d.action, d.ex_date) = (a.security_id, a.action, a.ex_date))),
    count(*)
FROM corporate_actions AS a
WHERE a.known_to IS NULL AND a.source = %(source)s AND a.ex_date BETWEEN %(first)s AND %(last)s
