-- ETFs of a day without a profile.
SELECT h.security_id, h.ticker, s.name
FROM ticker_intervals AS h
JOIN securities AS s USING (security_id)
WHERE covers(h.valid_from, h.valid_to, %(on)s) AND s.equity_type = ANY (%(types)s)
    AND NOT EXISTS (SELECT FROM etf_profiles AS p WHERE p.ticker = h.ticker)
ORDER BY h.ticker COLLATE "C"
