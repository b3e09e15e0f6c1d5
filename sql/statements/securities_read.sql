SELECT s.security_id, s.composite_figi, s.delisted_on,
    i.ticker, i.valid_from, i.valid_to, i.start_known, i.seen_from, i.seen_to
FROM securities AS s
JOIN ticker_intervals AS i USING (security_id)
ORDER BY s.security_id, i.valid_from
