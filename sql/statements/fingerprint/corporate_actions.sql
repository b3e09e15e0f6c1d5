SELECT a.ticker, a.action, a.kind, a.ex_date, a.declared_on, a.record_date, a.pay_date, a.split_from, a.split_to,
    a.cash_amount, a.currency, a.close_before, a.vendor_id, a.source, a.known_to IS NULL AS is_current
FROM corporate_actions AS a
ORDER BY a.ticker COLLATE "C", a.ex_date, a.action, a.kind COLLATE "C", is_current, a.source COLLATE "C", a.known_from
