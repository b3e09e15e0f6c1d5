-- Write the newest profile of each ETF into its security, the vendor's facts before the seed's. A vendor's profile
-- belongs to the security that held the ticker on the profile's own day.
UPDATE securities AS s SET
    etf_type = n.etf_type, themes = n.themes, aum_usd = n.aum_usd, expense_ratio = n.expense_ratio,
    underlying_index = n.underlying_index, correlation_reference = n.correlation_reference, issuer = n.issuer,
    updated_at = %(now)s
FROM (
    SELECT h.security_id, coalesce(v.etf_type, d.etf_type) AS etf_type,
        CASE WHEN v.etf_type IS NULL THEN d.themes ELSE v.themes END AS themes,
        coalesce(v.aum_usd, d.aum_usd) AS aum_usd, coalesce(v.expense_ratio, d.expense_ratio) AS expense_ratio,
        coalesce(v.underlying_index, d.underlying_index) AS underlying_index,
        coalesce(v.correlation_reference, d.correlation_reference) AS correlation_reference,
        coalesce(v.issuer, d.issuer) AS issuer
    FROM ticker_intervals AS h
    JOIN securities AS o USING (security_id)
    LEFT JOIN LATERAL (
        SELECT p.* FROM etf_profiles AS p
        WHERE p.ticker = h.ticker AND p.source <> 'seed' AND covers(h.valid_from, h.valid_to, p.as_of)
        ORDER BY p.as_of DESC, p.known_at DESC
        LIMIT 1) AS v ON true
    LEFT JOIN LATERAL (
        SELECT p.* FROM etf_profiles AS p
        WHERE p.ticker = h.ticker AND p.source = 'seed'
        ORDER BY p.as_of DESC
        LIMIT 1) AS d ON true
    WHERE covers(h.valid_from, h.valid_to, %(on)s)
        AND (o.equity_type IS NULL OR o.equity_type = ANY (%(types)s))
        AND (v.ticker IS NOT NULL OR d.ticker IS NOT NULL)) AS n
WHERE n.security_id = s.security_id
    AND (s.etf_type, s.themes, s.aum_usd, s.expense_ratio, s.underlying_index, s.correlation_reference, s.issuer)
        IS DISTINCT FROM (n.etf_type, n.themes, n.aum_usd, n.expense_ratio, n.underlying_index,
            n.correlation_reference, n.issuer)
