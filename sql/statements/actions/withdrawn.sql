-- How many current versions in the span the answer lacks, and how many there are. One that was moved is not lacking: the
-- answer has an action of its security that is new. Nor is one about which the answer says nothing sure.
SELECT
    count(*) FILTER (
        WHERE NOT EXISTS (
            SELECT FROM stage_actions AS s
            WHERE (s.security_id, s.action) = (a.security_id, a.action)
                AND (s.ex_date = a.ex_date OR NOT EXISTS (
                    SELECT FROM corporate_actions AS k
                    WHERE k.known_to IS NULL
                        AND (k.security_id, k.action, k.ex_date) = (s.security_id, s.action, s.ex_date))))
        AND NOT EXISTS (
            SELECT FROM stage_doubtful AS d
            WHERE (d.security_id, d.action, d.ex_date) = (a.security_id, a.action, a.ex_date))
        AND NOT EXISTS (
            SELECT FROM stage_unresolved AS u
            WHERE (u.action, u.ex_date) = (a.action, a.ex_date)
                AND (u.ticker = a.ticker OR u.vendor_id = a.vendor_id))),
    count(*)
FROM corporate_actions AS a
WHERE a.known_to IS NULL AND a.source = %(source)s AND a.ex_date BETWEEN %(first)s AND %(last)s
