SELECT r.universe, r.version, r.rule, r.reason
FROM universe_rules AS r
ORDER BY r.universe COLLATE "C", r.version
