-- Begin a version for everything that has no current one.
INSERT INTO corporate_actions (
    security_id, ticker, action, kind, ex_date, declared_on, record_date, pay_date, split_from, split_to, cash_amount,
    currency, close_before, vendor_id, source, known_from)
SELECT s.security_id, s.ticker, s.action, s.kind, s.ex_date, s.declared_on, s.record_date, s.pay_date, s.split_from,
    s.split_to, s.cash_amount, s.currency, s.close_before, s.vendor_id, %(source)s, %(now)s
FROM stage_actions AS s
ON CONFLICT DO NOTHING
