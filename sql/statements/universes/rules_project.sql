-- What TickStockApp reads of a rule.
UPDATE cache_entries SET
    liquidity_filter = %(liquidity_filter)s::jsonb,
    universe_metadata = coalesce(universe_metadata, '{}') || %(metadata)s::jsonb,
    updated_at = %(now)s
WHERE key = %(universe)s
