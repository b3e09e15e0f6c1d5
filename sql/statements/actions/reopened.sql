-- Ex-dates of rows that no security was known for, and one is by now: the security that held the row's ticker last, and
-- was listed on that day under any, or the one that held it on the day itself. The rule of `_with_security` in
-- core.actions.corporate_actions. A null source is any.
SELECT DISTINCT u.ex_date
FROM unresolved_actions AS u
JOIN ticker_intervals AS i ON i.ticker = u.ticker
WHERE (%(source)s::text IS NULL OR u.source = %(source)s)
    AND (covers(i.valid_from, i.valid_to, u.ex_date)
        OR EXISTS (
            SELECT FROM ticker_intervals AS h
            WHERE h.security_id = i.security_id AND covers(h.valid_from, h.valid_to, u.ex_date))
        AND NOT EXISTS (
            SELECT FROM ticker_intervals AS later
            WHERE later.security_id = i.security_id AND later.valid_from > i.valid_from))
