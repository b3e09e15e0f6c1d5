SELECT *
FROM (
    SELECT l.session, l.universe COLLATE "C" AS universe,
        coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        l.ticker, l.task, l.change, l.reason, l.before, l.after, l.rule_version
    FROM sync_changes_log AS l
    LEFT JOIN securities AS s USING (security_id)) AS named
ORDER BY session, universe, identity, named::text COLLATE "C"
