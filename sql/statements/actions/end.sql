-- End the current versions in the span that the answer changes or no longer has. Actions on which it contradicts itself
-- stay as they were. A version stays even if another process stored it after this answer was requested.
UPDATE corporate_actions AS a SET known_to = greatest(%(now)s, a.known_from + interval '1 microsecond')
WHERE a.known_to IS NULL AND a.source = %(source)s AND a.ex_date BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (
        SELECT FROM stage_doubtful AS d WHERE (d.security_id, d.action, d.ex_date) = (a.security_id, a.action, a.ex_date))
    AND NOT EXISTS (
        SELECT FROM stage_actions AS s
        WHERE (s.security_id, s.action, s.ex_date, s.kind) = (a.security_id, a.action, a.ex_date, a.kind)
            AND (s.split_from, s.split_to, s.cash_amount, s.currency, s.declared_on, s.record_date, s.pay_date)
                IS NOT DISTINCT FROM
                (a.split_from, a.split_to, a.cash_amount, a.currency, a.declared_on, a.record_date, a.pay_date))
