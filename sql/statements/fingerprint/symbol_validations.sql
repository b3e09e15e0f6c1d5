SELECT v.ticker, v.session, v.equity_type, v.type_version, v.verdict, v.reason, v.aum_usd, v.adv20_usd, v.adv20_shares,
    v.expense_ratio
FROM symbol_validations AS v
ORDER BY v.ticker COLLATE "C", v.session, v.verdict, v.reason
