-- What the answer says otherwise than a current version of another source, which stays.
SELECT s.ticker, s.ex_date, s.action, a.source,
    CASE s.action WHEN 'split' THEN s.split_to ELSE s.cash_amount END::float8 AS said,
    CASE s.action WHEN 'split' THEN s.split_from ELSE 1 END::float8 AS per
FROM stage_actions AS s
JOIN corporate_actions AS a USING (security_id, action, ex_date)
WHERE a.known_to IS NULL AND a.source <> %(source)s
    AND (a.action = 'split' OR a.kind = s.kind)
    AND CASE a.action
        WHEN 'split' THEN abs(s.split_to * a.split_from - s.split_from * a.split_to) > s.split_to * a.split_from / 1000000
        ELSE (s.cash_amount, s.currency) IS DISTINCT FROM (a.cash_amount, a.currency) END
ORDER BY s.ticker, s.ex_date, s.action, s.kind
