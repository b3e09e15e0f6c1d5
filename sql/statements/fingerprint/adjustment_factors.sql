SELECT t.ticker, f.ex_dates, f.split_factors, f.dividend_factors, f.close_dates, f.pending_from
FROM adjustment_factors AS f
CROSS JOIN LATERAL (
    SELECT i.ticker FROM ticker_intervals AS i
    WHERE i.security_id = f.security_id ORDER BY i.valid_from DESC LIMIT 1) AS t
ORDER BY t.ticker COLLATE "C", f.ex_dates
