-- ETFs of a day by class, with AUM and without.
SELECT coalesce(s.etf_type, 'not classified') AS etf_type, count(*) AS etfs, count(s.aum_usd) AS with_aum,
    round(sum(s.aum_usd) / 1e9, 1) AS aum_billions
FROM ticker_intervals AS h
JOIN securities AS s USING (security_id)
WHERE covers(h.valid_from, h.valid_to, %(on)s)
    AND (s.etf_type IS NOT NULL OR s.equity_type = ANY (%(types)s))
GROUP BY 1
ORDER BY 2 DESC, 1
