SELECT *
FROM (
    SELECT coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        v.seen_from, v.seen_to, v.ticker, v.name, v.equity_type, v.primary_exchange, v.cik, v.share_class_figi
    FROM symbol_versions AS v
    JOIN securities AS s USING (security_id)) AS named
ORDER BY identity, seen_from
