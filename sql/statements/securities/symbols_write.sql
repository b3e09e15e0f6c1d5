INSERT INTO symbol_versions (
    security_id, seen_from, seen_to, ticker, name, equity_type, primary_exchange, cik, share_class_figi, known_at)
SELECT security_id, seen_from, seen_to, ticker, name, equity_type, primary_exchange, cik, share_class_figi, %(now)s
FROM stage_symbols
ON CONFLICT (security_id, seen_from) DO UPDATE SET
    seen_to = EXCLUDED.seen_to, ticker = EXCLUDED.ticker, name = EXCLUDED.name, equity_type = EXCLUDED.equity_type,
    primary_exchange = EXCLUDED.primary_exchange, cik = EXCLUDED.cik, share_class_figi = EXCLUDED.share_class_figi
