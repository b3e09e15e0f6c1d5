SELECT security_id, correlation_reference, etf_type
FROM securities
WHERE etf_type IS NOT NULL OR equity_type IN ('ETF', 'ETN', 'ETS', 'ETV')
ORDER BY security_id
