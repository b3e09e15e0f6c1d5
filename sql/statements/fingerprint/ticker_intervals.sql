SELECT *
FROM (
    SELECT coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        t.ticker, t.valid_from, t.valid_to, t.start_known, t.seen_from, t.seen_to, t.gone_on, t.traded_from,
        t.traded_to, t.shown_until, t.stated_from, t.stated_to
    FROM ticker_intervals AS t
    JOIN securities AS s USING (security_id)) AS named
ORDER BY identity, valid_from
