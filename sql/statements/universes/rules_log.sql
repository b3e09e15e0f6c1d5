INSERT INTO sync_changes_log (
    session, universe, task, change, reason, before, after, rule_version, run_id, changed_at)
SELECT %(session)s, %(universe)s, 'set', 'rule', %(reason)s,
    (SELECT r.rule FROM universe_rules AS r WHERE r.universe = %(universe)s AND r.version = %(version)s - 1),
    %(rule)s::jsonb, %(version)s, %(run_id)s, %(now)s
