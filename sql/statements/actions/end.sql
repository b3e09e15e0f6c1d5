-- End the current versions of the source in the span that the answer states otherwise, or no longer has. A ratio in other
-- numbers is the same. What an answer says nothing sure about stays: rows of it were refused, or stand under a ticker
-- that no security holds yet.
UPDATE corporate_actions AS a SET known_to = greatest(%(now)s, a.known_from + interval '1 microsecond')
WHERE a.known_to IS NULL AND a.source = %(source)s AND a.ex_date BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (
        SELECT FROM stage_actions AS s
        WHERE (s.security_id, s.action, s.ex_date, s.kind) = (a.security_id, a.action, a.ex_date, a.kind)
            AND (a.action = 'dividend'
                OR abs(s.split_to * a.split_from - s.split_from * a.split_to) <= s.split_to * a.split_from / 1000000)
            AND (s.cash_amount, s.currency, s.close_before, s.declared_on, s.record_date, s.pay_date)
                IS NOT DISTINCT FROM
                (a.cash_amount, a.currency, a.close_before, a.declared_on, a.record_date, a.pay_date))
    AND (EXISTS (
            SELECT FROM stage_actions AS s
            WHERE (s.security_id, s.action, s.ex_date) = (a.security_id, a.action, a.ex_date)
                AND (a.action = 'split' OR s.kind = a.kind))
        OR NOT EXISTS (
            SELECT FROM stage_doubtful AS d
            WHERE (d.security_id, d.action, d.ex_date) = (a.security_id, a.action, a.ex_date)
                AND (d.kind IS NULL OR d.kind = a.kind))
        AND NOT EXISTS (
            SELECT FROM stage_unresolved AS u
            WHERE (u.action, u.ex_date) = (a.action, a.ex_date)
                AND (u.ticker = a.ticker OR u.vendor_id = a.vendor_id)))
