-- Members by session, as known now: superseded rows depend on the order in which sessions were determined.
SELECT *
FROM (
    SELECT m.universe COLLATE "C" AS universe,
        coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        m.valid_from, m.valid_to
    FROM universe_memberships AS m
    JOIN securities AS s USING (security_id)
    WHERE m.known_to IS NULL) AS named
ORDER BY universe, identity, valid_from
