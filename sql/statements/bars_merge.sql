-- Write new and changed bars only: a row that is already there costs no WAL. Final never becomes provisional again.
INSERT INTO ohlcv_daily AS b (
    security_id, session, ticker, closes_at, open, high, low, close, volume, vwap, transactions,
    source, status, loaded_at)
SELECT
    s.security_id, s.session, s.ticker, s.closes_at, s.open, s.high, s.low, s.close, s.volume, s.vwap,
    s.transactions, %(source)s, s.status, %(now)s
FROM stage_bars AS s
LEFT JOIN ohlcv_daily AS t USING (security_id, session)
WHERE t.security_id IS NULL
    OR (t.open, t.high, t.low, t.close, t.volume, t.vwap, t.transactions, t.is_fmv)
        IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume, s.vwap, s.transactions, false)
    OR (t.status = 'provisional' AND s.status = 'final')
ON CONFLICT (security_id, session) DO UPDATE SET
    ticker = EXCLUDED.ticker, closes_at = EXCLUDED.closes_at, open = EXCLUDED.open, high = EXCLUDED.high,
    low = EXCLUDED.low, close = EXCLUDED.close, volume = EXCLUDED.volume, vwap = EXCLUDED.vwap,
    transactions = EXCLUDED.transactions, fmv = NULL, is_fmv = false, source = EXCLUDED.source,
    status = CASE WHEN b.status = 'final' THEN 'final' ELSE EXCLUDED.status END, loaded_at = EXCLUDED.loaded_at
WHERE (b.open, b.high, b.low, b.close, b.volume, b.vwap, b.transactions, b.is_fmv)
        IS DISTINCT FROM (EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
            EXCLUDED.vwap, EXCLUDED.transactions, false)
    OR (b.status = 'provisional' AND EXCLUDED.status = 'final')
