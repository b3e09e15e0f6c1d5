SELECT equity_type, title, update_frequency, priority, processing_rules, retry_config, performance_targets, quality, version
FROM equity_types
ORDER BY priority_level, equity_type
