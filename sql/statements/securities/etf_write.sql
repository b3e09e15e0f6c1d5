-- Leaves unchanged rows alone.
INSERT INTO etf_profiles AS p (
    ticker, source, as_of, name, issuer, category, themes, etf_type, underlying_index, correlation_reference,
    primary_exchange, inception_date, aum_usd, aum_source, expense_ratio, expense_ratio_source, known_at)
SELECT
    ticker, source, as_of, name, issuer, category, themes, etf_type, underlying_index, correlation_reference,
    primary_exchange, inception_date, aum_usd, aum_source, expense_ratio, expense_ratio_source, %(now)s
FROM stage_etf
ON CONFLICT (ticker, source, as_of) DO UPDATE SET
    name = EXCLUDED.name, issuer = EXCLUDED.issuer, category = EXCLUDED.category, themes = EXCLUDED.themes,
    etf_type = EXCLUDED.etf_type, underlying_index = EXCLUDED.underlying_index, correlation_reference =
    EXCLUDED.correlation_reference, primary_exchange = EXCLUDED.primary_exchange, inception_date =
    EXCLUDED.inception_date, aum_usd = EXCLUDED.aum_usd, aum_source = EXCLUDED.aum_source, expense_ratio =
    EXCLUDED.expense_ratio, expense_ratio_source = EXCLUDED.expense_ratio_source, known_at = EXCLUDED.known_at
WHERE (
    p.name, p.issuer, p.category, p.themes, p.etf_type, p.underlying_index, p.correlation_reference,
    p.primary_exchange, p.inception_date, p.aum_usd, p.aum_source, p.expense_ratio, p.expense_ratio_source) IS DISTINCT FROM (
    EXCLUDED.name, EXCLUDED.issuer, EXCLUDED.category, EXCLUDED.themes, EXCLUDED.etf_type,
    EXCLUDED.underlying_index, EXCLUDED.correlation_reference, EXCLUDED.primary_exchange,
    EXCLUDED.inception_date, EXCLUDED.aum_usd, EXCLUDED.aum_source, EXCLUDED.expense_ratio,
    EXCLUDED.expense_ratio_source)
