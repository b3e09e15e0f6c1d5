-- The stored figures of the symbols that the rules of a type apply to.
SELECT security_id, ticker, session, aum_usd, adv20_usd, adv20_shares, expense_ratio
FROM symbol_validations
WHERE equity_type = %(equity_type)s
ORDER BY security_id
