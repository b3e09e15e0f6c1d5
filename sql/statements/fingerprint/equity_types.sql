SELECT t.equity_type, t.title, t.update_frequency, t.priority, t.processing_rules, t.retry_config, t.performance_targets,
    t.quality, t.version
FROM equity_types AS t
ORDER BY t.equity_type COLLATE "C"
