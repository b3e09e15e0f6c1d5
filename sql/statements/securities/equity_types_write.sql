-- The table gives a changed row its next version, and keeps it.
INSERT INTO equity_types AS t (
    equity_type, title, update_frequency, priority, processing_rules, retry_config, performance_targets, quality,
    last_updated)
VALUES (
    %(equity_type)s, %(title)s, %(update_frequency)s, %(priority)s, %(processing_rules)s, %(retry_config)s,
    %(performance_targets)s, %(quality)s, %(now)s)
ON CONFLICT (equity_type) DO UPDATE SET
    title = EXCLUDED.title, update_frequency = EXCLUDED.update_frequency, priority = EXCLUDED.priority,
    processing_rules = EXCLUDED.processing_rules, retry_config = EXCLUDED.retry_config,
    performance_targets = EXCLUDED.performance_targets, quality = EXCLUDED.quality, last_updated = EXCLUDED.last_updated
WHERE (t.title, t.update_frequency, t.priority, t.processing_rules, t.retry_config, t.performance_targets, t.quality)
    IS DISTINCT FROM (EXCLUDED.title, EXCLUDED.update_frequency, EXCLUDED.priority, EXCLUDED.processing_rules,
        EXCLUDED.retry_config, EXCLUDED.performance_targets, EXCLUDED.quality)
RETURNING version
