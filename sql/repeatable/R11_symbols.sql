CREATE OR REPLACE VIEW symbols AS
SELECT DISTINCT ON (s.security_id)
    i.ticker AS symbol,
    s.security_id,
    s.name,
    s.equity_type,
    s.primary_exchange,
    s.currency,
    s.cik,
    s.composite_figi,
    s.sic_code,
    s.sector,
    s.shares_outstanding,
    s.list_date,
    s.delisted_on,
    i.valid_to IS NULL AND s.delisted_on IS NULL AS active,
    s.etf_type,
    s.aum_usd,
    s.aum_millions,
    s.expense_ratio,
    s.underlying_index,
    s.correlation_reference,
    s.updated_at,
    v.verdict AS validation,
    v.reason AS validation_reason
FROM securities AS s
JOIN ticker_intervals AS i USING (security_id)
LEFT JOIN symbol_validations AS v USING (security_id)
ORDER BY s.security_id, i.valid_from DESC;

GRANT SELECT ON symbols TO tickstock_writer, tickstock_app;
COMMENT ON COLUMN symbols.validation IS 'Whether it keeps the validation_rules of its type: passes, fails or unknown; null where it was not validated yet. See symbol_validations.verdict.';
COMMENT ON COLUMN symbols.validation_reason IS 'Why, with the numbers. See symbol_validations.reason.';
