SELECT *
FROM (
    SELECT coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        h.as_of, h.shares, h.source
    FROM security_shares AS h
    JOIN securities AS s USING (security_id)) AS named
ORDER BY identity, as_of, source COLLATE "C"
