SELECT ticker, source, as_of, name, issuer, category, themes, etf_type, underlying_index, correlation_reference,
    primary_exchange, inception_date, aum_usd, aum_source, expense_ratio, expense_ratio_source
FROM etf_profiles
ORDER BY ticker COLLATE "C", source COLLATE "C", as_of
