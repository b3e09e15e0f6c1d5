-- The stored figures of the symbols that the rules of a type apply to; of a new type, those that were OTHER before.
SELECT v.security_id, v.ticker, v.session, v.aum_usd, v.adv20_usd, v.adv20_shares, v.expense_ratio
FROM symbol_validations AS v
JOIN securities_processing AS p USING (security_id)
WHERE p.equity_type = %(equity_type)s
ORDER BY v.security_id
