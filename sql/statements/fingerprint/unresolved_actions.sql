SELECT u.source, u.ticker, u.action, u.ex_date, u.vendor_id
FROM unresolved_actions AS u
ORDER BY u.source COLLATE "C", u.ticker COLLATE "C", u.ex_date, u.action, u.vendor_id COLLATE "C"
