-- The parts of a rule that TickStockApp reads.
UPDATE cache_entries SET
    liquidity_filter = %(liquidity_filter)s::jsonb,
    universe_metadata = coalesce(universe_metadata, '{}') || %(metadata)s::jsonb,
    updated_at = %(now)s
WHERE key = %(universe)s
