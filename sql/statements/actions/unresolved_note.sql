INSERT INTO unresolved_actions (source, ticker, action, ex_date, vendor_id)
SELECT %(source)s, u.ticker, u.action, u.ex_date, u.vendor_id
FROM stage_unresolved AS u
ORDER BY u.ex_date, u.action, u.ticker, u.vendor_id
ON CONFLICT DO NOTHING
