-- Write the new bars. A stored one costs an index lookup and no WAL (DO UPDATE would lock the row, which writes WAL).
INSERT INTO ohlcv_daily (
    security_id, session, ticker, closes_at, open, high, low, close, volume, vwap, transactions,
    source, status, loaded_at, volume_printed)
SELECT
    s.security_id, s.session, s.ticker, s.closes_at, s.open, s.high, s.low, s.close, s.volume, s.vwap,
    s.transactions, %(source)s, s.status, %(now)s, s.volume_printed
FROM stage_bars AS s
ON CONFLICT (security_id, session) DO NOTHING
